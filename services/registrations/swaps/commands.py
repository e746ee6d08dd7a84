"""Asking two people to swap their shifts, and swapping them. Each command is safe when it is sent twice.

Load-bearing invariants:
- Both places change in one statement of one transaction, under the locks of both pools, of both registrations and of
  both people: whatever dies in the middle leaves both where they were.
- Nobody is moved who did not agree to this very swap; what was true when they were asked is looked at again.
- The counts of the pools stay as they are: each party is one person, and one comes where one goes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from uuid6 import uuid7

from services.registrations.actions.annotating import touch_lists
from services.registrations.people.model import Means
from services.registrations.registrations.deadlines import answer_deadline
from services.registrations.registrations.model import LIVE_SQL, State
from services.registrations.registrations.pool import Pool, lock_pool, seal_link
from services.registrations.registrations.queries import event_at
from services.registrations.shifts.overlaps import lock_people, shifts_elsewhere
from services.registrations.swaps.model import Outcome
from shared.auth import audit
from shared.contracts.notification_requests import NotificationRequested, Template, localized
from shared.database.engine import Database, WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault

LONGEST = timedelta(hours=48)
MOST = 50


class CannotSwapError(Exception):
    """These two cannot swap: not two people in two shifts to come, asked already, on paper, or busy at that time."""


class NothingAskedError(LookupError):
    """Nobody asks this registration to swap."""


@dataclass(frozen=True)
class Asking:
    """The member who asks, of which organisation, about whose event, and when."""

    member_id: UUID
    organisation_id: UUID
    event_id: UUID
    now: datetime


_TWO = text(
    """
    SELECT r.id, r.person_id, r.places_id, r.event_id, r.state, r.queue, p.means
    FROM registrations r JOIN people p ON p.id = r.person_id
    WHERE r.id IN (:first, :second) ORDER BY r.id FOR UPDATE OF r
    """
)
_ASKED = text(
    """
    SELECT count(*) FROM swaps
    WHERE ended_at IS NULL AND (first_id IN (:first, :second) OR second_id IN (:first, :second))
    """
)
_THERE = text(
    f"""
    SELECT count(*) FROM registrations
    WHERE person_id = :person AND places_id = :places AND {LIVE_SQL}
    """  # noqa: S608 - a constant of ours
)
_ASK = text(
    """
    INSERT INTO swaps (id, event_id, first_id, second_id, first_places, second_places, asked_by, asked_at, expires_at)
    VALUES (:id, :event, :first, :second, :first_places, :second_places, :by, :now, :until)
    """
)
_PLACES = text("SELECT id, places_id FROM registrations WHERE id IN (:first, :second) AND event_id = :event")
_OPEN = text("SELECT * FROM swaps WHERE ended_at IS NULL AND (first_id = :id OR second_id = :id)")
_BY_ID = text("SELECT * FROM swaps WHERE id = :id AND event_id = :event")
_LOCK = text("SELECT * FROM swaps WHERE id = :id FOR UPDATE")
_AGREE = text(
    """
    UPDATE swaps SET
        first_agreed_at = coalesce(first_agreed_at, CASE WHEN first_id = :id THEN CAST(:now AS timestamptz) END),
        second_agreed_at = coalesce(second_agreed_at, CASE WHEN second_id = :id THEN CAST(:now AS timestamptz) END)
    WHERE id = :swap RETURNING first_agreed_at IS NOT NULL AND second_agreed_at IS NOT NULL
    """
)
_END = text("UPDATE swaps SET ended_at = :now, outcome = :outcome WHERE id = :id")
_MOVE = text(
    """
    UPDATE registrations r SET places_id = other.places_id, queue = other.queue, asked_to_come_at = NULL,
                               coming_at = NULL, updated_at = :now
    FROM registrations other
    WHERE (r.id = :first AND other.id = :second) OR (r.id = :second AND other.id = :first)
    """
)
_OVERDUE = text("SELECT id FROM swaps WHERE ended_at IS NULL AND expires_at <= :now ORDER BY id LIMIT :most")


async def ask(session: WriteSession, vault: Vault, asking: Asking, first_id: UUID, second_id: UUID) -> UUID:
    """Ask both whether they swap; the swap's id. Raises CannotSwapError: then nobody was asked."""
    two = {"first": first_id, "second": second_id}
    places = {row.id: row.places_id for row in await session.execute(_PLACES, two | {"event": asking.event_id})}
    if len(places) < 2 or len(set(places.values())) < 2:
        raise CannotSwapError
    pools = {places_id: await lock_pool(session, places_id) for places_id in sorted(places.values())}
    rows = await _both(session, first_id, second_id)
    if any(row.places_id != places[row.id] for row in rows.values()):
        raise CannotSwapError
    asked = (await session.execute(_ASKED, two)).scalar_one()
    if asked or not await _possible(session, pools, rows[first_id], rows[second_id], asking.now):
        raise CannotSwapError
    starts_at = min(pool.starts_at for pool in pools.values())
    until = answer_deadline(asking.now, LONGEST, starts_at, pools[places[first_id]].zone)
    swap = {"id": uuid7(), "event": asking.event_id, "by": asking.member_id, "now": asking.now, "until": until}
    swap |= two | {"first_places": places[first_id], "second_places": places[second_id]}
    await session.execute(_ASK, swap)
    for one, other in ((rows[first_id], rows[second_id]), (rows[second_id], rows[first_id])):
        await _tell(session, vault, Template.SWAP_ASKED, one, other.places_id, until=until)
    await _record(session, asking, "swap.asked", first_id)
    return UUID(str(swap["id"]))


async def _both(session: WriteSession, first_id: UUID, second_id: UUID) -> dict[UUID, Any]:
    rows = await session.execute(_TWO, {"first": first_id, "second": second_id})
    return {row.id: row for row in rows}


async def _possible(session: WriteSession, pools: dict[UUID, Pool], one: Any, other: Any, now: datetime) -> bool:
    """Whether they can change places: both have theirs in a shift to come, and nothing else at the other's time."""
    if one.person_id == other.person_id or any(not pool.open or pool.starts_at <= now for pool in pools.values()):
        return False
    if any(row.state != State.CONFIRMED or row.means == Means.PAPER for row in (one, other)):
        return False
    await lock_people(session, [one.person_id, other.person_id])
    for row in (one, other):
        target = pools[other.places_id if row is one else one.places_id]
        there = (await session.execute(_THERE, {"person": row.person_id, "places": target.id})).scalar_one()
        busy = await shifts_elsewhere(session, target, [row.person_id], but=row.id)
        if there or busy:
            return False
    return True


async def answer(
    session: WriteSession, vault: Vault, registration_id: UUID, now: datetime, *, agreed: bool
) -> Outcome | None:
    """What the person says to the swap that they are asked about; how it ended, or None while the other has to answer.

    Raises NothingAskedError where nothing is asked, any more.
    """
    found = (await session.execute(_OPEN, {"id": registration_id})).one_or_none()
    if found is None:
        raise NothingAskedError
    pools = {
        places_id: await lock_pool(session, places_id)
        for places_id in sorted((found.first_places, found.second_places))
    }
    swap = (await session.execute(_LOCK, {"id": found.id})).one()
    if swap.ended_at is not None:
        raise NothingAskedError
    rows = await _both(session, swap.first_id, swap.second_id)
    if not agreed:
        others = [row for row in rows.values() if row.id != registration_id]
        return await _end(session, vault, swap, Outcome.DECLINED, others, now)
    if any(row.state != State.CONFIRMED for row in rows.values()):
        return await _end(session, vault, swap, Outcome.IMPOSSIBLE, rows.values(), now)
    both = (await session.execute(_AGREE, {"id": registration_id, "swap": swap.id, "now": now})).scalar_one()
    return await _swap(session, vault, swap, pools, rows, now) if both else None


async def _swap(
    session: WriteSession, vault: Vault, swap: Any, pools: dict[UUID, Pool], rows: dict[UUID, Any], now: datetime
) -> Outcome:
    first, second = rows[swap.first_id], rows[swap.second_id]
    as_asked = (first.places_id, second.places_id) == (swap.first_places, swap.second_places)
    if not as_asked or not await _possible(session, pools, first, second, now):
        return await _end(session, vault, swap, Outcome.IMPOSSIBLE, rows.values(), now)
    await session.execute(_MOVE, {"first": first.id, "second": second.id, "now": now})
    await session.execute(_END, {"id": swap.id, "now": now, "outcome": Outcome.DONE.value})
    for one, other in ((first, second), (second, first)):
        await _tell(session, vault, Template.SWAPPED, one, one.places_id, now_at=other.places_id)
    await touch_lists(session, [swap.event_id])
    return Outcome.DONE


async def withdraw(session: WriteSession, vault: Vault, asking: Asking, swap_id: UUID) -> bool:
    """Take the question back; both are told. One that has ended stays as it is: then it returns False.

    Raises NothingAskedError where the event has no such swap.
    """
    found = (await session.execute(_BY_ID, {"id": swap_id, "event": asking.event_id})).one_or_none()
    if found is None:
        raise NothingAskedError
    ended = await _end_open(session, vault, found, Outcome.WITHDRAWN, asking.now)
    if ended:
        await _record(session, asking, "swap.withdrawn", found.first_id)
    return ended


async def expire_swaps(database: Database, vault: Vault, now: datetime) -> int:
    """End swaps that were not answered in time; returns how many it looked at."""
    async with database.read() as session:
        overdue = list((await session.execute(_OVERDUE, {"now": now, "most": MOST})).scalars())
    for swap_id in overdue:
        async with database.begin() as session:
            found = (await session.execute(text("SELECT * FROM swaps WHERE id = :id"), {"id": swap_id})).one_or_none()
            if found is not None:
                await _end_open(session, vault, found, Outcome.EXPIRED, now)
    return len(overdue)


async def _end_open(session: WriteSession, vault: Vault, found: Any, outcome: Outcome, now: datetime) -> bool:
    for places_id in sorted((found.first_places, found.second_places)):
        await lock_pool(session, places_id)
    swap = (await session.execute(_LOCK, {"id": found.id})).one()
    if swap.ended_at is not None:
        return False
    rows = await _both(session, swap.first_id, swap.second_id)
    await _end(session, vault, swap, outcome, rows.values(), now)
    return True


async def _end(
    session: WriteSession, vault: Vault, swap: Any, outcome: Outcome, told: Iterable[Any], now: datetime
) -> Outcome:
    """Nothing changes for either of them, and those who still have their place are told so."""
    await session.execute(_END, {"id": swap.id, "now": now, "outcome": outcome.value})
    for row in told:
        if row.state == State.CONFIRMED:
            await _tell(session, vault, Template.SWAP_ENDED, row, row.places_id)
    return outcome


async def _tell(
    session: WriteSession,
    vault: Vault,
    template: Template,
    row: Any,
    other_places: UUID,
    *,
    until: datetime | None = None,
    now_at: UUID | None = None,
) -> None:
    """Write to one of the two: of their own shift, or of the one they have now, and of the other, by name and time."""
    other = await event_at(session, other_places)
    data: dict[str, Any] = {"places_id": str(now_at or row.places_id)}
    if other is not None:
        data |= {"event_title": localized(other.title), "planned": other.sessions[0].starts_at.isoformat()}
    message = NotificationRequested(
        aggregate_id=row.id,
        aggregate_version=0,
        template=template,
        person_id=row.person_id,
        event_id=row.event_id,
        registration_id=row.id,
        data=data,
        sealed=seal_link(vault, row.id, "request"),
        expires_at=until,
    )
    await publish(session, message)


async def _record(session: WriteSession, asking: Asking, action: str, registration_id: UUID) -> None:
    await audit.record(
        session,
        action,
        person_id=asking.member_id,
        organisation_id=asking.organisation_id,
        event_id=asking.event_id,
        subject_id=registration_id,
    )
