"""The desk: it registers who calls or walks in, and does for them what they ask for."""

import asyncio
from datetime import timedelta
from itertools import count
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.registrations.main import create_api
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE
from shared.contracts.contacts import Contact
from shared.contracts.events import Status
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.database.migrations import upgrade
from shared.tickets import code_of, ticket_of
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import (
    email,
    hidden,
    messages,
    open_event,
    registrations,
    send,
    signed_in,
    typed,
    where,
    words,
)
from tests.support.sheets import read, text_of


@pytest.fixture(scope="module")
async def app(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    app = create_api(given.settings(url))
    yield app
    await app.state.database.close()


@pytest.fixture
def database(app):
    return app.state.database


VERSIONS = count(1)


async def with_role(app, event, role):
    """A browser of a member of the event's host, who is this there."""
    person = uuid4()
    member = Membership(person_id=person, role=role)
    message = OrganisationChanged(
        aggregate_id=event.organisation_id, aggregate_version=next(VERSIONS), name={"de": "Büro"}, members=[member]
    )
    async with app.state.database.begin() as session:
        await keep_organisations(session, [message])
    browser = AsgiClient(app)
    browser.cookies[TOKEN_COOKIE] = given.sign(person)
    browser.person_id = person
    return browser


def form_of(event):
    return f"/registrations/console/events/{event.id}/register"


async def at_the_desk(browser, event, **changes):
    """Fill in the desk's form; by default for somebody with nothing but paper."""
    paper = {"channel": "paper", "name": "Ada", "reach": "Festnetz 030 2312 5099", "email": "", "consent": "yes"}
    return await send(browser, form_of(event), typed(**(paper | changes)))


def person_of(answer):
    return urlsplit(where(answer)).path


async def contacts(database, person_id):
    async with database.read() as session:
        found = await session.execute(
            text("SELECT convert_from(value, 'UTF8')::jsonb FROM outbox WHERE key = :key ORDER BY id"),
            {"key": str(person_id)},
        )
        sealed = [message["sealed"] for message in found.scalars()]
    return [given.VAULT.open(one, Contact, f"contact:{person_id}") for one in sealed]


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


async def test_the_desk_answers_an_offer_for_the_person(app, database):
    """Yes and no are theirs as anybody's; each is logged, and the messages say who told the person."""
    event = await open_event(database, 1)
    desk = await with_role(app, event, Role.DESK)
    first = person_of(await at_the_desk(desk, event, name="First"))
    second, third = [person_of(await at_the_desk(desk, event, name=name)) for name in ("Second", "Third")]
    cancelled = await send(desk, first + "/cancel", {}, first + "/cancel")
    assert where(cancelled) == first + "?done=cancelled"
    page = await desk.get(second)
    assert "Place offered" in words(page)
    await send(desk, second + "/cancel", {}, second + "/cancel")
    await send(desk, third + "/accept", {}, third)
    states = [row.state for row in await registrations(database, event)]
    assert states == ["cancelled", "cancelled", "confirmed"]
    told = [
        (m["type"], m["told_by"])
        for kind in ("RegistrationCancelled", "RegistrationConfirmed", "PlaceOffered")
        for m in await messages(database, event, kind)
    ]
    me = str(desk.person_id)
    assert told == [
        ("RegistrationCancelled", me),
        ("RegistrationCancelled", me),
        ("RegistrationConfirmed", me),
        ("RegistrationConfirmed", me),
        ("PlaceOffered", None),
        ("PlaceOffered", None),
    ]
    actions = [line["action"] for line in await messages(database, event, "ChangeRecorded")]
    assert actions == ["registration.made"] * 3 + ["registration.cancelled"] * 2 + ["registration.accepted"]


async def test_an_answer_sent_twice_changes_and_logs_nothing_more(app, database):
    """Cancelling what has ended, accepting what is not open, a party of the same size."""
    event = await open_event(database)
    desk = await with_role(app, event, Role.DESK)
    person = person_of(await at_the_desk(desk, event))
    form = await hidden(desk, person)
    assert where(await desk.post(person + "/accept", form)) == person
    for _ in range(2):
        assert where(await desk.post(person + "/party", form | {"party_size": "3"})) == person + "?done=changed"
    for expected in ("?done=cancelled", ""):
        assert where(await desk.post(person + "/cancel", form)) == person + expected
    assert where(await desk.post(person + "/party", form | {"party_size": "2"})) == person
    actions = [line["action"] for line in await messages(database, event, "ChangeRecorded")]
    assert actions == ["registration.made", "registration.party-changed", "registration.cancelled"]


async def test_a_party_that_does_not_fit_is_refused_with_what_fits(app, database):
    """What was typed stays."""
    event = await open_event(database, 3, largest_party=9)
    desk = await with_role(app, event, Role.DESK)
    person = person_of(await at_the_desk(desk, event))
    for size, said in (("4", "You can be at most 3 people."), ("many", "Write how many people come")):
        answer = await send(desk, person + "/party", {"party_size": size}, person)
        assert answer.status == 422
        assert said in words(answer)
        assert f'value="{size}"' in answer.text


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 200), (Role.ORGANISER, 200), (Role.VIEWER, 403), (None, 404)]
)
async def test_only_the_host_s_desk_may_do_this(app, database, role, status):
    """A viewer may not, and for strangers there is no such event; no registration of another event is shown."""
    event, other = await open_event(database), await open_event(database)
    person = person_of(await at_the_desk(await with_role(app, event, Role.DESK), event))
    browser = await with_role(app, event, role) if role else await signed_in(app)
    for path in (form_of(event), person, person + "/cancel"):
        assert (await browser.get(path)).status == status, path
    elsewhere = person.replace(str(event.id), str(other.id))
    assert (await browser.get(elsewhere)).status == 404
    member = await with_role(app, other, Role.OWNER)
    assert (await member.get(elsewhere)).status == 404
    if status != 200:
        form = await hidden(browser, f"/registrations/new/{other.id}")
        for action in ("accept", "cancel", "party"):
            assert (await browser.post(f"{person}/{action}", form | {"party_size": "2"})).status in {403, 404}
        assert [row.party_size for row in await registrations(database, event)] == [1]


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


async def test_the_slip_is_one_sheet_in_the_person_s_language(app, database):
    """Of A5, with place, contact person and the code for the door; small, where they stand in the desk's language."""
    event = await open_event(database)
    desk = await with_role(app, event, Role.DESK)
    person = person_of(await at_the_desk(desk, event, language="tr", party_size="2"))
    answer = await desk.get(f"{person}/slip.pdf")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == f'inline; filename="{event.code}-slip.pdf"'
    (sheet,) = read(answer.body).pages
    assert [round(float(length)) for length in sheet.mediabox[2:]] == [420, 595]
    assert read(answer.body).root_object["/Lang"] == "tr"
    (row,) = await registrations(database, event)
    for said in ("Yeriniz var", "You have a place", code_of(ticket_of(row.id)), event.contact.name):
        assert said in text_of(answer.body)
    assert "Ada" not in text_of(answer.body)
    await send(desk, f"{person}/cancel", {}, f"{person}/cancel")
    assert where(await desk.get(f"{person}/slip.pdf")) == person


async def test_who_waits_has_a_slip_without_a_code_for_the_door(app, database):
    """It has the event's code, the number on the waitlist, and that the desk comes with what is new."""
    event = await open_event(database, 1)
    desk = await with_role(app, event, Role.DESK)
    await at_the_desk(desk, event)
    person = person_of(await at_the_desk(desk, event, language="de"))
    text = text_of((await desk.get(f"{person}/slip.pdf")).body)
    for said in ("Sie stehen auf der Warteliste", "Code der Veranstaltung", event.code, "Nummer 1"):
        assert said in text
    codes = [code_of(ticket_of(row.id)) for row in await registrations(database, event)]
    assert not any(code in text for code in codes)


async def test_the_own_page_and_a_new_language_keep_the_name(app, database):
    """The slip leads to the same page as everybody's link; the contact stays whole."""
    event = await open_event(database)
    desk = await with_role(app, event, Role.DESK)
    await at_the_desk(desk, event)
    (row,) = await registrations(database, event)
    token = given.VAULT.link_token(f"registration:{row.id}")
    browser = AsgiClient(app)
    page = await browser.get(f"/r/{token}")
    assert "You have a place" in words(page)
    await send(browser, f"/r/{token}/language", {"language": "tr"}, f"/r/{token}")
    *_, contact = await contacts(database, row.person_id)
    assert contact == Contact(language="tr", name="Ada", reach="Festnetz 030 2312 5099")


async def test_the_list_leads_to_the_desk_for_those_who_may(app, database):
    """A desk finds the form, the call list and each person; the way of telling is named."""
    event = await open_event(database)
    desk = await with_role(app, event, Role.DESK)
    person = person_of(await at_the_desk(desk, event))
    await at_the_desk(desk, event, channel="email", email=email(), name="Bo")
    page = await desk.get(f"/registrations/console/events/{event.id}")
    one = person.replace("/desk/", "/registrations/")
    assert f'href="{one}"' in page.text
    assert f'href="{person}"' in (await desk.get(one)).text
    assert f'href="{form_of(event)}"' in page.text
    assert f"/notifications/console/calls?event={event.id}" in page.text
    assert "Ada 1 Confirmed English Desk" in words(page)
