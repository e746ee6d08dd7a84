"""Reading hours: of a shift's people, of one person, and what was signed off."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, text
from sqlalchemy.types import DateTime, Uuid

from services.registrations.events.model import EventRow
from services.registrations.hours.working import proposed_minutes
from shared.contracts.events import EventState
from shared.database.engine import ReadSession
from shared.shifts import Post, by_shift, post_of

ZONE = ZoneInfo("Europe/Berlin")


class SignedHours(NamedTuple):
    """What the coordinator signed off of one shift; `minutes` is never 0."""

    registration_id: UUID
    event_id: UUID
    places_id: UUID
    person_id: UUID
    name: str | None
    starts_at: datetime
    ends_at: datetime
    minutes: int
    signed_at: datetime


_SIGNED = text(
    """
    SELECT h.registration_id, h.event_id, r.places_id, h.person_id, r.name, h.starts_at, h.ends_at, h.signed_minutes,
           h.signed_at
    FROM hours h JOIN registrations r ON r.id = h.registration_id
    WHERE h.organisation_id = :organisation AND h.signed_minutes > 0
      AND (:person IS NULL OR h.person_id = :person) AND (:event IS NULL OR h.event_id = :event)
      AND (:since IS NULL OR h.starts_at >= :since) AND (:until IS NULL OR h.starts_at < :until)
    ORDER BY h.starts_at, h.registration_id
    """
).bindparams(
    bindparam("person", type_=Uuid),
    bindparam("event", type_=Uuid),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("until", type_=DateTime(timezone=True)),
)


async def signed_hours(
    session: ReadSession,
    organisation_id: UUID,
    *,
    person_id: UUID | None = None,
    event_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[SignedHours]:
    """The signed hours of an organisation by their time: of one person, of one event, of shifts in a period."""
    values = {"organisation": organisation_id, "person": person_id, "event": event_id, "since": since, "until": until}
    return [SignedHours(*row) for row in await session.execute(_SIGNED, values)]


@dataclass(frozen=True)
class Worked:
    """One person in one shift: when they came and left, what they say, and what was signed off, in minutes."""

    id: UUID
    person_id: UUID
    name: str | None
    language: str
    post: Post
    came_at: datetime | None
    left_at: datetime | None
    claimed: int | None
    note: str
    signed: int | None

    @property
    def proposed(self) -> int | None:
        """What follows from check-in and check-out; nothing of who was not checked in."""
        if self.came_at is None:
            return None
        session = self.post.session
        return proposed_minutes(session.starts_at, session.ends_at, self.came_at, self.left_at)

    @property
    def minutes(self) -> int | None:
        """What stands: as it was signed off, else as the person says, else as it is proposed."""
        return next((one for one in (self.signed, self.claimed, self.proposed) if one is not None), None)

    @property
    def here(self) -> bool:
        """Whether they came and have not left yet."""
        return self.came_at is not None and self.left_at is None


class OwnShift(NamedTuple):
    """A shift that a person has a place in, and its event with all shifts."""

    event: EventState
    worked: Worked

    @property
    def begun(self) -> datetime:
        """When the shift begins."""
        return self.worked.post.session.starts_at


_WORKED = """
    SELECT r.id, r.event_id, r.person_id, r.places_id, r.name, p.language, c.session_id, c.checked_in_at, c.left_at,
           h.claimed_minutes, coalesce(h.note, '') AS note, h.signed_minutes
    FROM registrations r JOIN people p ON p.id = r.person_id
        LEFT JOIN check_ins c ON c.registration_id = r.id AND c.undone_at IS NULL
        LEFT JOIN hours h ON h.registration_id = r.id
    WHERE r.state = 'confirmed' AND
"""
_OF_EVENT = text(f"{_WORKED} r.event_id = :event ORDER BY r.queue")
_OF_ONE = text(f"{_WORKED} r.id = :id")
_OWN = text(
    """
    SELECT r.id FROM registrations r JOIN places p ON p.id = r.places_id
    WHERE r.person_id = :person AND r.state = 'confirmed' AND p.is_shift
      AND p.starts_at > :since AND p.starts_at < :until
    ORDER BY p.starts_at, p.id
    """
)


async def worked_by_shift(session: ReadSession, event: EventState) -> list[tuple[Post, list[Worked]]]:
    """Shift by shift, each by the first of its roles, who has a place in it, by name."""
    people = _worked(event, await session.execute(_OF_EVENT, {"event": event.id}))
    shifts = by_shift(event)
    return [
        (posts[0], sorted((one for one in people if one.post in posts), key=lambda one: (one.name is None, one.name)))
        for posts in shifts
    ]


def _worked(event: EventState, rows: Iterable[Any]) -> list[Worked]:
    """Check-ins count at the shift's own session alone: somebody who changed shifts was checked in at another."""
    found: dict[UUID, Worked] = {}
    for row in rows:
        post = post_of(event, row.places_id)
        if post is None:
            continue
        at_this = row.session_id == post.session.id
        if row.id in found and not at_this:
            continue
        came_at, left_at = (row.checked_in_at, row.left_at) if at_this else (None, None)
        said = (row.claimed_minutes, row.note, row.signed_minutes)
        found[row.id] = Worked(row.id, row.person_id, row.name, row.language, post, came_at, left_at, *said)
    return list(found.values())


async def own_shifts(
    session: ReadSession, person_id: UUID, now: datetime, *, since: timedelta, ahead: timedelta
) -> list[OwnShift]:
    """The shifts that a person has a place in and that began so long ago at most, or begin so soon, by their time."""
    times = {"since": now - since, "until": now + ahead}
    ids = list((await session.execute(_OWN, {"person": person_id, **times})).scalars())
    return [shift for registration_id in ids if (shift := await own_shift(session, registration_id))]


async def own_shift(session: ReadSession, registration_id: UUID) -> OwnShift | None:
    """The shift of a registration; None without a place in one."""
    rows = (await session.execute(_OF_ONE, {"id": registration_id})).all()
    if not rows:
        return None
    row = await session.get_one(EventRow, rows[0].event_id)
    worked = next(iter(_worked(row.event, rows)), None)
    return OwnShift(row.event, worked) if worked else None


async def minutes_of_year(session: ReadSession, organisation_id: UUID, year: int, person_id: UUID) -> int:
    """How many minutes an organisation signed off for a person in a year."""
    since, until = year_in(year)
    found = await signed_hours(session, organisation_id, person_id=person_id, since=since, until=until)
    return sum(one.minutes for one in found)


def year_in(year: int) -> tuple[datetime, datetime]:
    """When a year begins and ends, in the time zone of the region."""
    return datetime(year, 1, 1, tzinfo=ZONE), datetime(year + 1, 1, 1, tzinfo=ZONE)
