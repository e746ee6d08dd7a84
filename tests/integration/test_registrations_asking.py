"""Asking who could come when somebody is missing in a shift: who agreed, who fits, how often, and what follows."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from services.registrations.asking import commands
from services.registrations.asking.queries import may_be_asked, reach_of
from services.registrations.people.commands import Address
from services.registrations.people.model import Means
from services.registrations.registrations.admission import admit
from services.registrations.registrations.deadlines import is_night
from services.registrations.shifts.commands import sign_up
from shared.contracts.events import Status
from shared.contracts.organisations import Role
from shared.database.engine import Database
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import (
    email,
    messages,
    registrations,
    running_api,
    send,
    signed_in,
    where,
    words,
)
from tests.support.registration_phone import Phone
from tests.support.shifts import FAR, open_day, places_of, shortly_before
from tests.support.shifts import sign_up as fill_in


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app) -> Database:
    return app.state.database


async def next_day(database, day, after=7, **more):
    """Another day of volunteers of the same organisation, so many days later."""
    starts_in = FAR + timedelta(days=after)
    return await open_day(database, organisation_id=day.organisation_id, starts_in=starts_in, **more)


async def agreed(database, day, address=None, number=1):
    """Somebody took a shift and ticked that they may be asked; what was decided."""
    wish = given.wish(address or email())
    [places_id] = places_of(day, number)
    async with database.begin() as session:
        now = datetime.now(UTC)
        made = await sign_up(session, given.VAULT, given.RULES, wish, [places_id], now, askable=True)
    return made[places_id]


async def ask(database, day, number=1, wanted=2, now=None):
    """Press the button at this role in a shift, by day; how many people were asked."""
    [places_id] = places_of(day, number)
    async with database.begin() as session:
        now = now or shortly_before(day)
        return await commands.ask_who_could_come(session, given.VAULT, places_id, wanted, now)


async def reach(database, day, number=1, now=None):
    [places_id] = places_of(day, number)
    async with database.read() as session:
        found = await reach_of(session, [places_id], now or shortly_before(day))
    return found.get(places_id, 0)


async def asked(database, day):
    found = await messages(database, day, "NotificationRequested")
    return [one for one in found if one["template"] == "shift-wanted"]


async def test_those_who_agreed_are_asked_once(database):
    """With the shift and a link to the page on which it is taken back; the others are not."""
    day = await open_day(database, most=9)
    ada = await agreed(database, day)
    await sign_up_plainly(database, day)
    later = await next_day(database, day)
    assert await reach(database, later) == 1
    assert await ask(database, later) == 1
    assert await ask(database, later) == 0
    assert await reach(database, later) == 0
    [request] = await asked(database, later)
    assert (request["person_id"], request["registration_id"]) == (str(ada.person_id), None)
    assert request["aggregate_id"] == str(ada.id)
    assert request["data"] == {"event_version": 1, "places_id": str(places_of(later, 1)[0])}
    assert datetime.fromisoformat(request["expires_at"]) <= later.sessions[0].starts_at


async def sign_up_plainly(database, day, number=1):
    async with database.begin() as session:
        [places_id] = places_of(day, number)
        return await admit(session, given.VAULT, given.RULES, places_id, [given.wish()], datetime.now(UTC))


async def test_only_this_organisation_asks(database):
    """The agreement is with the one whose shift it was."""
    await agreed(database, await open_day(database))
    assert await ask(database, await open_day(database)) == 0


async def test_who_has_something_else_then_is_not_asked(database):
    """A shift of whatever event, a place as a substitute, or a question about another role at that time."""
    day = await open_day(database, most=9)
    ada, berta, cem = [await agreed(database, day) for _ in range(3)]
    later = await next_day(database, day, most=1, shifts=1, roles=3)
    elsewhere = await open_day(database, starts_in=FAR + timedelta(days=7, hours=1), most=1)
    async with database.read() as session:
        rows = await session.execute(text("SELECT id, address FROM people"))
        addresses = {row.id: row.address for row in rows}
    for person in (ada, berta):
        await agreed(database, elsewhere, addresses[person.person_id])
    assert [row.state for row in await registrations(database, elsewhere)] == ["confirmed", "waitlisted"]
    assert await ask(database, later, 1) == 1
    [request] = await asked(database, later)
    assert request["person_id"] == str(cem.person_id)
    assert await ask(database, later, 2) == 0
    await given.publish(database, elsewhere.model_copy(update={"status": Status.CANCELLED}), 2)
    assert await ask(database, later, 2) == 2


async def test_who_left_the_shift_is_not_asked_about_it(database):
    """Nor who is in it; whoever was asked and did not answer is not asked again."""
    day = await open_day(database, most=9)
    phone = Phone(database)
    await agreed(database, day, phone.number)
    later = await next_day(database, day)
    await phone.text(f"{later.code} 1")
    assert await reach(database, later) == 0
    await phone.text(f"ABSAGEN {later.code} 1")
    assert await reach(database, later) == 0
    assert await reach(database, later, 3) == 1


async def test_three_times_a_week_at_most(database):
    """By all organisations together; a week later again."""
    days = [await open_day(database, starts_in=FAR + timedelta(days=n), most=9) for n in (0, 3)]
    address = email()
    for day in days:
        await agreed(database, day, address)
    now = shortly_before(days[0])
    shifts = [await next_day(database, days[n % 2], 14 + n) for n in range(4)]
    counts = [await ask(database, shift, now=now) for shift in shifts]
    assert counts == [1, 1, 1, 0]
    assert await ask(database, shifts[3], now=now + timedelta(days=6)) == 0
    assert await ask(database, shifts[3], now=now + timedelta(days=7, minutes=1)) == 1


PRESSED = 8


async def pressed_at_once(database):
    day = await open_day(database, most=9)
    await agreed(database, day)
    shifts = [await next_day(database, day, 14 + n) for n in range(PRESSED)]
    now = shortly_before(day)
    return sum(await asyncio.gather(*(ask(database, shift, now=now) for shift in shifts)))


async def test_many_who_press_at_once_keep_the_limit(database, monkeypatch):
    """Eight roles at once, again and again. Negative control: without the lock on people it is exceeded."""
    for _ in range(5):
        assert await pressed_at_once(database) == 3

    all_chose = asyncio.Barrier(PRESSED)

    async def unlocked(_session, _people):
        await all_chose.wait()

    monkeypatch.setattr(commands, "lock_people", unlocked)
    counts = [0]
    while len(counts) < 20 and max(counts) <= 3:
        counts.append(await pressed_at_once(database))
    assert max(counts) > 3


async def test_one_role_pressed_twice_at_once_asks_each_person_once(database):
    """The pool is locked."""
    day = await open_day(database, most=9)
    for _ in range(5):
        await agreed(database, day)
    later = await next_day(database, day)
    assert sum(await asyncio.gather(*(ask(database, later) for _ in range(4)))) == 5
    assert len(await asked(database, later)) == 5


async def test_nobody_is_asked_in_the_night_or_for_what_is_filled(database):
    """Or where no place is free, or about what is over; people with paper and people out of reach are left out."""
    day = await open_day(database, most=9)
    first = await agreed(database, day)
    with pytest.raises(commands.NightError):
        await ask(database, await next_day(database, day), now=shortly_before(day, night=True))
    later = await next_day(database, day, most=1)
    assert await ask(database, later, wanted=0) == 0
    await sign_up_plainly(database, later)
    assert await ask(database, later) == 0
    over = later.sessions[0].ends_at + timedelta(minutes=1)
    while is_night(over, ZoneInfo(later.time_zone)):
        over += timedelta(hours=1)
    assert await ask(database, later, 2, now=over) == 0
    async with database.begin() as session:
        query = "UPDATE registrations SET unreachable = true WHERE id = :id"
        await session.execute(text(query), {"id": first.id})
    assert await reach(database, later, 2) == 0


async def test_fifty_at_once_and_then_the_next(database, monkeypatch):
    """Whoever was asked longest ago comes first."""
    monkeypatch.setattr(commands, "AT_ONCE", 2)
    day = await open_day(database, most=9)
    for _ in range(3):
        await agreed(database, day)
    one, two = [await next_day(database, day, 14 + n) for n in range(2)]
    now, minute = shortly_before(one), timedelta(minutes=1)
    assert [await ask(database, one, now=now + n * minute) for n in range(3)] == [2, 1, 0]
    first = {request["person_id"] for request in (await asked(database, one))[:2]}
    assert await ask(database, two, now=now + 3 * minute) == 2
    assert {request["person_id"] for request in await asked(database, two)} == first


async def test_whoever_answers_first_gets_the_place(database):
    """By code and number, as everybody; the second one is a substitute."""
    day = await open_day(database, most=9)
    phones = [Phone(database), Phone(database)]
    for phone in phones:
        await agreed(database, day, phone.number)
    later = await next_day(database, day, most=1)
    assert await ask(database, later) == 2
    answers = [(await phone.text(f"{later.code} 1"))["type"] for phone in phones]
    assert answers == ["RegistrationConfirmed", "RegistrationWaitlisted"]


async def test_the_form_asks_and_no_is_the_rule(app, database):
    """A box that is not ticked; ticked, it is an agreement. Taken back on the own page, no form undoes that."""
    browser, address = AsgiClient(app), email()
    day = await open_day(database, most=9)
    page = await browser.get(f"/registrations/shifts/{day.id}")
    assert 'name="askable"' in page.text
    assert 'name="askable" value="yes" checked' not in page.text
    await fill_in(browser, day, 1, email=email())
    later = await next_day(database, day, most=9)
    assert await reach(database, later) == 0
    path = where(await fill_in(browser, day, 1, email=address, askable="yes")).partition("?")[0]
    assert await reach(database, later) == 1
    assert 'name="askable" value="yes" checked' in (await browser.get(path)).text
    assert where(await send(browser, f"{path}/askable", {}, path)) == f"{path}?saved=1"
    assert await reach(database, later) == 0
    await fill_in(browser, day, 3, email=address, askable="yes")
    assert await reach(database, later) == 0
    await send(browser, f"{path}/askable", {"askable": "yes"}, path)
    assert await reach(database, later) == 1


async def test_a_tick_for_a_number_counts_with_its_owners_yes(app, database):
    """What a stranger ticks is no agreement: not before the yes, and not after a no."""
    day = await open_day(database, most=9)
    later, browser = await next_day(database, day), AsgiClient(app)
    for said, count in (("NEIN", 0), ("JA", 1)):
        phone = Phone(database)
        await fill_in(browser, day, 1, 3, channel="phone", phone=phone.number, email="", askable="yes")
        assert await reach(database, later) == 0
        await phone.answers(phone.message(f"{said} {day.code} 1"))
        assert await reach(database, later) == count


async def test_the_desk_notes_what_the_person_says(app, database):
    """With its line in the log, once; not for people with nothing but paper."""
    day = await open_day(database, most=9)
    [made] = await sign_up_plainly(database, day)
    browser = await signed_in(app, day, Role.DESK)
    path = f"/registrations/console/events/{day.id}/desk/{made.id}"
    for _ in range(2):
        assert where(await send(browser, f"{path}/askable", {"askable": "yes"}, path)) == f"{path}?done=changed"
    assert 'name="askable" value="yes" checked' in (await browser.get(path)).text
    changes = [one for one in await messages(database, day, "ChangeRecorded") if "askable" in one["action"]]
    assert [(one["action"], one["after"]) for one in changes] == [("registration.askable-changed", {"askable": True})]
    async with database.read() as session:
        assert await may_be_asked(session, made.person_id, day.organisation_id)
    paper = replace(given.wish(), address=Address(Means.PAPER, f"paper:{made.id}", "de", name="P"), name="P")
    async with database.begin() as session:
        [places_id] = places_of(day, 3)
        [other] = await admit(session, given.VAULT, given.RULES, places_id, [paper], datetime.now(UTC))
    path = f"/registrations/console/events/{day.id}/desk/{other.id}"
    assert 'name="askable"' not in (await browser.get(path)).text
    await send(browser, f"{path}/askable", {"askable": "yes"}, path)
    async with database.read() as session:
        assert not await may_be_asked(session, other.person_id, day.organisation_id)


async def test_the_plan_has_the_button_where_somebody_is_missing(app, database, monkeypatch):
    """For those of the host who may edit, by day, with how many people it reaches; what it did is said and logged."""
    day = await open_day(database, most=9)
    for _ in range(2):
        await agreed(database, day)
    later = await next_day(database, day, roles=1, shifts=1)
    plan = f"/registrations/console/events/{later.id}/plan"
    desk = await signed_in(app, later, Role.DESK)
    seen = words(await desk.get(plan))
    assert "2 more are wanted" in seen or "1 more is needed" in seen
    assert "who could come" not in seen
    refused = await send(desk, f"{plan}/ask", {"post": "1"}, f"/registrations/shifts/{later.id}")
    assert (refused.status, await asked(database, later)) == (403, [])
    browser, form = await signed_in(app, later), f"/registrations/shifts/{later.id}"
    set_night(monkeypatch, night=True)
    night = words(await browser.get(plan))
    assert "It is night: nobody is asked now." in night
    assert "Ask 2 people" not in night
    set_night(monkeypatch, night=False)
    assert "Ask 2 people who could come" in words(await browser.get(plan))
    answer = await send(browser, f"{plan}/ask", {"post": "1"}, plan)
    assert where(answer) == f"{plan}?asked=2"
    after = words(await browser.get(where(answer)))
    assert after.count("2 people were asked") == 2
    assert words(await browser.get(plan)).count("2 people were asked") == 1
    assert "who could come" not in after
    [change] = [one for one in await messages(database, later, "ChangeRecorded") if one["action"] == "shift.help-asked"]
    assert (change["after"], change["subject_id"]) == ({"people": 2}, str(places_of(later, 1)[0]))
    assert (
        where(await send(browser, f"{plan}/ask", {"post": "1"}, f"/registrations/shifts/{later.id}"))
        == f"{plan}?asked=0"
    )
    assert "Nobody was asked" in words(await browser.get(f"{plan}?asked=0"))
    set_night(monkeypatch, night=True)
    assert where(await send(browser, f"{plan}/ask", {"post": "1"}, form)) == plan
    assert where(await send(browser, f"{plan}/ask", {"post": "99"}, form)) == f"{plan}?asked=0"


def set_night(monkeypatch, *, night):
    """Whatever the time is."""
    for module in ("asking.commands", "shifts.console"):
        monkeypatch.setattr(f"services.registrations.{module}.is_night", lambda *_: night)
