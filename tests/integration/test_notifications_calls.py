"""The call list: whoever has nothing but paper is told by the desk, once, and is never forgotten."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.notifications.calls import commands
from services.notifications.calls.commands import expire_calls
from services.notifications.contacts.consumers import keep
from services.notifications.deliveries.commands import record
from services.notifications.deliveries.composing import draft_of_registration
from services.notifications.deliveries.sending import Sender
from services.notifications.main import create_api
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE, sign_token
from shared.contracts.contacts import Contact, ContactChanged
from shared.contracts.events import Session, Status
from shared.contracts.notification_requests import Template
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.contracts.registrations import (
    OfferExpired,
    PartyChanged,
    PlaceOffered,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationWaitlisted,
)
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import notifications as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import words

CALLS = "/notifications/console/calls"
VERSIONS = count(1)


@pytest.fixture(scope="module")
async def database(database_url):
    url = database_url("notifications")
    await asyncio.to_thread(upgrade, "notifications", url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture(scope="module")
async def app(database):
    app = create_api(given.settings(database.url))
    yield app
    await app.state.database.close()


def soon(**changes):
    """An event in two weeks."""
    starts_at = datetime.now(UTC) + timedelta(days=14)
    sessions = [Session(id=uuid4(), starts_at=starts_at, ends_at=starts_at + timedelta(hours=2))]
    return given.event(sessions=sessions, **changes)


async def desk_of(app, *events, role=Role.DESK, language="en"):
    """A browser of a member of the events' hosts."""
    person = uuid4()
    messages = [
        OrganisationChanged(
            aggregate_id=event.organisation_id,
            aggregate_version=next(VERSIONS),
            name={"de": "Büro"},
            members=[Membership(person_id=person, role=role)],
        )
        for event in events
    ]
    async with app.state.database.begin() as session:
        await keep_organisations(session, messages)
    browser = AsgiClient(app)
    browser.headers = {"accept-language": language}
    browser.cookies[TOKEN_COOKIE] = sign_token(person, given.PRIVATE_KEY, datetime.now(UTC))
    browser.person_id = person
    return browser


async def on_paper(database, state, *messages, language="ar", name="Ada", reach="Festnetz 030 2312 5099"):
    """Somebody without phone and mail, of whose registration these messages come: (kind, more)."""
    person_id, registration_id = uuid4(), uuid4()
    contact = Contact(language=language, name=name, reach=reach)
    sealed = given.VAULT.seal(contact, f"contact:{person_id}")
    async with database.begin() as session:
        await keep(session, given.VAULT, [ContactChanged(aggregate_id=person_id, aggregate_version=1, sealed=sealed)])
    await given.publish_event(database, state)
    await heard(database, state, person_id, registration_id, *messages)
    return person_id, registration_id


async def heard(database, state, person_id, registration_id, *messages):
    made = [
        given.registered(kind, state.id, person_id, registration_id=registration_id, channel="desk", **more)
        for kind, more in messages
    ]
    await given.hand_in(database, *made)


async def ledger(database, person_id):
    async with database.read() as session:
        rows = await session.execute(
            text(
                "SELECT id, template, channel, state, told_by, ended_at FROM deliveries"
                " WHERE person_id = :id ORDER BY id"
            ),
            {"id": person_id},
        )
        return list(rows.all())


async def published(database, kind, key):
    async with database.read() as session:
        rows = await session.execute(
            text("SELECT convert_from(value, 'UTF8')::jsonb FROM outbox WHERE topic LIKE :topic ORDER BY id"),
            {"topic": f"%{kind}%"},
        )
        return [message for message in rows.scalars() if str(key) in message.values()]


async def press_told(browser, delivery_id, page=CALLS):
    opened = await browser.get(page)
    form = dict(re.findall(r'name="(csrf_token|request_key)" value="([^"]+)"', opened.text))
    return await browser.post(f"{CALLS}/{delivery_id}/told", form)


UNTIL = datetime.now(UTC) + timedelta(hours=20)
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


async def test_told_ends_all_that_the_page_showed_of_the_person_and_nothing_newer(app, database):
    """Each entry has its line in the log, without a name; what came meanwhile stays open."""
    state = soon()
    desk = await desk_of(app, state)
    waits = (RegistrationWaitlisted, {"position": 1})
    person_id, registration_id = await on_paper(
        database, state, waits, (PartyChanged, {"previous_size": 2, "waits": True})
    )
    *_, shown = await ledger(database, person_id)
    await heard(database, state, person_id, registration_id, (PlaceOffered, {"expires_at": UNTIL}))
    answer = await press_told(desk, shown.id)
    assert (answer.status, answer.headers["location"]) == (303, f"{CALLS}?done=told")
    assert "the person has been told" in words(await desk.get(answer.headers["location"]))
    rows = await ledger(database, person_id)
    assert [(row.state, row.told_by) for row in rows] == [("delivered", desk.person_id)] * 2 + [("queued", None)]
    logged = await published(database, "audit", state.id)
    assert [(line["action"], line["after"]) for line in logged] == [
        ("call.told", {"template": "waitlist"}),
        ("call.told", {"template": "party-changed"}),
    ]
    assert {line["person_id"] for line in logged} == {str(desk.person_id)}
    assert not any("Ada" in str(line) for line in logged)
    done = words(await desk.get(f"{CALLS}?event={state.id}&ended=1"))
    assert done.count("You told the person") == 2


async def both_press(database, state, members):
    """How many of these members, pressing at the same moment, were the one who told."""
    person_id, _ = await on_paper(database, state, (RegistrationCancelled, {"by": "organiser"}))
    (row,) = await ledger(database, person_id)

    async def press(member):
        async with database.begin() as session:
            return await commands.settle_calls(session, {row.id: member}, datetime.now(UTC))

    told = await asyncio.gather(*(press(member) for member in members))
    return person_id, sum(bool(rows) for rows in told)


async def test_of_two_desks_that_press_at_once_one_has_told(app, database):
    """The other is told so; one outcome is published, and one line logged."""
    state = soon()
    for _ in range(5):
        person_id, winners = await both_press(database, state, [uuid4(), uuid4()])
        assert winners == 1
        (row,) = await ledger(database, person_id)
        assert len(await published(database, "deliveries", row.id)) == 1
    desk = await desk_of(app, state)
    answer = await press_told(desk, row.id)
    assert answer.headers["location"] == f"{CALLS}?done=already"
    assert "Somebody was quicker" in words(await desk.get(answer.headers["location"]))
    assert await published(database, "audit", state.id) == []


async def test_without_its_guard_both_would_have_told(database, monkeypatch):
    """The negative control: the same race against a statement that does not ask for the state."""
    monkeypatch.setattr(commands, "_SETTLE", commands.settling("true"))
    _, winners = await both_press(database, soon(), [uuid4(), uuid4()])
    assert winners == 2


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


async def test_the_most_urgent_comes_first_and_one_call_tells_it_all(app, database):
    """One entry per person, ordered by what is too late first, then by what has waited longest."""
    state = soon()
    desk = await desk_of(app, state)
    for name, message in (
        ("Waits", (RegistrationWaitlisted, {"position": 1})),
        ("Later", (PlaceOffered, {"expires_at": UNTIL})),
        ("First", (PlaceOffered, {"expires_at": UNTIL - timedelta(hours=3)})),
    ):
        await on_paper(database, state, message, name=name, language="en")
    page = (await desk.get(f"{CALLS}?event={state.id}")).text
    names = re.findall(r'<h2 class="kern-heading-medium"><bdi>(\w+)</bdi>', page)
    assert names == ["First", "Later", "Waits"]
    assert "3 people have to be told something." in page


async def test_a_person_is_found_by_name_and_no_name_stands_in_an_address(app, database):
    """Whatever the spelling; the search is a form, and its links lead to the list alone."""
    state = soon(code="SUCHE")
    desk = await desk_of(app, state)
    await on_paper(database, state, (RegistrationWaitlisted, {"position": 1}), name="İpek Yıldız")
    await on_paper(database, state, (RegistrationWaitlisted, {"position": 2}), name="Somebody Else")
    opened = await desk.get(CALLS)
    form = dict(re.findall(r'name="(csrf_token|request_key)" value="([^"]+)"', opened.text))
    for sought in ("ipek", "YILDIZ", "suche ipek"):
        found = await desk.post(CALLS, form | {"words": sought})
        assert found.status == 200
        assert "Yıldız" in words(found)
        assert "Somebody Else" not in words(found)
        assert not re.search(r'(href|action)="[^"]*(ipek|YILDIZ)', found.text)
    assert "Nobody found" in words(await desk.post(CALLS, form | {"words": "peki"}))


async def test_the_list_is_the_host_s_desk_s_alone(app, database):
    """A viewer may not see it, another organisation's desk neither sees nor ends anything of it."""
    state, other = soon(), soon()
    person_id, _ = await on_paper(database, state, (RegistrationWaitlisted, {"position": 1}), name="Secret Name")
    (row,) = await ledger(database, person_id)
    viewer = await desk_of(app, state, role=Role.VIEWER)
    assert (await viewer.get(CALLS)).status == 403
    stranger = await desk_of(app, other)
    await on_paper(database, other, (RegistrationWaitlisted, {"position": 1}))
    assert "Secret Name" not in (await stranger.get(CALLS)).text
    assert (await stranger.get(f"{CALLS}?event={state.id}")).status == 404
    assert (await press_told(stranger, row.id)).status == 404
    assert (await press_told(stranger, uuid4())).status == 404
    both = await desk_of(app, other)
    await desk_of(app, state)
    opened = await both.get(CALLS)
    form = dict(re.findall(r'name="(csrf_token|request_key)" value="([^"]+)"', opened.text))
    assert (await viewer.post(f"{CALLS}/{row.id}/told", form)).status in {403, 404}
    assert (await ledger(database, person_id))[0].state == "queued"


async def test_only_entries_of_the_list_can_be_told(app, database):
    """An SMS that waits is no entry."""
    state = soon()
    desk = await desk_of(app, state)
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database)
    await given.hand_in(database, given.registered(RegistrationConfirmed, state.id, person_id))
    (row,) = await ledger(database, person_id)
    assert (await press_told(desk, row.id)).status == 404
    assert (await ledger(database, person_id))[0].state == "queued"


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
