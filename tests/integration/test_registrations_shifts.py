"""Signing up for volunteers' shifts: several at once, never two at one time, never more than a role takes."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.registrations.registrations import admission, commands
from services.registrations.registrations.admission import Admitted, AlreadyRegistered, Refusal, Refused
from services.registrations.registrations.model import State
from services.registrations.shifts.commands import NotAllError
from shared.contracts.events import Session, Status
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.registration_pages import messages, registrations
from tests.support.shifts import open_day, places_of, take, volunteer_day


@pytest.fixture(scope="module")
async def database(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    database = Database(url)
    yield database
    await database.close()


async def outcomes(database, state):
    return sorted((row.places_id, row.state) for row in await registrations(database, state))


async def test_several_shifts_are_taken_at_once_and_each_is_told_of(database):
    """One registration for each role in a shift, each with its own message, in one transaction."""
    day = await open_day(database)
    one, other = await take(database, day, given.wish(), 1, 4)
    assert (one.state, other.state) == (State.CONFIRMED, State.CONFIRMED)
    told = await messages(database, day, "RegistrationConfirmed")
    assert [message["counts"]["places_id"] for message in told] == [str(id_) for id_ in places_of(day, 1, 4)]
    again = await take(database, day, given.wish(), 2)
    assert again[0].id not in {one.id, other.id}


async def test_the_same_key_again_is_the_same_sign_up(database):
    """A form that is sent twice changes nothing."""
    day, wish = await open_day(database), given.wish(request_key=uuid4())
    first, second = await take(database, day, wish, 1, 3), await take(database, day, wish, 1, 3)
    assert [one.id for one in first] == [one.id for one in second]
    assert len(await registrations(database, day)) == 2


async def test_who_comes_too_late_for_a_role_is_a_substitute_and_gets_the_others(database):
    """Each shift is decided for itself: a place here, the first in the line of substitutes there."""
    day = await open_day(database, most=1)
    await take(database, day, given.wish(), 1)
    waits, has = await take(database, day, given.wish(), 1, 3)
    assert (waits.state, waits.position, has.state) == (State.WAITLISTED, 1, State.CONFIRMED)


async def test_all_or_none_writes_nothing_where_one_is_full(database):
    """The full ones are named, and nobody has anything."""
    day = await open_day(database, most=1)
    await take(database, day, given.wish(), 1)
    with pytest.raises(NotAllError) as refused:
        await take(database, day, given.wish(), 1, 3, all_or_none=True)
    assert list(refused.value.full) == places_of(day, 1)
    assert len(await registrations(database, day)) == 1


async def test_nobody_is_in_two_shifts_at_one_time(database):
    """Not in two roles of one shift, not in overlapping shifts of two events; the other shift is named."""
    day = await open_day(database)
    other = await open_day(database, starts_in=timedelta(days=14, hours=1))
    wish = given.wish()
    [first] = await take(database, day, wish, 1)
    [same_shift] = await take(database, day, wish, 2)
    [elsewhere] = await take(database, other, wish, 1)
    for refused in (same_shift, elsewhere):
        assert isinstance(refused, Refused)
        assert refused.reason is Refusal.OVERLAPS
        assert (refused.other.registration_id, refused.other.places_id) == (first.id, places_of(day, 1)[0])
    assert len(await registrations(database, other)) == 0


async def test_shifts_that_touch_do_not_overlap(database):
    """One may begin at the moment at which the other ends."""
    day, wish = await open_day(database), given.wish()
    decided = await take(database, day, wish, 1, 3)
    assert [one.state for one in decided] == [State.CONFIRMED, State.CONFIRMED]


async def test_a_cancelled_shift_is_in_nobodys_way(database):
    """Who leaves a shift can take another one at that time."""
    day, wish = await open_day(database), given.wish()
    [first] = await take(database, day, wish, 1)
    async with database.begin() as session:
        by = commands.EndedBy.PERSON
        await commands.cancel(session, given.VAULT, given.RULES, first.id, by, datetime.now(UTC))
    [second] = await take(database, day, wish, 2)
    assert isinstance(second, Admitted)


async def test_a_postponed_shift_is_in_nobodys_way(database):
    """Its time does not hold, and nobody knows the new one."""
    day, other, wish = await open_day(database), await open_day(database), given.wish()
    await take(database, day, wish, 1)
    await given.publish(database, day.model_copy(update={"status": Status.POSTPONED}), 2)
    [second] = await take(database, other, wish, 1)
    assert isinstance(second, Admitted)


async def test_what_a_stranger_typed_for_a_number_is_not_in_its_owners_way(database):
    """The owner takes another shift; the yes to what was typed then comes too late, and names it."""
    day, number = await open_day(database), given.number()
    [typed] = await take(database, day, given.wish(number, ask_owner=True), 1)
    [own] = await take(database, day, given.wish(number), 2)
    assert (typed.state, own.state) == (State.HELD, State.CONFIRMED)
    with pytest.raises(commands.OverlapsError) as refused:
        async with database.begin() as session:
            await commands.accept(session, given.VAULT, given.RULES, typed.id, datetime.now(UTC))
    assert refused.value.other.registration_id == own.id


async def test_the_same_role_again_is_the_same_registration(database):
    """And not an overlap with itself."""
    day, wish = await open_day(database), given.wish()
    [first] = await take(database, day, wish, 1)
    [again] = await take(database, day, wish, 1)
    assert isinstance(again, AlreadyRegistered)
    assert again.id == first.id


async def rush(database, day, *, people=60, times=6):
    """Each of these people tries for shifts that overlap, all at once; what is overbooked, and who is in two."""
    numbers = range(1, 1 + len(day.places))
    wishes = [given.wish() for _ in range(people)]
    tries = [(wish, numbers[(who + count) % len(numbers)]) for count in range(times) for who, wish in enumerate(wishes)]
    await asyncio.gather(*(take(database, day, wish, number) for wish, number in tries))
    live = [row for row in await registrations(database, day) if row.state in {"confirmed", "waitlisted"}]
    taken = Counter(row.places_id for row in live if row.state == "confirmed")
    overbooked = [id_ for id_, count in taken.items() if count > 5]
    together = [person for person, count in Counter(row.person_id for row in live).items() if count > 1]
    return overbooked, together


async def test_neither_overlaps_nor_overbooks_in_a_rush(database):
    """Sixty people, eight roles in two shifts that overlap, every try at once: one shift each, five people each."""
    day = await open_day(database, roles=4, most=5, apart=timedelta(hours=1))
    assert await rush(database, day) == ([], [])


async def test_without_the_check_people_are_in_two_shifts(database, monkeypatch):
    """The negative control: the same rush, and nobody looks for shifts elsewhere."""

    async def none(*_args):
        return {}

    monkeypatch.setattr(admission, "shifts_elsewhere", none)
    day = await open_day(database, roles=4, most=5, apart=timedelta(hours=1))
    _, together = await rush(database, day)
    assert together


async def test_a_moved_shift_is_told_to_those_in_it_alone(database):
    """And to nobody else of the event; the request names the role, so that its date is told."""
    day = await open_day(database)
    [first] = await take(database, day, given.wish(), 1)
    [later] = await take(database, day, given.wish(), 3)
    one, other = day.sessions
    moved = Session(id=other.id, starts_at=other.starts_at + timedelta(hours=1), ends_at=other.ends_at)
    await given.publish(database, day.model_copy(update={"sessions": [one, moved]}), 2)
    [request] = await messages(database, day, "NotificationRequested")
    assert (request["template"], request["registration_id"]) == ("rescheduled", str(later.id))
    assert request["data"]["places_id"] == str(places_of(day, 3)[0])
    assert first.id != later.id


async def test_a_new_shift_is_open_at_once_and_tells_nobody(database):
    """A coordinator adds a shift to a public event."""
    day = volunteer_day(shifts=2)
    half = {"sessions": day.sessions[:1], "shifts": day.shifts[:1], "places": day.places[:2]}
    await given.publish(database, day.model_copy(update=half))
    await take(database, day, given.wish(), 1)
    await given.publish(database, day, 2)
    [added] = await take(database, day, given.wish(), 3)
    assert added.state is State.CONFIRMED
    assert await messages(database, day, "NotificationRequested") == []


async def test_a_cancelled_day_ends_every_shift(database):
    """Each person is told once for each shift that they had."""
    day = await open_day(database)
    await take(database, day, given.wish(), 1, 3)
    await given.publish(database, day.model_copy(update={"status": Status.CANCELLED}), 2)
    assert {row.state for row in await registrations(database, day)} == {"cancelled"}
    assert len(await messages(database, day, "RegistrationCancelled")) == 2


async def test_a_plain_event_has_no_shift(database):
    """Its pool ends with its last session, and overlaps with nothing."""
    state = given.event(3)
    await given.publish(database, state)
    async with database.read() as session:
        query = text("SELECT ends_at, is_shift FROM places WHERE event_id = :id")
        row = (await session.execute(query, {"id": state.id})).one()
    assert (row.ends_at, row.is_shift) == (state.sessions[0].ends_at, False)
