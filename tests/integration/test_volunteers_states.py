"""Sign-up, approval, swap, substitute, cancel, check-in and sign-off in any order: what holds after each step."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import text

from services.registrations.registrations import admission
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.shifts import volunteer_day
from tests.support.volunteer_walk import Walk

SEEDS = (1, 2, 3, 4, 5, 6)
LENGTH = 400
INTERESTING = (
    *(f"sign_up: {state}" for state in ("confirmed", "pending", "held", "waitlisted", "overlaps", "closed")),
    *(f"accept: {state}" for state in ("confirmed", "pending", "waitlisted", "NothingToAnswerError")),
    *(f"approve: {what}" for what in ("True", "False", "NoRoomError", "RegistrationEndedError")),
    *(f"decline: {what}" for what in ("True", "False", "DecidedError", "RegistrationEndedError")),
    *(f"cancel: {what}" for what in ("True", "False")),
    *(f"ask_to_swap: {what}" for what in ("asked", "CannotSwapError")),
    *(f"answer_swap: {what}" for what in ("done", "declined", "impossible", "waits for the other")),
    *(f"come: {what}" for what in ("said yes", "was not asked")),
    *("check_in: checked-in", "check_in: already", "check_in: NoPlaceError"),
    *("check_out: checked-out", "check_out: NotHereError"),
    *("put_right: noted", "put_right: NoHoursError", "put_right: SignedOffError"),
    *("sign: signed", "sign: nothing new"),
)
_COUNTS = text(
    """
    SELECT p.id, p.capacity, p.taken, p.waiting_parties,
           count(r.id) FILTER (WHERE r.holds_places) AS holding,
           count(r.id) FILTER (WHERE NOT r.holds_places AND r.state IN ('waitlisted', 'held')) AS waiting
    FROM places p LEFT JOIN registrations r ON r.places_id = p.id WHERE p.event_id = :event GROUP BY p.id
    """
)
_AT_ONCE = text(
    """
    SELECT count(*) FROM registrations a JOIN registrations b ON a.person_id = b.person_id AND a.id < b.id
    JOIN places p ON p.id = a.places_id JOIN places q ON q.id = b.places_id
    WHERE a.event_id = :event AND a.state IN ('confirmed', 'waitlisted', 'offered', 'pending')
      AND b.state IN ('confirmed', 'waitlisted', 'offered', 'pending')
      AND p.starts_at < q.ends_at AND q.starts_at < p.ends_at
    """
)
_STANDS = text(
    "SELECT r.id, r.places_id, r.state, h.signed_minutes FROM registrations r LEFT JOIN hours h"
    " ON h.registration_id = r.id WHERE r.event_id = :event"
)
_SWAPPED = text("SELECT count(*) FROM swaps WHERE event_id = :event AND outcome = 'done'")


@pytest.fixture(scope="module")
async def database(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture(scope="module")
def visited():
    return Counter()


async def assert_it_holds(database, day, before):
    """Nothing is oversold or miscounted, nobody is twice at once, and who moves does so with another."""
    async with database.read() as session:
        pools = (await session.execute(_COUNTS, {"event": day.id})).all()
        at_once = (await session.execute(_AT_ONCE, {"event": day.id})).scalar_one()
        now = {row.id: row for row in await session.execute(_STANDS, {"event": day.id})}
    for pool in pools:
        assert pool.taken == pool.holding <= pool.capacity
        assert pool.waiting_parties == pool.waiting
    assert at_once == 0
    moved = [row for row in now.values() if row.id in before and before[row.id].places_id != row.places_id]
    assert len(moved) in (0, 2)
    assert Counter(row.places_id for row in moved) == Counter(before[row.id].places_id for row in moved)
    return now


def a_day(dice):
    """Three shifts in an afternoon, each begins while another is on; the organisation decides about the first role."""
    day = volunteer_day(
        shifts=3, roles=2, most=2, starts_in=timedelta(days=dice.randrange(3, 9)), apart=timedelta(hours=2)
    )
    kitchen, other = day.roles
    return day.model_copy(update={"roles": [kitchen.model_copy(update={"answer_within": 12}), other]})


async def go(database, walk):
    """The whole walk, looking at everything after each step."""
    before = {}
    for _ in range(LENGTH):
        await walk.step()
        before = await assert_it_holds(database, walk.day, before)


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_always_holds(database, visited, seed):
    """After each of some hundred steps, whatever they were."""
    dice = random.Random(seed)
    day = a_day(dice)
    await given.publish(database, day)
    walk = Walk(database, day, dice, people=9)
    await go(database, walk)
    visited.update(walk.visited)


async def test_without_the_look_at_other_shifts_a_walk_finds_it(database, monkeypatch):
    """The negative control: admission that does not ask what else somebody has."""

    async def nothing(*_args, **_more):
        return {}

    monkeypatch.setattr(admission, "shifts_elsewhere", nothing)
    dice = random.Random(SEEDS[0])
    day = a_day(dice)
    await given.publish(database, day)
    walk = Walk(database, day, dice, people=9)
    with pytest.raises(AssertionError, match=r"assert [1-9]"):
        await go(database, walk)


def test_the_walks_came_by_everything_that_matters(visited):
    """Each of the steps with each of its ends, counted."""
    assert {name: visited[name] for name in INTERESTING if not visited[name]} == {}
