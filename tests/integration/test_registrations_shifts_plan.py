"""The plan of a day of volunteers: by shift, by person, on paper, and in each volunteer's own calendar."""

import re
from datetime import timedelta

import pytest
from icalendar import Calendar

from services.registrations.exports import sheets
from shared.contracts.organisations import Role
from shared.database.engine import Database
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import email, running_api, signed_in, where, words
from tests.support.shifts import open_day, places_of, sign_up, take

LINKS = re.compile(r'href="(/r/[^"/?]+)"')


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app) -> Database:
    return app.state.database


async def a_day(database):
    """Ada has both kitchens, Berta the second one too late, and the interpreters' places are empty."""
    day, ada = await open_day(database, most=1), given.wish(name="Ada")
    taken = await take(database, day, ada, 1, 3)
    await take(database, day, given.wish(name="Berta"), 3)
    return day, taken


async def test_the_plan_by_shift_shows_people_substitutes_and_gaps(app, database):
    """Who is there, who waits in which order, and what it still takes."""
    day, _ = await a_day(database)
    text = words(await (await signed_in(app, day)).get(f"/registrations/console/events/{day.id}/plan"))
    assert "Kitchen filled Ada (German) – –" in text
    assert "Kitchen filled Ada (German) – Berta (German)" in text
    assert text.count("Interpreter Arabic 1 more is needed – – –") == 2


async def test_the_plan_by_person_shows_everybody_once(app, database):
    """With all shifts of each, in their order, and how each stands."""
    day, _ = await a_day(database)
    page = await (await signed_in(app, day)).get(f"/registrations/console/events/{day.id}/plan?by=person")
    text = words(page)
    assert "2 people" in text
    assert text.index("Ada") < text.index("Berta")
    assert text.count("Kitchen") == 3
    assert text.count("Waitlist") == 1


async def test_the_plan_is_printed_and_the_print_is_in_the_log(app, database):
    """For who may edit; a viewer may not take names away."""
    day, _ = await a_day(database)
    path = f"/registrations/console/events/{day.id}/plan.pdf"
    printed = await (await signed_in(app, day)).get(path)
    assert (printed.status, printed.body[:5]) == (200, b"%PDF-")
    viewer = await signed_in(app, day, Role.VIEWER)
    assert (await viewer.get(path)).status == 403


async def test_the_attendance_list_is_that_of_one_shift(app, database, monkeypatch):
    """The one that is chosen in the list, else the next one."""
    day, _ = await a_day(database)
    seen = []

    async def typeset(_event, session, parties, _language):
        seen.append((session.id, [party.name for party in parties]))
        return b"%PDF-"

    monkeypatch.setattr(sheets, "attendance_pdf", typeset)
    browser = await signed_in(app, day)
    path = f"/registrations/console/events/{day.id}/attendance.pdf"
    await browser.get(path)
    await browser.get(f"{path}?post={places_of(day, 3)[0]}")
    first, second = day.sessions
    assert seen == [(first.id, ["Ada"]), (second.id, ["Ada"])]


async def test_one_link_has_every_shift_of_a_person_in_a_calendar(app, database):
    """Of all events, each with its role; one in which the person only waits is not in it."""
    wish = given.wish(given.number(), name="Ada")
    day, later = await open_day(database, most=1), await open_day(database, starts_in=timedelta(days=20))
    [one] = await take(database, day, wish, 1)
    await take(database, day, given.wish(), 3)
    await take(database, day, wish, 3)
    await take(database, later, wish, 2)
    answer = await AsgiClient(app).get(f"/r/{one.token}/shifts.ics")
    assert answer.headers["cache-control"] == "no-store"
    entries = Calendar.from_ical(answer.body).walk("VEVENT")
    summaries = [str(entry["summary"]) for entry in entries]
    assert summaries == ["Küche – Stadtteilfest", "Dolmetschen Arabisch – Stadtteilfest"]
    assert str(entries[0]["uid"]) == f"{day.sessions[0].id}@teilhabe"


async def test_whoever_types_an_address_sees_nothing_else_of_it(app, database):
    """The page comes at once, whoever typed it: it shows the shifts of its own form, and leads to no other."""
    day, address = await open_day(database, shifts=3, most=5), email()
    owner, stranger = AsgiClient(app, "en"), AsgiClient(app, "en")
    own = where(await sign_up(owner, day, 1, 3, email=address))
    other = where(await sign_up(stranger, day, 6, email=address))
    seen, mine = [set(LINKS.findall((await owner.get(page)).text)) for page in (other, own)]
    assert (len(seen), len(mine)) == (1, 2)
    assert not seen & mine
    calendar = f"{other.partition('?')[0]}/shifts.ics"
    assert len(Calendar.from_ical((await stranger.get(calendar)).body).walk("VEVENT")) == 1
    calendar = f"{own.partition('?')[0]}/shifts.ics"
    assert len(Calendar.from_ical((await owner.get(calendar)).body).walk("VEVENT")) == 2
