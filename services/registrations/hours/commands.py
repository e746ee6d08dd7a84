"""Correcting and signing off hours: each under the lock of the registration, and safe when it is sent twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from services.registrations.registrations.pool import seal_link
from shared.auth import audit
from shared.contracts.events import EventState
from shared.contracts.notification_requests import NotificationRequested, Template
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault

CORRECTED_WITHIN = timedelta(days=60)
"""How long after a shift its hours can be corrected by the person."""


class NoHoursError(Exception):
    """There are no hours to speak of: no place in a shift, one that has not begun, or one that is long over."""


class SignedOffError(Exception):
    """The coordinator signed these hours off; `minutes` stand."""

    def __init__(self, minutes: int) -> None:
        super().__init__()
        self.minutes = minutes


_SHIFT = text(
    """
    SELECT r.state, p.is_shift, p.starts_at, h.signed_minutes
    FROM registrations r JOIN places p ON p.id = r.places_id LEFT JOIN hours h ON h.registration_id = r.id
    WHERE r.id = :id FOR NO KEY UPDATE OF r
    """
)
_CLAIM = text(
    """
    INSERT INTO hours (registration_id, event_id, organisation_id, person_id, starts_at, ends_at, claimed_minutes,
                       claimed_at, note)
    SELECT r.id, r.event_id, e.organisation_id, r.person_id, p.starts_at, p.ends_at, :minutes, :now, :note
    FROM registrations r JOIN places p ON p.id = r.places_id JOIN events e ON e.id = r.event_id WHERE r.id = :id
    ON CONFLICT (registration_id) DO UPDATE SET claimed_minutes = excluded.claimed_minutes,
        claimed_at = excluded.claimed_at, note = excluded.note
    """
)


async def correct(session: WriteSession, registration_id: UUID, minutes: int, note: str, now: datetime) -> None:
    """The person says how many minutes they worked; the last word counts until the coordinator signs off.

    Raises NoHoursError and SignedOffError; then nothing changed.
    """
    row = (await session.execute(_SHIFT, {"id": registration_id})).one_or_none()
    if row is None or row.state != "confirmed" or not row.is_shift:
        raise NoHoursError
    if not row.starts_at <= now < row.starts_at + CORRECTED_WITHIN:
        raise NoHoursError
    if row.signed_minutes is not None:
        raise SignedOffError(row.signed_minutes)
    await session.execute(_CLAIM, {"id": registration_id, "minutes": minutes, "note": note, "now": now})


@dataclass(frozen=True)
class Signing:
    """The member who signs off, for which event, and when."""

    member_id: UUID
    event: EventState
    now: datetime


_BEFORE = text(
    """
    SELECT r.id, r.person_id, r.places_id, p.starts_at, h.signed_minutes
    FROM registrations r JOIN places p ON p.id = r.places_id LEFT JOIN hours h ON h.registration_id = r.id
    WHERE r.id = ANY(:ids) AND r.event_id = :event AND r.state = 'confirmed' AND p.is_shift AND p.starts_at <= :now
    ORDER BY r.id FOR NO KEY UPDATE OF r
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))
_SIGN = text(
    """
    INSERT INTO hours (registration_id, event_id, organisation_id, person_id, starts_at, ends_at, signed_minutes,
                       signed_at, signed_by)
    SELECT r.id, r.event_id, :organisation, r.person_id, p.starts_at, p.ends_at, :minutes, :now, :member
    FROM registrations r JOIN places p ON p.id = r.places_id WHERE r.id = :id
    ON CONFLICT (registration_id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at,
        signed_minutes = excluded.signed_minutes, signed_at = excluded.signed_at, signed_by = excluded.signed_by
    """
)


async def sign_off(session: WriteSession, vault: Vault, signing: Signing, minutes: Mapping[UUID, int]) -> int:
    """Sign off so many minutes for each registration; returns for how many that was something new.

    What is signed already can be signed anew with another figure, 0 for who did not come. Registrations of other
    events, without a place or of shifts that have not begun are passed over. Each person is told once, of all shifts
    together; of none nothing is told, but where hours were signed before.
    """
    known = {"ids": list(minutes), "event": signing.event.id, "now": signing.now}
    rows = (await session.execute(_BEFORE, known)).all()
    changed = [row for row in rows if row.signed_minutes != minutes[row.id]]
    for row in changed:
        await _sign(session, signing, row, minutes[row.id])
    people: dict[UUID, list[Any]] = {}
    for row in changed:
        if minutes[row.id] or row.signed_minutes:
            people.setdefault(row.person_id, []).append(row)
    told = [_told(vault, signing, shifts, sum(minutes[row.id] for row in shifts)) for shifts in people.values()]
    await publish(session, *told)
    return len(changed)


async def _sign(session: WriteSession, signing: Signing, row: Any, minutes: int) -> None:
    organisation_id = signing.event.organisation_id
    by = {"organisation": organisation_id, "member": signing.member_id, "now": signing.now}
    await session.execute(_SIGN, {"id": row.id, "minutes": minutes, **by})
    await audit.record(
        session,
        "hours.signed",
        person_id=signing.member_id,
        organisation_id=organisation_id,
        event_id=signing.event.id,
        subject_id=row.id,
        before={"minutes": row.signed_minutes},
        after={"minutes": minutes},
    )


def _told(vault: Vault, signing: Signing, shifts: list[Any], minutes: int) -> NotificationRequested:
    """One message to the person, with the link of the latest of these shifts; of one alone with its role and time."""
    latest = max(shifts, key=lambda row: (row.starts_at, row.id))
    only = {"places_id": str(latest.places_id)} if len(shifts) == 1 else {}
    return NotificationRequested(
        aggregate_id=latest.id,
        aggregate_version=0,
        template=Template.HOURS_SIGNED,
        person_id=latest.person_id,
        event_id=signing.event.id,
        registration_id=latest.id,
        data={"minutes": minutes, "shifts": len(shifts), **only},
        sealed=seal_link(vault, latest.id, "request"),
    )
