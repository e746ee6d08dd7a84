"""Hours on pages: the person's own, the desk's, the coordinator's; the sums of a year, files and programs."""

import csv
import io
import json
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.contracts.organisations import Role
from shared.tickets import ticket_of
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.check_in import call, member_of
from tests.support.registration_pages import hidden, messages, running_api, send, signed_in, words
from tests.support.shifts import open_day, take

ON = -timedelta(hours=1)


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app):
    return app.state.database


async def a_shift(database, **more):
    """Ada and Berta in the first shift, which is on."""
    day = await open_day(database, starts_in=ON, **more)
    ada, berta = [(await take(database, day, given.wish(name=name), 1))[0] for name in ("Ada", "Berta")]
    return day, ada, berta


def console(day):
    return f"/registrations/console/events/{day.id}/hours"


def shift_of(day):
    return {"shift": str(day.sessions[0].id)}


async def check_in(browser, day, decision):
    path = f"/registrations/console/events/{day.id}/check-in"
    where = {"session": str(day.sessions[0].id), "ticket": ticket_of(decision.id)}
    return await browser.post(f"{path}/party", {**await hidden(browser, path), **where})


async def test_from_check_in_to_the_signature(app, database):
    """Here, gone with one tap for all, proposed, signed off with one more; then it stands on the person's page."""
    day, ada, berta = await a_shift(database)
    browser = await signed_in(app, day)
    await check_in(browser, day, ada)
    page = words(await browser.get(console(day)))
    assert "Ada Kitchen" in page
    assert page.count("Leaves now") == 1
    assert page.count("not checked in") == 1
    await send(browser, f"{console(day)}/leave", shift_of(day) | {"who": "all"}, console(day))
    page = words(await browser.get(console(day)))
    assert "Leaves now" not in page
    assert "proposed 15 minutes" in page
    await send(browser, console(day), shift_of(day) | {str(ada.id): "0:45", str(berta.id): ""}, console(day))
    page = words(await browser.get(console(day)))
    assert "Signed off so far: 45 minutes" in page
    assert page.count("signed off 45 minutes") == 1
    own = words(await AsgiClient(app, "en").get(f"/r/{ada.token}"))
    assert "Your hours signed off 45 minutes" in own
    assert "Save the hours" not in own


async def test_the_person_corrects_and_the_coordinator_reads_why(app, database):
    """With a note; what is no time is said and nothing typed is lost."""
    day, ada, _ = await a_shift(database)
    person, path = AsgiClient(app, "en"), f"/r/{ada.token}"
    assert "We did not note when you were there." in words(await person.get(path))
    wrong = await send(person, f"{path}/hours", {"hours": "lang", "note": "Aufbau"}, path)
    assert wrong.status == 422
    assert "Write hours and minutes" in words(wrong)
    assert 'value="Aufbau"' in wrong.text
    assert 'value="lang"' in wrong.text
    long = await send(person, f"{path}/hours", {"hours": "1", "note": "x" * 501}, path)
    assert long.status == 422
    await send(person, f"{path}/hours", {"hours": "1:30", "note": "Aufbau"}, path)
    assert "You wrote: 1 hour 30 minutes." in words(await person.get(path))
    page = words(await (await signed_in(app, day)).get(console(day)))
    assert "corrected by the person 1 hour 30 minutes Aufbau" in page


async def test_a_figure_that_is_none_signs_nothing_off(app, database):
    """The field says so, what was typed stands, and the others are not signed either."""
    day, ada, berta = await a_shift(database)
    browser = await signed_in(app, day)
    typed = shift_of(day) | {str(ada.id): "2:00", str(berta.id): "25:00"}
    answer = await send(browser, console(day), typed, console(day))
    assert answer.status == 422
    assert 'value="25:00"' in answer.text
    assert await messages(database, day, "NotificationRequested") == []


async def test_the_desk_checks_out_and_does_not_sign(app, database):
    """Signing is for who makes the events; a viewer sees nothing of it, nor does another organisation."""
    day, ada, _ = await a_shift(database)
    desk = await member_of(app, day, Role.DESK)
    page = await desk.get(console(day))
    assert "Sign off the hours" not in page.text
    fields = await hidden(desk, f"/registrations/console/events/{day.id}/check-in")
    assert (await desk.post(console(day), fields | shift_of(day) | {str(ada.id): "1"})).status == 403
    for browser, status in ((await signed_in(app, day, Role.VIEWER), 403), (await signed_in(app), 404)):
        assert (await browser.get(console(day))).status == status


async def test_a_shift_to_come_has_no_hours(app, database):
    """Neither at the desk nor for the person."""
    day = await open_day(database)
    [decision] = await take(database, day, given.wish(), 1)
    page = words(await (await signed_in(app, day)).get(console(day)))
    assert page.count("This shift has not begun.") == 2
    assert "Your hours" not in words(await AsgiClient(app, "en").get(f"/r/{decision.token}"))


async def test_the_sums_of_a_year_and_their_files(app, database):
    """By event and by person, of the own organisation alone; the download is in the log."""
    day, ada, berta = await a_shift(database)
    browser = await signed_in(app, day)
    await send(browser, console(day), shift_of(day) | {str(ada.id): "2:00", str(berta.id): "1:30"}, console(day))
    year = day.sessions[0].starts_at.year
    page = words(await browser.get("/registrations/console/hours"))
    assert f"Hours of the year {year}" in page
    assert "Street party 2 2 3 hours 30 minutes" in page
    assert page.index("Ada 1 2 hours") < page.index("Berta 1 1 hour 30 minutes")
    file = await browser.get(f"/registrations/console/hours.csv?year={year}")
    rows = list(csv.reader(io.StringIO(file.body.decode("utf-8-sig")), delimiter=","))
    assert [row[3] for row in rows] == ["Name", "Ada", "Berta"]
    assert [row[6] for row in rows] == ["Minutes", "120", "90"]
    assert (await browser.get("/registrations/console/hours.xlsx")).body[:2] == b"PK"
    before = words(await browser.get(f"/registrations/console/hours?year={year - 1}"))
    assert "No hours are signed off in this year" in before
    stranger = words(await (await signed_in(app, role=Role.OWNER)).get("/registrations/console/hours"))
    assert "Ada" not in stranger


async def test_hours_for_programs(app, database):
    """The same in JSON; sent twice it changes nothing more, and what is not the event's is passed over."""
    day, ada, _ = await a_shift(database)
    browser, path = await signed_in(app, day), f"/registrations/api/events/{day.id}/hours"
    listed = json.loads((await browser.get(path)).body)
    assert [one["signed"] for one in listed] == [None, None]
    body = {"hours": [{"registration_id": str(one), "minutes": 90} for one in (ada.id, uuid4())]}
    headers = {"content-type": "application/json"}
    changed = [
        json.loads((await browser.request("POST", path, json.dumps(body).encode(), headers)).body) for _ in range(2)
    ]
    assert changed == [{"changed": 1}, {"changed": 0}]
    assert {one["signed"] for one in json.loads((await browser.get(path)).body)} == {90, None}
    bad = {"hours": [{"registration_id": str(ada.id), "minutes": 1441}]}
    assert (await browser.request("POST", path, json.dumps(bad).encode(), headers)).status == 422


async def test_a_ticket_of_another_shift_says_which(app, database):
    """With the way there, and for programs its id; that is no guess at codes."""
    day = await open_day(database, starts_in=ON)
    [later] = await take(database, day, given.wish(name="Ada"), 3)
    desk, ticket = await member_of(app, day), ticket_of(later.id)
    page = f"/registrations/console/events/{day.id}/check-in?session={day.sessions[0].id}&code={ticket}"
    shown = await desk.get(page)
    assert "This ticket is for another shift Kitchen ," in words(shown)
    assert f"session={day.sessions[1].id}" in shown.text
    body = {"code": ticket, "session": str(day.sessions[0].id)}
    answer = await call(desk, day, "", body)
    assert (answer.status, json.loads(answer.body)["shift"]) == (404, str(day.sessions[1].id))
