"""Before a shift everybody in it is asked whether they come: when, whom, how often, and what a yes or a no does."""

import asyncio
from csv import DictReader
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from services.registrations.people.commands import Address
from services.registrations.people.model import Means
from services.registrations.registrations.deadlines import is_night
from services.registrations.shifts import reminding
from shared.contracts.events import Session, Status
from shared.database.engine import Database
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import messages, registrations, running_api, send, signed_in, where, words
from tests.support.registration_phone import Phone
from tests.support.shifts import REMINDER_TIME, ask_in, open_day, places_of, shortly_before, take


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app) -> Database:
    return app.state.database


async def ask(database, now):
    return await reminding.ask_who_comes(database, given.VAULT, REMINDER_TIME, now)


async def questions(database, day):
    found = await messages(database, day, "NotificationRequested")
    return [one for one in found if one["template"] == "shift-reminder"]


async def since(database, day, hours):
    """As if everybody had got their place so many hours before the first shift."""
    moment = day.sessions[0].starts_at - timedelta(hours=hours)
    async with database.begin() as session:
        query = "UPDATE registrations SET updated_at = :moment WHERE event_id = :id"
        await session.execute(text(query), {"moment": moment, "id": day.id})


async def test_everybody_in_a_shift_is_asked_once(database):
    """With the shift, the link and the event's version; of the two shifts the one that is near."""
    day = await open_day(database, apart=timedelta(days=3))
    [near, _] = await take(database, day, given.wish(name="Ada"), 1, 3)
    now = shortly_before(day)
    assert await ask(database, now - timedelta(days=2)) == 0
    assert await ask(database, now) == 1
    assert await ask(database, now) == 0
    [asked] = await questions(database, day)
    assert (asked["registration_id"], asked["person_id"]) == (str(near.id), str(near.person_id))
    assert asked["data"] == {"event_version": 1, "places_id": str(places_of(day, 1)[0])}
    assert datetime.fromisoformat(asked["expires_at"]) == day.sessions[0].starts_at
    assert "Ada" not in str(asked)


async def asked_at_once(database, day):
    now = shortly_before(day)
    return sum(await asyncio.gather(*(ask(database, now) for _ in range(4))))


async def test_two_workers_never_ask_twice(database, monkeypatch):
    """Four at once, again and again. Negative control: without the mark as a guard they do."""
    for _ in range(3):
        day = await open_day(database, most=9)
        for _ in range(5):
            await take(database, day, given.wish(), 1)
        assert (await asked_at_once(database, day), len(await questions(database, day))) == (5, 5)
    unguarded = reminding._ASK.text.replace("AND r.asked_to_come_at IS NULL", "")
    assert unguarded != reminding._ASK.text
    monkeypatch.setattr(reminding, "_ASK", text(unguarded))
    counts = [0]
    while len(counts) < 20 and max(counts) <= 1:
        day = await open_day(database)
        await take(database, day, given.wish(), 1)
        counts.append(await asked_at_once(database, day))
    assert max(counts) > 1


async def test_nobody_is_asked_in_the_night(database):
    """Where the shift is it is night; by day they are."""
    day = await open_day(database)
    await take(database, day, given.wish(), 1)
    night = shortly_before(day, night=True)
    assert is_night(night, ZoneInfo(day.time_zone))
    assert await ask(database, night) == 0
    assert await ask(database, shortly_before(day)) == 1


@pytest.mark.parametrize(("hours", "asked"), [(13, 1), (11, 0)])
async def test_who_has_just_got_the_place_is_not_asked(database, hours, asked):
    """Less than twelve hours before the shift, or less than an hour ago: the confirmation has just said it."""
    day = await open_day(database)
    await take(database, day, given.wish(), 1)
    await since(database, day, hours)
    late = day.sessions[0].starts_at - timedelta(minutes=30)
    async with database.begin() as session:
        pool = places_of(day, 1)[0]
        assert await reminding.ask_in_pool(session, given.VAULT, pool, REMINDER_TIME, late) == asked


async def test_who_signed_up_a_moment_ago_is_asked_an_hour_later(database):
    """And whoever got the place earlier at once."""
    day = await open_day(database)
    now = shortly_before(day)
    await take(database, day, given.wish(), 1)
    hours = (day.sessions[0].starts_at - now) / timedelta(hours=1)
    await since(database, day, hours + 0.9)
    assert await ask_in(database, day, now) == 0
    await since(database, day, hours + 1.1)
    assert await ask_in(database, day, now) == 1


async def test_only_who_is_in_an_open_shift_is_asked(database):
    """Not substitutes, not whom we have not heard of, not people with paper, not events without shifts or postponed."""
    day = await open_day(database, most=1)
    await take(database, day, given.wish(), 1)
    await take(database, day, given.wish(), 1)
    await take(database, day, given.wish(given.number(), ask_owner=True), 2)
    address = Address(Means.PAPER, f"paper:{uuid4()}", "de", name="P")
    paper = replace(given.wish(), address=address, name="P")
    await take(database, day, paper, 3)
    await given.publish(database, day.model_copy(update={"status": Status.POSTPONED}), 2)
    assert await ask(database, shortly_before(day)) == 0
    await given.publish(database, day, 3)
    plain = given.event(5)
    await given.publish(database, plain)
    tomorrow = shortly_before(day)
    assert await ask(database, tomorrow) == 1
    asked = [row for row in await registrations(database, day) if row.asked_to_come_at]
    assert [(row.places_id, row.state) for row in asked] == [(places_of(day, 1)[0], "confirmed")]


async def test_a_shift_that_is_moved_is_asked_about_anew(database):
    """What was said about the old date is forgotten, and everybody knows the new one; in the other shift all stands."""
    day = await open_day(database)
    moved, stays = await take(database, day, given.wish(), 1, 3)
    await ask(database, shortly_before(day))
    async with database.begin() as session:
        assert await reminding.say_coming(session, [moved.id, stays.id], datetime.now(UTC)) == 2
    rows = {row.id: row for row in await registrations(database, day)}
    first, second = day.sessions
    later = timedelta(hours=1)
    shifted = Session(id=first.id, starts_at=first.starts_at - later, ends_at=first.ends_at - later)
    changed = day.model_copy(update={"sessions": [shifted, second]})
    await given.publish(database, changed, 2)
    before, rows = rows, {row.id: row for row in await registrations(database, day)}
    assert rows[moved.id].updated_at > before[moved.id].updated_at
    assert rows[stays.id].updated_at == before[stays.id].updated_at
    assert (rows[moved.id].asked_to_come_at, rows[moved.id].coming_at) == (None, None)
    assert rows[stays.id].coming_at is not None
    async with database.begin() as session:
        assert await reminding.say_coming(session, [moved.id], datetime.now(UTC)) == 0
    assert await ask(database, shortly_before(changed)) == 1
    assert [one["data"]["event_version"] for one in await questions(database, day)] == [1, 1, 2]


async def test_the_own_page_asks_and_thanks(app, database):
    """Two buttons while it is asked; the yes changes nothing by a GET, is safe twice, and stands there afterwards."""
    day = await open_day(database)
    [own] = await take(database, day, given.wish(), 1)
    path, browser = f"/r/{own.token}", AsgiClient(app)
    assert "Are you coming?" not in words(await browser.get(path))
    assert where(await send(browser, f"{path}/coming", {}, path)) == path
    await ask_in(database, day)
    page = await browser.get(path)
    assert "Are you coming?" in words(page)
    assert f'action="{path}/coming"' in page.text
    assert (await browser.get(f"{path}/coming")).status == 405
    for _ in range(2):
        assert where(await send(browser, f"{path}/coming", {}, path)) == f"{path}?saved=1"
    shown = words(await browser.get(path))
    assert "You said that you are coming." in shown
    assert "Are you coming?" not in shown
    assert "Do you want to cancel?" in words(await browser.get(f"{path}/cancel"))


async def test_the_plan_and_the_list_show_who_comes(app, database):
    """Yes, no answer, not asked; before anybody is asked, nothing."""
    day = await open_day(database, roles=1, most=5)
    yes, _ = [(await take(database, day, given.wish(name=name), 1))[0] for name in ("Ada", "Berta")]
    browser = await signed_in(app, day)
    plan = f"/registrations/console/events/{day.id}/plan"
    assert "not asked" not in words(await browser.get(plan))
    await ask_in(database, day)
    async with database.begin() as session:
        await reminding.say_coming(session, [yes.id], datetime.now(UTC))
    await take(database, day, given.wish(name="Cem"), 1)
    shown = words(await browser.get(plan))
    assert "Ada (German) is coming Berta (German) no answer yet Cem (German) not asked" in shown
    file = (await browser.get(f"/registrations/console/events/{day.id}/export.csv")).text
    assert [row["Is coming"] for row in DictReader(StringIO(file))] == ["Yes", "no answer yet", ""]


async def test_a_no_offers_the_place_to_the_next(database):
    """The whole way: asked, NO by SMS, the substitute has the offer, says yes, and is not asked within the hour."""
    day = await open_day(database, most=1)
    phone, next_one = Phone(database), Phone(database)
    await phone.text(f"{day.code} 1")
    await next_one.text(f"{day.code} 1")
    await ask_in(database, day)
    assert [one["type"] for one in await phone.answers(phone.message("NEIN"))] == [
        "RegistrationCancelled",
        "PlaceOffered",
    ]
    assert (await next_one.text("JA"))["type"] == "RegistrationConfirmed"
    assert (await next_one.text("JA"))["template"] == "sms-status"
