"""The call list: whoever has nothing but paper is told by the desk, once, and is never forgotten."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.notifications.calls.commands import expire_calls
from services.notifications.deliveries.commands import record
from services.notifications.deliveries.composing import draft_of_registration
from services.notifications.deliveries.sending import Sender
from shared.contracts.events import Status
from shared.contracts.notification_requests import Template
from shared.contracts.registrations import (
    OfferExpired,
    PartyChanged,
    PlaceOffered,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationWaitlisted,
)
from tests.support import notifications as given
from tests.support.call_list import CALLS, UNTIL, desk_of, heard, ledger, on_paper, published, running_api, soon
from tests.support.registration_pages import words


@pytest.fixture(scope="module")
async def database(database_url):
    async with given.open_database(database_url("notifications")) as database:
        yield database


@pytest.fixture(scope="module")
async def app(database):
    async with running_api(database.url) as app:
        yield app


ALL = [
    (RegistrationWaitlisted, {"position": 3}),
    (PlaceOffered, {"expires_at": UNTIL}),
    (OfferExpired, {}),
    (RegistrationConfirmed, {}),
    (PartyChanged, {"previous_size": 2}),
    (RegistrationCancelled, {"by": "organiser"}),
]
TOLD = [
    "Waitlist",
    "Offer of a free place",
    "Offer is over",
    "Confirmation",
    "Other number of people",
    "Cancelled by you",
]


async def test_every_message_that_others_get_stands_on_the_list(app, database):
    """In the person's language and in the desk's, with who, what, since when and by when; nothing is ever sent."""
    state = soon()
    desk = await desk_of(app, state)
    person_id, registration_id = await on_paper(database, state, *ALL)
    for template in (Template.RESCHEDULED, Template.CHANGED):
        request = given.requested(template, person_id=person_id, event_id=state.id, registration_id=registration_id)
        await given.hand_in(database, request)
    fake, providers = given.fakes()
    sender = Sender(database, given.VAULT, given.settings(), providers)
    assert await sender.send_sms() + await sender.send_mail() == 0
    assert fake.given == []
    assert {(row.channel, row.state) for row in await ledger(database, person_id)} == {("desk", "queued")}
    page = words(await desk.get(f"{CALLS}?event={state.id}"))
    for said in (
        *TOLD,
        "New date",
        "Change",
        "Ada",
        "Festnetz 030 2312 5099",
        "Arabic",
        "Gardening together",
        "GARTEN",
    ):
        assert said in page, said
    for said in ("You are number 3 on the waitlist.", "When a place is free, we tell you.", "Tell by", "Open since"):
        assert said in page, said
    assert "we write to you" not in page
    text_of_person = (await desk.get(f"{CALLS}?event={state.id}")).text
    assert 'lang="ar" dir="rtl"' in text_of_person
    assert f"/registrations/console/events/{state.id}/desk/{registration_id}" in text_of_person
    assert "Integrationsbüro" in page


async def test_what_the_desk_said_at_once_is_done_as_it_is_written(app, database):
    """Who registers at the desk hears the result there; the list shows it as told, and so does the topic."""
    state, me = soon(), uuid4()
    person_id, registration_id = await on_paper(database, state, (RegistrationConfirmed, {"told_by": me}))
    (row,) = await ledger(database, person_id)
    assert (row.state, row.told_by) == ("delivered", me)
    (ended,) = await published(database, "deliveries", row.id)
    assert (ended["outcome"], ended["channel"], ended["registration_id"]) == ("delivered", "desk", str(registration_id))
    desk = await desk_of(app, state)
    assert "Nobody has to be told anything" in words(await desk.get(f"{CALLS}?event={state.id}"))
    done = words(await desk.get(f"{CALLS}?event={state.id}&ended=1"))
    assert "Confirmation Told by the desk" in done


async def test_an_answer_given_at_the_desk_ends_what_was_open_before_it(database):
    """Who accepts an offer in front of us need not be called about the offer; what comes later is open again."""
    state, me = soon(), uuid4()
    person_id, registration_id = await on_paper(database, state, (PlaceOffered, {"expires_at": UNTIL}))
    await heard(database, state, person_id, registration_id, (RegistrationConfirmed, {"told_by": me}))
    await heard(database, state, person_id, registration_id, (RegistrationCancelled, {"by": "organiser"}))
    assert [(row.template, row.state) for row in await ledger(database, person_id)] == [
        ("offer", "delivered"),
        ("confirmation", "delivered"),
        ("cancelled-by-organiser", "queued"),
    ]


async def test_who_has_a_phone_is_written_to_even_if_the_desk_told_them(database):
    """The message is the person's own proof; the call list is for those who cannot get one."""
    state = soon()
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database)
    message = given.registered(RegistrationConfirmed, state.id, person_id, channel="desk", told_by=uuid4())
    await given.hand_in(database, message)
    (row,) = await ledger(database, person_id)
    assert (row.channel, row.state, row.told_by) == ("sms", "queued", None)


async def test_what_comes_too_late_ends_and_the_organiser_sees_it(database):
    """An offer whose time is over, and all once the event is, also one that does not take place."""
    state = soon()
    person_id, registration_id = await on_paper(
        database, state, (RegistrationWaitlisted, {"position": 1}), (PlaceOffered, {"expires_at": UNTIL})
    )
    await expire_calls(database, datetime.now(UTC))
    assert {row.state for row in await ledger(database, person_id)} == {"queued"}
    await expire_calls(database, UNTIL + timedelta(seconds=1))
    waitlisted, offer = await ledger(database, person_id)
    assert (waitlisted.state, offer.state) == ("queued", "expired")
    (ended,) = await published(database, "deliveries", offer.id)
    assert (ended["outcome"], ended["registration_id"]) == ("failed", str(registration_id))
    after = state.sessions[0].ends_at + timedelta(seconds=1)
    await expire_calls(database, after - timedelta(seconds=2))
    assert (await ledger(database, person_id))[0].state == "queued"
    await given.publish_event(database, state.model_copy(update={"status": Status.CANCELLED}), 2)
    await expire_calls(database, after)
    assert (await ledger(database, person_id))[0].state == "expired"


async def test_the_table_lets_no_entry_be_sent(database):
    """No state of sending exists for it, and nobody tells what is sent."""
    person_id, _ = await on_paper(database, soon(), (RegistrationWaitlisted, {"position": 1}))
    for change in ("state = 'sent'", "state = 'unknown'", "told_by = gen_random_uuid()"):
        with pytest.raises(IntegrityError):
            async with database.begin() as session:
                await session.execute(text(f"UPDATE deliveries SET {change} WHERE person_id = '{person_id}'"))  # noqa: S608


async def test_an_erased_person_stands_on_no_call_list(database):
    """Without a contact there is nobody to find: the delivery fails as an address that is gone does."""
    state = soon()
    await given.publish_event(database, state)
    person_id = uuid4()
    message = given.registered(RegistrationConfirmed, state.id, person_id)
    async with database.begin() as session:
        await record(session, given.VAULT, [draft_of_registration(message)])
    (row,) = await ledger(database, person_id)
    assert row.channel == "email"
