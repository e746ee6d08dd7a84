"""What the desk does for somebody who is registered: it answers, cancels and prints for them."""

import pytest

from shared.contracts.contacts import Contact
from shared.contracts.organisations import Role
from shared.tickets import code_of, ticket_of
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.desk import at_the_desk, contacts, form_of, person_of, with_role
from tests.support.registration_pages import (
    email,
    hidden,
    messages,
    open_event,
    registrations,
    running_api,
    send,
    signed_in,
    where,
    words,
)
from tests.support.sheets import read, text_of


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app):
    return app.state.database


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
