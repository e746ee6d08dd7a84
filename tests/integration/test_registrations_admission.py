"""Admission, waitlist and offers on a real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.registrations.registrations import commands, pool
from services.registrations.registrations.admission import AlreadyRegistered, Refusal, Refused, admit
from services.registrations.registrations.model import State
from services.registrations.registrations.waitlist import expire_overdue
from services.registrations.registrations.writer import AdmissionWriter
from shared.contracts.events import Status
from shared.contracts.registrations import EndedBy
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import registrations as given


@pytest.fixture(scope="module")
async def database(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
def writer(database):
    return AdmissionWriter(database, given.VAULT, given.RULES)


async def decide(database, places_id, *wishes, now=None):
    async with database.begin() as session:
        return await admit(session, given.VAULT, given.RULES, places_id, wishes, now or datetime.now(UTC))


async def pool_of(database, places_id):
    async with database.read() as session:
        row = await session.execute(text("SELECT * FROM places WHERE id = :id"), {"id": places_id})
        return row.one()


async def states_of(database, places_id):
    async with database.read() as session:
        rows = await session.execute(
            text("SELECT state FROM registrations WHERE places_id = :id ORDER BY queue"), {"id": places_id}
        )
        return list(rows.scalars())


async def messages_of(database, event_id, kind=None):
    async with database.read() as session:
        rows = await session.execute(
            text(
                "SELECT convert_from(value, 'UTF8')::jsonb AS m FROM outbox WHERE key = :key"
                " OR convert_from(value, 'UTF8')::jsonb ->> 'event_id' = :key ORDER BY id"
            ),
            {"key": str(event_id)},
        )
        return [m for m in rows.scalars() if kind in (None, m["type"])]


async def cancel(database, registration_id, by=EndedBy.PERSON):
    async with database.begin() as session:
        await commands.cancel(session, given.VAULT, given.RULES, registration_id, by, datetime.now(UTC))


async def accept(database, registration_id):
    async with database.begin() as session:
        return await commands.accept(session, given.VAULT, given.RULES, registration_id, datetime.now(UTC))


async def change_party(database, registration_id, size):
    async with database.begin() as session:
        await commands.change_party(session, given.VAULT, given.RULES, registration_id, size, datetime.now(UTC))


async def test_a_party_is_confirmed_while_there_are_places_and_waitlisted_after(database):
    """Parties are admitted whole in their order; the first that does not fit waits, and a smaller one still fits."""
    places_id = await given.publish(database, given.event(5))
    decisions = await decide(database, places_id, given.wish(size=3), given.wish(size=3), given.wish(size=2))
    assert [d.state for d in decisions] == [State.CONFIRMED, State.WAITLISTED, State.CONFIRMED]
    assert decisions[1].position == 1
    pool = await pool_of(database, places_id)
    assert (pool.taken, pool.waiting, pool.waiting_parties) == (5, 3, 1)


async def test_the_same_person_twice_is_one_registration(database):
    """A second wish of the same address, in the same batch or later, changes nothing and is told so."""
    places_id = await given.publish(database, given.event(5))
    address = f"{uuid4().hex}@example.org"
    first, second = await decide(database, places_id, given.wish(address, 2), given.wish(address, 4))
    (third,) = await decide(database, places_id, given.wish(address, 1))
    assert isinstance(second, AlreadyRegistered)
    assert isinstance(third, AlreadyRegistered)
    assert {first.id, second.id, third.id} == {first.id}
    assert (await pool_of(database, places_id)).taken == 2


async def test_a_form_sent_twice_gets_the_first_answer_again(database):
    """The same request key gives the same link and state, not "already registered"."""
    places_id = await given.publish(database, given.event(5))
    wish = given.wish(request_key=uuid4())
    (first,), (again,) = await decide(database, places_id, wish), await decide(database, places_id, wish)
    assert (first.id, first.token, first.state) == (again.id, again.token, again.state)


async def test_refusals_write_nothing(database):
    """Too large a party, too early, too late and cancelled are refused without a trace of the person."""
    now = datetime.now(UTC)
    state = given.event(5, largest_party=3, registration_opens_at=now + timedelta(days=1))
    places_id = await given.publish(database, state)
    address = f"{uuid4().hex}@example.org"
    (early,) = await decide(database, places_id, given.wish(address))
    later = now + timedelta(days=2)
    (large,) = await decide(database, places_id, given.wish(address, 4), now=later)
    (late,) = await decide(database, places_id, given.wish(address), now=now + timedelta(days=60))
    await given.publish(database, state.model_copy(update={"status": Status.CANCELLED}), 2)
    (cancelled,) = await decide(database, places_id, given.wish(address), now=later)
    assert [r.reason for r in (early, large, late, cancelled)] == [
        Refusal.NOT_OPEN,
        Refusal.PARTY_TOO_LARGE,
        Refusal.CLOSED,
        Refusal.CANCELLED,
    ]
    assert isinstance(early, Refused)
    async with database.read() as session:
        assert not (await session.execute(text("SELECT 1 FROM people WHERE address = :a"), {"a": address})).first()


async def test_a_freed_place_is_offered_to_the_first_party_that_fits(database):
    """A party of three waits in front, one place becomes free: the second, who fits, gets the offer."""
    state = given.event(3)
    places_id = await given.publish(database, state)
    one, _two, large, small = await decide(
        database, places_id, given.wish(size=1), given.wish(size=2), given.wish(size=3), given.wish(size=1)
    )
    await cancel(database, one.id)
    assert await states_of(database, places_id) == ["cancelled", "confirmed", "waitlisted", "offered"]
    pool = await pool_of(database, places_id)
    assert (pool.taken, pool.waiting) == (3, 3)
    (offer,) = await messages_of(database, state.id, "PlaceOffered")
    assert offer["registration_id"] == str(small.id)
    assert await accept(database, small.id) is State.CONFIRMED
    with pytest.raises(commands.NothingToAnswerError):
        await accept(database, large.id)


async def test_an_offer_that_nobody_answers_goes_to_the_next(database):
    """After its time an offer ends, the party leaves the list, and the next one gets the offer, in one transaction."""
    state = given.event(1)
    places_id = await given.publish(database, state)
    first, _second, _third = await decide(database, places_id, given.wish(), given.wish(), given.wish())
    await cancel(database, first.id)
    await expire_overdue(database, given.VAULT, given.RULES, datetime.now(UTC) + timedelta(days=3))
    assert await states_of(database, places_id) == ["cancelled", "expired", "offered"]
    kinds = [m["type"] for m in await messages_of(database, state.id)]
    assert kinds[-2:] == ["OfferExpired", "PlaceOffered"]
    assert (await pool_of(database, places_id)).taken == 1


async def test_a_number_typed_on_the_web_only_holds_its_place_until_its_owner_answers(database):
    """Held counts as taken; yes confirms it, silence gives it back and tells nobody who never answered."""
    state = given.event(2)
    places_id = await given.publish(database, state)
    yes, silent = await decide(
        database, places_id, given.wish(given.number(), ask_owner=True), given.wish(given.number(), ask_owner=True)
    )
    assert (yes.state, silent.state) == (State.HELD, State.HELD)
    assert (await pool_of(database, places_id)).taken == 2
    assert await accept(database, yes.id) is State.CONFIRMED
    await expire_overdue(database, given.VAULT, given.RULES, datetime.now(UTC) + timedelta(days=1))
    assert await states_of(database, places_id) == ["confirmed", "expired"]
    (ended,) = await messages_of(database, state.id, "RegistrationCancelled")
    assert ended["by"] == "no-answer"


async def test_a_held_number_without_a_place_waits_after_yes(database):
    """Where all is taken the number's owner goes on the waitlist, or gets the place that became free meanwhile."""
    places_id = await given.publish(database, given.event(1))
    first, held = await decide(database, places_id, given.wish(), given.wish(given.number(), ask_owner=True))
    assert await accept(database, held.id) is State.WAITLISTED
    await cancel(database, first.id)
    assert await states_of(database, places_id) == ["cancelled", "offered"]


async def test_a_party_grows_and_shrinks_within_what_is_free(database):
    """Growing takes free places or is refused with the number that fits; shrinking offers what it frees."""
    places_id = await given.publish(database, given.event(4, largest_party=4))
    first, _second, waiting = await decide(
        database, places_id, given.wish(size=2), given.wish(size=1), given.wish(size=2)
    )
    with pytest.raises(commands.PartyTooLargeError) as refused:
        await change_party(database, first.id, 4)
    assert refused.value.largest == 3
    await change_party(database, first.id, 3)
    await change_party(database, first.id, 1)
    assert await states_of(database, places_id) == ["confirmed", "confirmed", "offered"]
    await cancel(database, waiting.id)
    assert (await pool_of(database, places_id)).taken == 2


async def test_a_lower_capacity_takes_nobodys_place_and_a_higher_one_is_offered(database):
    """Ten confirmed stay ten when the capacity falls to six; nobody new gets in until there is room again."""
    state = given.event(10)
    places_id = await given.publish(database, state)
    parties = await decide(database, places_id, *(given.wish() for _ in range(10)))
    await given.publish(database, given.with_capacity(state, 6), 2)
    (late,) = await decide(database, places_id, given.wish())
    assert late.state is State.WAITLISTED
    for party in parties[:4]:
        await cancel(database, party.id)
    pool = await pool_of(database, places_id)
    assert (pool.taken, pool.excess, pool.waiting) == (6, 0, 1)
    await given.publish(database, given.with_capacity(state, 7), 3)
    assert (await states_of(database, places_id))[-1] == "offered"


async def test_a_cancelled_event_reaches_every_party_once(database):
    """Confirmed, waiting, offered and held parties each get one message, whatever comes twice."""
    state = given.event(2)
    places_id = await given.publish(database, state)
    await decide(database, places_id, *(given.wish() for _ in range(3)), given.wish(given.number(), ask_owner=True))
    cancelled = state.model_copy(update={"status": Status.CANCELLED, "cancellation_reason": {"de": "Sturm"}})
    for version in (2, 2, 3):
        await given.publish(database, cancelled, version)
    messages = await messages_of(database, state.id, "RegistrationCancelled")
    assert len({m["registration_id"] for m in messages}) == len(messages) == 4
    assert {m["by"] for m in messages} == {"event"}
    assert (await pool_of(database, places_id)).taken == 0


async def test_new_dates_are_told_to_everyone_who_is_in_or_waits(database):
    """What changed is found by comparing states, so that a compacted topic loses nothing; an older state is ignored."""
    state = given.event(1)
    places_id = await given.publish(database, state)
    await decide(database, places_id, given.wish(), given.wish())
    session = state.sessions[0]
    moved = session.model_copy(
        update={"starts_at": session.starts_at + timedelta(days=1), "ends_at": session.ends_at + timedelta(days=1)}
    )
    await given.publish(database, state.model_copy(update={"sessions": [moved]}), 3)
    await given.publish(database, state, 2)
    requests = await messages_of(database, state.id, "NotificationRequested")
    assert [r["template"] for r in requests] == ["rescheduled", "rescheduled"]


async def rush(database, places_id, wishes):
    """The wishes, decided by two writers at once as in two processes, in small batches that get in each other's way."""
    other = Database(database.url)
    writers = [AdmissionWriter(d, given.VAULT, given.RULES) for d in (database, other)]
    decisions = await asyncio.gather(*(writers[n % 2].submit(places_id, w) for n, w in enumerate(wishes)))
    await other.close()
    return decisions


async def test_a_thousand_wishes_for_fifty_places_in_two_writers_never_oversell(database, monkeypatch):
    """Two writers, as in two processes, decide 1,000 wishes for 50 places: 50 get in, all get an answer."""
    monkeypatch.setattr("services.registrations.registrations.writer.LARGEST_BATCH", 5)
    state = given.event(50)
    places_id = await given.publish(database, state)
    decisions = await rush(database, places_id, [given.wish(given.number() if n % 3 else None) for n in range(1000)])
    confirmed = [d for d in decisions if d.state is State.CONFIRMED]
    assert len(confirmed) == 50
    assert len({d.id for d in decisions}) == 1000
    counts = [m["counts"] for m in await messages_of(database, state.id) if "counts" in m]
    assert max(c["taken"] for c in counts) == 50
    assert [c["version"] for c in counts] == list(range(1, len(counts) + 1))


async def test_without_the_lock_the_same_rush_oversells(database, monkeypatch):
    """The negative control: with the pool's row not locked and the database's own check away, too many get in."""
    monkeypatch.setattr("services.registrations.registrations.writer.LARGEST_BATCH", 5)
    monkeypatch.setattr(pool, "_LOCK", text(str(pool._LOCK).replace("FOR UPDATE", "")))
    places_id = await given.publish(database, given.event(50))
    async with database.begin() as session:
        await session.execute(text("ALTER TABLE places DROP CONSTRAINT ck_places_not_oversold"))
    try:
        decisions = await rush(database, places_id, [given.wish() for _ in range(400)])
        assert sum(d.state is State.CONFIRMED for d in decisions) > 50
    finally:
        async with database.begin() as session:
            await session.execute(text("DELETE FROM places WHERE id = :id"), {"id": places_id})
            await session.execute(
                text("ALTER TABLE places ADD CONSTRAINT ck_places_not_oversold CHECK (taken <= capacity + excess)")
            )


async def test_the_database_itself_refuses_to_oversell(database):
    """A bug above it cannot get one person too many past the table's own check."""
    places_id = await given.publish(database, given.event(3))
    with pytest.raises(IntegrityError, match="not_oversold"):
        async with database.begin() as session:
            await session.execute(text("UPDATE places SET taken = 4 WHERE id = :id"), {"id": places_id})


async def test_one_wish_that_the_database_refuses_does_not_fail_its_neighbours(database, writer):
    """A batch with an impossible wish is decided one by one; only that wish fails."""
    places_id = await given.publish(database, given.event(5))
    wishes = [given.wish(), given.wish("+49"), given.wish()]
    decisions = await asyncio.gather(*(writer.submit(places_id, w) for w in wishes), return_exceptions=True)
    assert [isinstance(d, IntegrityError) for d in decisions] == [False, True, False]
    assert (await pool_of(database, places_id)).taken == 2
