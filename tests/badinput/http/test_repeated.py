"""A request that comes again with the same key, whatever became of the registration meanwhile."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.registrations.registrations.waitlist import expire_overdue
from tests.support import registration_pages as pages
from tests.support import registrations as given


async def register(target, key: str, **wish: object):
    """By the API, for the event with room."""
    body = {"consent": True, "language": "en"} | wish
    headers = [("content-type", "application/json"), ("idempotency-key", key)]
    url = f"/registrations/api/events/{target.ids[0]}/registrations"
    return await target.browser().raw("POST", url, json.dumps(body).encode(), headers)


async def test_the_same_key_after_cancelling_is_the_cancelled_registration(registrations):
    """A program that lost the answer and asks again registers nobody anew; another key does."""
    event, _ = registrations.more
    email, key, other = pages.email(), str(uuid4()), str(uuid4())
    made = (await register(registrations, key, email=email, party_size=2)).json()
    path = made["link"].partition("/r/")[2]
    await registrations.browser().raw("DELETE", f"/registrations/api/own/{path}")
    before = len(await pages.registrations(registrations.database, event))
    for _ in range(2):
        again = await register(registrations, key, email=email, party_size=2)
        assert (again.status, again.json()) == (201, made | {"result": "cancelled"})
    assert len(await pages.registrations(registrations.database, event)) == before
    anew = await register(registrations, other, email=email)
    assert (anew.status, anew.json()["result"]) == (201, "confirmed")
    assert (await register(registrations, key, email=email)).json()["result"] == "cancelled"
    assert (await register(registrations, other, email=email)).json() == anew.json()
    assert len(await pages.registrations(registrations.database, event)) == before + 1


async def test_somebody_else_s_key_is_nobody_s(registrations):
    """A key belongs to one person at one event: with another address it makes a registration of its own."""
    key = str(uuid4())
    made = (await register(registrations, key, email=pages.email())).json()
    token = made["link"].partition("/r/")[2]
    await registrations.browser().raw("DELETE", f"/registrations/api/own/{token}")
    other = (await register(registrations, key, email=pages.email())).json()
    assert (other["result"], other["link"] == made["link"]) == ("confirmed", False)


@pytest.mark.parametrize("hours", [3, 30])
async def test_the_same_key_after_the_time_to_answer_asks_nobody_again(registrations, hours):
    """A number's owner who said nothing gets no second question from a repeated request."""
    event, _ = registrations.more
    key, number = str(uuid4()), given.number()
    first = await register(registrations, key, phone=number)
    later = datetime.now(UTC) + timedelta(hours=hours)
    await expire_overdue(registrations.database, given.VAULT, given.RULES, later)
    held = len(await pages.messages(registrations.database, event, "RegistrationHeld"))
    again = await register(registrations, key, phone=number)
    assert (again.status, again.json()) == (first.status, first.json())
    assert len(await pages.messages(registrations.database, event, "RegistrationHeld")) == held
