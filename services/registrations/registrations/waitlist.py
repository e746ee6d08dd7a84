"""The waitlist: free places are offered to the first party that fits, for a time, then to the next (guarantee 9)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from services.registrations.registrations.admission import Rules
from services.registrations.registrations.deadlines import answer_deadline
from services.registrations.registrations.model import State
from services.registrations.registrations.pool import Party, Pool, lock_pool
from shared.contracts.registrations import EndedBy, OfferExpired, PlaceOffered, RegistrationCancelled
from shared.database.engine import Database, ReadSession, WriteSession
from shared.vault import Vault

_LOOK_AHEAD = 200

_NEXT = text(
    """
    SELECT id, person_id, party_size, channel FROM registrations
    WHERE places_id = :places_id AND state = 'waitlisted' AND party_size <= :free
    ORDER BY queue LIMIT :most
    """
)
_OFFER = text(
    """
    UPDATE registrations SET state = 'offered', holds_places = true, expires_at = :until, updated_at = :now
    WHERE id = ANY(:ids)
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))
_OVERDUE = text(
    """
    SELECT DISTINCT r.places_id FROM registrations r JOIN places p ON p.id = r.places_id
    WHERE r.expires_at <= :now AND r.state IN ('held', 'offered') AND p.open LIMIT :most
    """
)
_EXPIRED = text(
    """
    SELECT id, person_id, party_size, channel, state, holds_places FROM registrations
    WHERE places_id = :places_id AND state IN ('held', 'offered') AND expires_at <= :now
    ORDER BY expires_at, queue LIMIT :most FOR UPDATE
    """
)
_RESTART = text(
    "UPDATE registrations SET expires_at = :until, updated_at = :now WHERE places_id = :places_id AND state = :state"
)
_PROMISE = text(
    """
    UPDATE registrations SET answer_by = :until, reminders = 0, updated_at = :now
    WHERE places_id = :places_id AND state = 'pending'
    """
)
_POSITION = text(
    """
    SELECT count(*) + 1 FROM registrations
    WHERE places_id = :places_id AND state = 'waitlisted' AND queue < :queue
    """
)
_END = text(
    """
    UPDATE registrations SET state = 'expired', holds_places = false, expires_at = NULL, ended_by = 'no-answer',
                             updated_at = :now
    WHERE id = ANY(:ids)
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))


async def offer_free_places(session: WriteSession, vault: Vault, rules: Rules, pool: Pool, now: datetime) -> None:
    """Offer what is free to those who wait, first come, first served among the parties that fit.

    The pool is locked by the caller, who saves it afterwards.
    """
    while pool.open and pool.free and pool.waiting_parties and now < pool.starts_at:
        chosen = _fitting(pool, list(await session.execute(_NEXT, _next_of(pool))))
        if not chosen:
            return
        until = answer_deadline(now, rules.offer_time, pool.starts_at, pool.zone)
        await session.execute(_OFFER, {"ids": [row.id for row in chosen], "until": until, "now": now})
        for row in chosen:
            pool.tell(vault, PlaceOffered, Party(row.id, row.person_id, row.party_size, row.channel), expires_at=until)


def _next_of(pool: Pool) -> dict[str, Any]:
    return {"places_id": pool.id, "free": pool.free, "most": _LOOK_AHEAD}


def _fitting(pool: Pool, rows: list[Any]) -> list[Any]:
    chosen = []
    for row in rows:
        if row.party_size <= pool.free:
            pool.unqueue(row.party_size)
            pool.take(row.party_size)
            chosen.append(row)
    return chosen


async def expire_overdue(database: Database, vault: Vault, rules: Rules, now: datetime) -> int:
    """End offers and holds that nobody answered in time, and offer their places on. Returns how many pools it saw."""
    async with database.read() as session:
        pools = list((await session.execute(_OVERDUE, {"now": now, "most": 50})).scalars())
    for places_id in pools:
        async with database.begin() as session:
            await expire_in_pool(session, vault, rules, places_id, now)
    return len(pools)


async def expire_in_pool(session: WriteSession, vault: Vault, rules: Rules, places_id: UUID, now: datetime) -> None:
    """The same for one pool, in the caller's transaction. In a closed pool, its event postponed, no time runs out."""
    pool = await lock_pool(session, places_id)
    if not pool.open:
        return
    rows = list(await session.execute(_EXPIRED, {"places_id": places_id, "now": now, "most": _LOOK_AHEAD}))
    if not rows:
        return
    await session.execute(_END, {"ids": [row.id for row in rows], "now": now})
    for row in rows:
        _end(pool, vault, row)
    await offer_free_places(session, vault, rules, pool, now)
    await pool.save(session)


def _end(pool: Pool, vault: Vault, row: Any) -> None:
    leave_pool(pool, row.party_size, holds_places=row.holds_places)
    party = Party(row.id, row.person_id, row.party_size, row.channel)
    if row.state == State.OFFERED:
        pool.tell(vault, OfferExpired, party)
    else:
        pool.tell(vault, RegistrationCancelled, party, by=EndedBy.NO_ANSWER)


async def restart_answer_times(session: WriteSession, rules: Rules, pool: Pool, now: datetime) -> None:
    """Give every open question of the locked pool its whole time from now on."""
    for state, longest in ((State.OFFERED, rules.offer_time), (State.HELD, rules.hold_time)):
        until = answer_deadline(now, longest, pool.starts_at, pool.zone)
        await session.execute(_RESTART, {"places_id": pool.id, "state": state.value, "until": until, "now": now})


async def promise_anew(session: WriteSession, pool: Pool, now: datetime) -> None:
    """Give the organisation its whole time to answer those who wait for it, from now on."""
    if answer_by := pool.promised(now):
        await session.execute(_PROMISE, {"places_id": pool.id, "until": answer_by, "now": now})


async def waiting_position(session: ReadSession, places_id: UUID, queue: int) -> int:
    """Which party in the waitlist comes with this number of the queue; 1 is the first."""
    result = await session.execute(_POSITION, {"places_id": places_id, "queue": queue})
    return int(result.scalar_one())


def leave_pool(pool: Pool, party_size: int, *, holds_places: bool) -> None:
    """Count a party out, from its places or from the waitlist."""
    if holds_places:
        pool.give_back(party_size)
    else:
        pool.unqueue(party_size)
