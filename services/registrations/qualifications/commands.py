"""Noting that a qualification was seen, forgetting it, and saying in time that it ends.

Load-bearing invariants:
- The mark that somebody was told and the message that tells are one transaction: any number of processes tell once.
- A document with another last day is another document: its owner is told of its end, too.
"""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, text
from sqlalchemy.types import Date

from services.registrations.registrations.deadlines import is_night
from services.registrations.registrations.pool import seal_link
from shared.contracts.events import Qualification
from shared.contracts.notification_requests import NotificationRequested, Template
from shared.database.engine import Database, WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault

AHEAD = timedelta(weeks=6)
"""So long before the last day somebody is told: about what an authority takes for a new document."""
_AT_ONCE = 200

_SEE = text(
    """
    INSERT INTO qualifications AS q
        (person_id, organisation_id, kind, registration_id, valid_until, seen_at, seen_by)
    SELECT r.person_id, e.organisation_id, :kind, r.id, :valid_until, :now, :seen_by
    FROM registrations r JOIN events e ON e.id = r.event_id WHERE r.id = :id
    ON CONFLICT (person_id, organisation_id, kind) DO UPDATE SET
        registration_id = excluded.registration_id, valid_until = excluded.valid_until,
        seen_at = excluded.seen_at, seen_by = excluded.seen_by, reminded_at = NULL
    WHERE q.valid_until IS DISTINCT FROM excluded.valid_until
    RETURNING q.person_id
    """
).bindparams(bindparam("valid_until", type_=Date))
_FORGET = text(
    """
    DELETE FROM qualifications q USING registrations r JOIN events e ON e.id = r.event_id
    WHERE r.id = :id AND q.person_id = r.person_id AND q.organisation_id = e.organisation_id AND q.kind = :kind
    RETURNING q.person_id
    """
)
_DUE = """
    q.reminded_at IS NULL AND q.valid_until BETWEEN :today AND :until
    AND r.id = q.registration_id AND e.id = r.event_id AND people.id = q.person_id AND people.means <> 'paper'
    AND NOT r.unreachable
"""
_ZONES = text(
    f"""
    SELECT DISTINCT p.time_zone FROM qualifications q, registrations r JOIN places p
        ON p.event_id = r.event_id AND p.id = r.places_id, events e, people WHERE {_DUE}
    """  # noqa: S608 - constants of this module
)
_TELL = text(
    f"""
    WITH due AS (
        SELECT q.person_id, q.organisation_id, q.kind, e.id AS event_id, e.version
        FROM qualifications q, registrations r JOIN places p ON p.event_id = r.event_id AND p.id = r.places_id,
            events e, people
        WHERE p.time_zone = :zone AND {_DUE}
        ORDER BY q.valid_until LIMIT {_AT_ONCE} FOR UPDATE OF q SKIP LOCKED
    )
    UPDATE qualifications q SET reminded_at = :now FROM due
    WHERE q.person_id = due.person_id AND q.organisation_id = due.organisation_id AND q.kind = due.kind
    RETURNING q.person_id, q.registration_id, q.valid_until, due.event_id, due.version
    """  # noqa: S608 - constants of this module
)


async def note_seen(
    session: WriteSession,
    registration_id: UUID,
    kind: Qualification,
    valid_until: date | None,
    seen_by: UUID,
    now: datetime,
) -> bool:
    """The member `seen_by` has looked at the document of the person behind this registration.

    False where just this was noted already.
    """
    values = {"id": registration_id, "kind": kind.value, "valid_until": valid_until, "seen_by": seen_by, "now": now}
    return (await session.execute(_SEE, values)).scalar_one_or_none() is not None


async def forget(session: WriteSession, registration_id: UUID, kind: Qualification) -> bool:
    """Nothing is known of it any more. False where nothing was."""
    return (
        await session.execute(_FORGET, {"id": registration_id, "kind": kind.value})
    ).scalar_one_or_none() is not None


async def tell_of_ends(database: Database, vault: Vault, now: datetime) -> int:
    """Tell everybody once whose qualification ends within six weeks, where it is not night; how many were told."""
    today = now.astimezone(UTC).date()
    times = {"today": today, "until": today + AHEAD}
    async with database.read() as session:
        zones = [row.time_zone for row in await session.execute(_ZONES, times)]
    told = 0
    for zone in zones:
        if not is_night(now, ZoneInfo(zone)):
            async with database.begin() as session:
                rows = list(await session.execute(_TELL, {**times, "zone": zone, "now": now}))
                await publish(session, *(_message(vault, *row) for row in rows))
            told += len(rows)
    return told


def _message(
    vault: Vault, person_id: UUID, registration_id: UUID, valid_until: date, event_id: UUID, version: int
) -> NotificationRequested:
    """What ends, and when, stands behind its link alone."""
    return NotificationRequested(
        aggregate_id=registration_id,
        aggregate_version=0,
        template=Template.QUALIFICATION_ENDS,
        person_id=person_id,
        event_id=event_id,
        registration_id=registration_id,
        data={"event_version": version},
        sealed=seal_link(vault, registration_id, "request"),
        expires_at=datetime.combine(valid_until + timedelta(days=1), time(), UTC),
    )
