"""The pages of volunteers' shifts: the form, the own page, the console, the desk, the API, and check-in."""

import json
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from services.registrations.check_in.queries import by_name, came_by_session
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import (
    email,
    hidden,
    messages,
    registrations,
    running_api,
    send,
    signed_in,
    typed,
    where,
    words,
)
from tests.support.shifts import open_day, places_of, sign_up, take


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app):
    return app.state.database


@pytest.fixture
def browser(app):
    return AsgiClient(app)


async def test_the_common_form_leads_to_the_form_of_shifts(database, browser):
    """And back from it where there are none."""
    day, plain = await open_day(database), given.event(5)
    await given.publish(database, plain)
    assert where(await browser.get(f"/registrations/new/{day.id}")) == f"/registrations/shifts/{day.id}"
    assert where(await browser.get(f"/registrations/shifts/{plain.id}")) == f"/registrations/new/{plain.id}"


async def test_the_form_shows_every_shift_with_what_it_takes(database, browser):
    """Roles, free places, what is full; one box each."""
    day = await open_day(database, most=1)
    await take(database, day, given.wish(), 2)
    page = await browser.get(f"/registrations/shifts/{day.id}")
    text = words(page)
    assert "Kitchen 1 place left Interpreter Arabic full" in text
    assert "Zelt 1" in text
    assert page.text.count('name="post"') == 4


async def test_several_shifts_lead_to_the_own_page_that_names_them_all(database, browser):
    """Each with its state and its own link."""
    day = await open_day(database, most=1)
    await take(database, day, given.wish(), 3)
    path = urlsplit(where(await sign_up(browser, day, 1, 3))).path
    text = words(await browser.get(path))
    assert "Kitchen – Street party" in text
    assert text.count("Kitchen") == 3
    assert "Confirmed" in text
    assert "Waitlist" in text
    assert "How many people come?" not in text


async def test_wrong_forms_keep_what_was_ticked_and_say_why(database, browser):
    """Nothing ticked; two at one time, both named; a bad address."""
    day = await open_day(database)
    answer = await sign_up(browser, day)
    assert (answer.status, "Choose at least one shift." in words(answer)) == (422, True)
    answer = await sign_up(browser, day, 1, 2)
    assert "These two are at the same time: Kitchen, " in words(answer)
    assert "; Interpreter Arabic, " in words(answer)
    answer = await sign_up(browser, day, 1, email="nobody")
    assert answer.status == 422
    assert 'value="1" id="post-1" aria-describedby="post-1-about" checked' in answer.text
    assert await registrations(database, day) == []


async def test_all_or_none_says_what_is_full(database, browser):
    """And signs up for nothing."""
    day = await open_day(database, most=1)
    await take(database, day, given.wish(), 1)
    answer = await sign_up(browser, day, 1, 3, together="all")
    assert (answer.status, "There is no place left: Kitchen" in words(answer)) == (409, True)
    assert len(await registrations(database, day)) == 1


async def test_an_overlap_is_named_to_its_person_alone(database, browser):
    """The page says that there is one; the message to the person names both. A number's owner is asked, and no more."""
    day = await open_day(database)
    other = await open_day(database, starts_in=timedelta(days=14, hours=1))
    address = email()
    await sign_up(browser, day, 1, email=address)
    answer = await sign_up(browser, other, 1, email=address)
    assert answer.status == 409
    assert "You have another shift at this time: Kitchen, " in words(answer)
    [told] = await messages(database, other, "NotificationRequested")
    assert (told["template"], told["data"]["places_id"]) == ("shift-overlaps", str(places_of(other, 1)[0]))
    number = given.number()
    await take(database, day, given.wish(number), 1)
    asked = await sign_up(browser, other, 1, channel="phone", phone=number)
    assert where(asked) == f"/registrations/asked/{other.id}"
    assert len(await messages(database, other, "NotificationRequested")) == 2


async def test_a_form_that_is_sent_twice_signs_up_once(database, browser):
    """The key of the form makes it the same."""
    day = await open_day(database)
    page = f"/registrations/shifts/{day.id}"
    fields = [*{**await hidden(browser, page), **typed(party_size=None)}.items(), ("post", "1"), ("post", "3")]
    first, second = await browser.post(page, fields), await browser.post(page, fields)
    assert where(first) == where(second)
    assert len(await registrations(database, day)) == 2


async def test_the_list_says_who_is_in_which_shift(app, database):
    """And shows one role of one shift alone, in the list and in its export."""
    day = await open_day(database)
    await take(database, day, given.wish(name="Erste"), 1)
    await take(database, day, given.wish(name="Zweite"), 3)
    browser = await signed_in(app, day)
    here = f"/registrations/console/events/{day.id}"
    whole, part = await browser.get(here), await browser.get(f"{here}?post={places_of(day, 3)[0]}")
    assert "Kitchen" in words(whole)
    assert ("Erste" in words(part), "Zweite" in words(part)) == (False, True)
    export = await browser.get(f"{here}/export.csv?post={places_of(day, 3)[0]}")
    assert export.body.decode("utf-8-sig").splitlines()[0].split(",")[:3] == ["Name", "Shift", "People"]
    assert "Kitchen" in export.body.decode("utf-8-sig").splitlines()[1]


async def test_the_desk_puts_somebody_into_a_shift(app, database):
    """Which one has to be chosen; one at the time of another is refused, and named to the desk."""
    day = await open_day(database)
    browser = await signed_in(app, day)
    page = f"/registrations/console/events/{day.id}/register"
    form = typed(email=email(), name="Dritte")
    assert (await send(browser, page, form)).status == 422
    assert where(await send(browser, page, form | {"post": "1"})).endswith("?done=registered")
    refused = await send(browser, page, form | {"post": "2"})
    assert "The person has another shift at this time: Kitchen – Street party" in words(refused)


async def test_a_program_names_the_pool(database, browser):
    """Without one there is no telling which is meant; a pool of another event is none of this one."""
    day, other = await open_day(database), await open_day(database)
    path = f"/registrations/api/events/{day.id}/registrations"

    async def post(**more):
        body = json.dumps({"email": email(), "consent": True, **more}).encode()
        return await browser.request("POST", path, body, {"content-type": "application/json"})

    assert (await post()).status == 404
    assert (await post(places_id=str(places_of(other, 1)[0]))).status == 404
    assert (await post(places_id=str(places_of(day, 1)[0]))).status == 201
    assert (await post(places_id=str(uuid4()))).status == 404


async def test_at_the_door_each_shift_has_its_own_people(database):
    """The numbers and the search are of the shift that is chosen."""
    day = await open_day(database)
    await take(database, day, given.wish(name="Erste"), 1)
    await take(database, day, given.wish(name="Zweite"), 3)
    async with database.read() as session:
        numbers = await came_by_session(session, day)
        found = await by_name(session, day, day.sessions[1].id, "zweite")
        not_here = await by_name(session, day, day.sessions[0].id, "zweite")
    assert [one.expected for one in numbers] == [1, 1]
    assert ([party.name for party in found], not_here) == (["Zweite"], [])
