"""The desk registers who calls or walks in."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared.contracts.contacts import Contact
from shared.contracts.events import Status
from shared.contracts.organisations import Role
from tests.support import registrations as given
from tests.support.desk import at_the_desk, contacts, form_of, person_of, with_role
from tests.support.registration_pages import (
    hidden,
    messages,
    open_event,
    registrations,
    running_api,
    send,
    typed,
    where,
    words,
)


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app):
    return app.state.database


async def outbox(database):
    async with database.read() as session:
        rows = await session.execute(text("SELECT topic, convert_from(value, 'UTF8') FROM outbox"))
        return list(rows.all())


async def test_somebody_with_nothing_but_paper_has_a_place_like_everybody(app, database):
    """The result is said at once; the contact has no address, and the name and the way to them are encrypted."""
    event = await open_event(database)
    desk = await with_role(app, event, Role.DESK)
    answer = await at_the_desk(desk, event, party_size="2", language="ar", name="Ada Beispiel")
    page = await desk.get(where(answer))
    assert page.headers["cache-control"] == "no-store"
    for said in ("Ada Beispiel", "The person has a place", "By the desk", "Festnetz 030 2312 5099", "Arabic"):
        assert said in words(page)
    (row,) = await registrations(database, event)
    assert (row.state, row.party_size, row.channel, row.consent) == ("confirmed", 2, "desk", "desk-paper-2026-11")
    assert row.address.startswith("paper:")
    (contact,) = await contacts(database, row.person_id)
    assert contact == Contact(language="ar", name="Ada Beispiel", reach="Festnetz 030 2312 5099")
    (confirmed,) = await messages(database, event, "RegistrationConfirmed")
    assert (confirmed["channel"], confirmed["told_by"]) == ("desk", str(desk.person_id))
    assert not any("Beispiel" in value or "Festnetz" in value for _, value in await outbox(database))


async def test_the_form_sent_twice_is_one_person_and_one_line_in_the_log(app, database):
    """The form's key is the person's, as long as there is no other address."""
    event = await open_event(database)
    desk = await with_role(app, event, Role.DESK)
    form = {**await hidden(desk, form_of(event)), **typed(channel="paper", name="Ada")}
    first, second = [await desk.post(form_of(event), form) for _ in range(2)]
    assert person_of(first) == person_of(second)
    both = await asyncio.gather(*(at_the_desk(desk, event, name="Ada") for _ in range(2)))
    assert len({person_of(answer) for answer in both}) == 2, "two people may have one name"
    assert len(await registrations(database, event)) == 3
    logged = await messages(database, event, "ChangeRecorded")
    assert [line["action"] for line in logged] == ["registration.made"] * 3
    assert {line["person_id"] for line in logged} == {str(desk.person_id)}
    assert logged[0]["after"] == {"means": "paper", "state": "confirmed", "party_size": 1}


async def test_a_number_is_asked_unless_the_desk_heard_its_owner(app, database):
    """As on the web the place is held until the answer; who said it to the desk is confirmed."""
    event = await open_event(database)
    desk = await with_role(app, event, Role.DESK)
    asked = await at_the_desk(desk, event, channel="phone", phone="0151 23456701")
    assert "Tell the person to answer it with YES" in words(await desk.get(where(asked)))
    heard = await at_the_desk(desk, event, channel="phone", phone="0151 23456702", heard="yes")
    assert "The person has a place" in words(await desk.get(where(heard)))
    rows = await registrations(database, event)
    assert [(row.state, row.consent) for row in rows] == [
        ("held", "desk-sms-2026-11"),
        ("confirmed", "desk-sms-2026-11"),
    ]
    again = await at_the_desk(desk, event, channel="phone", phone="0151 23456701", heard="yes")
    assert person_of(again) == person_of(asked)
    assert "This person is registered already" in words(await desk.get(where(again)))
    accepted = await send(desk, person_of(asked) + "/accept", {}, person_of(asked))
    assert where(accepted) == person_of(asked) + "?done=accepted"
    assert [row.state for row in await registrations(database, event)] == ["confirmed", "confirmed"]


async def test_what_is_wrong_is_said_of_the_person_and_stays_as_typed(app, database):
    """Each field says how to mend it; nothing is written."""
    event = await open_event(database, largest_party=3)
    desk = await with_role(app, event, Role.DESK)
    for changes, said in (
        ({"name": " "}, "Write a name, so that the desk finds the person again."),
        ({"consent": None}, "Without the person's agreement"),
        ({"channel": None}, "Choose how the person is told."),
        ({"party_size": "4"}, "At most 3 people can come together."),
        ({"language": ""}, "Choose one of the answers."),
        ({"channel": "phone", "phone": "12"}, "This is not a phone number."),
        ({"reach": "x" * 201}, "At most 200 characters fit."),
        ({"name": "x" * 121}, "At most 120 characters fit."),
    ):
        answer = await at_the_desk(desk, event, **({"reach": "Kept as typed"} | changes))
        assert (answer.status, said in words(answer)) == (422, True), (changes, words(answer))
        assert "Kept as typed" in answer.text or len(changes.get("reach", "")) > 200
    assert await registrations(database, event) == []
    assert await messages(database, event, "ChangeRecorded") == []


async def test_the_same_limits_hold_as_on_the_web(app, database):
    """Nobody is registered for what is over, cancelled or not open yet; a full event means the waitlist."""
    over = await open_event(database, starts_in=timedelta(hours=-5))
    cancelled = await open_event(database)
    full = await open_event(database, 1)
    for event, said in ((over, "Registration is over"), (cancelled, "does not take place")):
        desk = await with_role(app, event, Role.DESK)
        if event is cancelled:
            state = cancelled.model_copy(update={"status": Status.CANCELLED})
            await given.publish(database, state, 2)
        page = await desk.get(form_of(event))
        assert said in words(page)
        assert 'name="party_size"' not in page.text
    desk = await with_role(app, full, Role.DESK)
    await at_the_desk(desk, full)
    assert "Whom you register now comes onto the waitlist." in words(await desk.get(form_of(full)))
    answer = await at_the_desk(desk, full, name="Bo")
    assert "Tell the person that they are number 1." in words(await desk.get(where(answer)))


async def test_a_form_that_was_open_while_the_event_ended_registers_nobody(app, database):
    """Admission decides, not the page."""
    event = await open_event(database)
    desk = await with_role(app, event, Role.DESK)
    form = {**await hidden(desk, form_of(event)), **typed(channel="paper", name="Ada")}
    await given.publish(database, event.model_copy(update={"status": Status.CANCELLED}), 2)
    assert where(await desk.post(form_of(event), form)) == form_of(event)
    assert await registrations(database, event) == []


async def test_a_landline_is_no_way_to_write_an_sms(app, database):
    """Who has one is found by it, with nothing but paper."""
    event = await open_event(database)
    desk = await with_role(app, event, Role.DESK)
    answer = await at_the_desk(desk, event, channel="phone", phone="030 23125099", heard="yes")
    assert "This number cannot get SMS." in words(answer)


async def test_the_tables_keep_paper_and_addresses_apart(database):
    """A person without an address has a name; nobody else has one here, whatever the code does."""
    good = "INSERT INTO people (id, means, address, language, name, reach, version, created_at) VALUES"
    for row in (
        "(gen_random_uuid(), 'paper', 'ada@example.org', 'de', 'Ada', NULL, 1, now())",
        "(gen_random_uuid(), 'paper', 'paper:' || gen_random_uuid(), 'de', NULL, NULL, 1, now())",
        "(gen_random_uuid(), 'email', 'paper:' || gen_random_uuid(), 'de', NULL, NULL, 1, now())",
        "(gen_random_uuid(), 'email', 'bo@example.org', 'de', 'Bo', NULL, 1, now())",
        "(gen_random_uuid(), 'email', 'bo@example.org', 'de', NULL, '030', 1, now())",
    ):
        with pytest.raises(IntegrityError):
            async with database.begin() as session:
                await session.execute(text(good + row))
