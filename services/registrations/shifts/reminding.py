"""Before a shift: everybody who is in it is asked once whether they come, and what they answer.

Load-bearing invariants:
- The mark that somebody was asked and the message that asks are one transaction, under the lock of the pool: any number
  of processes ask once, and never about a date that was moved meanwhile.
- With a new date the shift is another one: what was said about the old one does not count, and everybody is asked anew.
- Nobody is asked in the night, and nobody who has heard of the shift a moment ago.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from services.registrations.registrations.deadlines import is_night
from services.registrations.registrations.pool import Pool, lock_pool, seal_link
from shared.contracts.notification_requests import NotificationRequested, Template
from shared.database.engine import Database, WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault

SETTLED = timedelta(hours=1)
"""Who got the place, or heard of its new date, less than this ago knows it."""
AHEAD = timedelta(hours=12)
"""Who got the place less than this before the shift is not asked: the confirmation has just said it."""

_UNASKED = """
    r.state = 'confirmed' AND r.asked_to_come_at IS NULL AND r.updated_at <= :settled
    AND r.person_id = people.id AND people.means <> 'paper'
"""
_DUE = text(
    f"""
    SELECT DISTINCT p.id, p.time_zone FROM places p
    JOIN registrations r ON r.event_id = p.event_id AND r.places_id = p.id, people
    WHERE p.is_shift AND p.open AND p.starts_at > :now AND p.starts_at <= :until
      AND r.updated_at <= p.starts_at - CAST(:ahead AS interval) AND {_UNASKED}
    """  # noqa: S608 - constants of this module
)
_ASK = text(
    f"""
    UPDATE registrations r SET asked_to_come_at = :now FROM people, events e
    WHERE r.event_id = :event_id AND r.places_id = :places_id AND e.id = r.event_id AND {_UNASKED}
    RETURNING r.id, r.person_id, e.version
    """  # noqa: S608 - constants of this module
)
_COME = text(
    """
    UPDATE registrations SET coming_at = coalesce(coming_at, :now)
    WHERE id = ANY(:ids) AND state = 'confirmed' AND asked_to_come_at IS NOT NULL RETURNING id
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))
_FORGET = text(
    """
    UPDATE registrations SET asked_to_come_at = NULL, coming_at = NULL, updated_at = :now
    WHERE places_id = :places_id AND state = 'confirmed'
    """
)


async def ask_who_comes(database: Database, vault: Vault, reminder_time: timedelta, now: datetime) -> int:
    """Ask everybody whose shift begins within `reminder_time`, where it is not night; returns how many were asked."""
    times = {"now": now, "until": now + reminder_time, "settled": now - SETTLED, "ahead": AHEAD}
    async with database.read() as session:
        due = [row.id for row in await session.execute(_DUE, times) if not is_night(now, ZoneInfo(row.time_zone))]
    asked = 0
    for places_id in due:
        async with database.begin() as session:
            asked += await ask_in_pool(session, vault, places_id, reminder_time, now)
    return asked


async def ask_in_pool(
    session: WriteSession, vault: Vault, places_id: UUID, reminder_time: timedelta, now: datetime
) -> int:
    """The same for one shift, in the caller's transaction; who was asked already is not asked again."""
    pool = await lock_pool(session, places_id)
    if not (pool.is_shift and pool.open and now < pool.starts_at <= now + reminder_time):
        return 0
    values = {"event_id": pool.event_id, "places_id": pool.id, "now": now}
    settled = min(now - SETTLED, pool.starts_at - AHEAD)
    rows = list(await session.execute(_ASK, {**values, "settled": settled}))
    await publish(session, *(_question(vault, pool, row.id, row.person_id, row.version) for row in rows))
    return len(rows)


def _question(vault: Vault, pool: Pool, registration_id: UUID, person_id: UUID, version: int) -> NotificationRequested:
    """It names the event's version: notifications waits for it, and never asks about a date that does not hold."""
    return NotificationRequested(
        aggregate_id=registration_id,
        aggregate_version=0,
        template=Template.SHIFT_REMINDER,
        person_id=person_id,
        event_id=pool.event_id,
        registration_id=registration_id,
        data={"event_version": version, "places_id": str(pool.id)},
        sealed=seal_link(vault, registration_id, "request"),
        expires_at=pool.starts_at,
    )


async def say_coming(session: WriteSession, registrations: Sequence[UUID], now: datetime) -> int:
    """Note that these people come, of whom we asked it; the first yes counts. Returns of how many it holds now.

    A place that was given back meanwhile, or a shift that was moved, is not among them.
    """
    return len(list(await session.execute(_COME, {"ids": list(registrations), "now": now})))


async def forget_answers(session: WriteSession, pool: Pool, now: datetime) -> None:
    """The shift has a new date: everybody in it will be asked anew. The pool is locked by the caller."""
    if pool.is_shift:
        await session.execute(_FORGET, {"places_id": pool.id, "now": now})
