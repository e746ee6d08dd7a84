"""Move a published event to other dates, and give a postponed one new dates."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.events.events.auditing import audit, details
from services.events.events.checking import PAST, SESSIONS, IncompleteError, Missing
from services.events.events.commands import (
    FixedFieldError,
    WrongStateError,
    change,
    check_version,
    locked,
    write_sessions,
)
from services.events.events.describing import content_of
from services.events.events.drafting import EventContent, SessionTimes
from services.events.events.model import TO_COME, EventRow, State
from services.events.events.postponing import write_postponement_reasons
from shared.auth.members import Member
from shared.contracts.events import EventRescheduled
from shared.database.engine import WriteSession

MOST_PREVIOUS = 5


async def reschedule_event(
    session: WriteSession,
    member: Member,
    event_id: UUID,
    time_zone: str,
    sessions: list[SessionTimes],
    version: int,
    now: datetime,
) -> int:
    """The event has these sessions, and whoever is registered is told; returns its version.

    A postponed event is open again, and where its registration had an end, that keeps its distance to the start.
    `sessions` come from `drafting.in_zone`. Dates that are so already are a success that changes nothing and tells
    nobody. Raises UnknownEventError, WrongStateError unless the event is to come, ChangedMeanwhileError,
    IncompleteError, and FixedFieldError for other dates of an event with shifts: those are moved one by one.
    """
    event = await locked(session, member, event_id)
    row, before = event.row, content_of(event)
    content = before.model_copy(update={"time_zone": time_zone, "sessions": sessions})
    if content == before and row.state != State.POSTPONED:
        return row.version
    if row.state not in TO_COME:
        raise WrongStateError(row.state)
    await check_version(session, event, version)
    if before.shifts and (content.sessions, time_zone) != (before.sessions, before.time_zone):
        raise FixedFieldError("sessions")
    if not sessions or sessions[0].starts_at <= now:
        raise IncompleteError([Missing("starts-1", PAST if sessions else SESSIONS)])
    said = details(before) | {"state": row.state}
    if row.state == State.POSTPONED:
        content = content.model_copy(update={"registration_closes_at": closing(before, content)})
        write_postponement_reasons(session, event, {})
    _move(row, content)
    if not before.shifts:
        await write_sessions(session, row.id, sessions)
    await audit(session, member, "event.rescheduled", row, said, details(content) | {"state": row.state})
    await change(session, member, row, content, now, EventRescheduled)
    return row.version


def closing(before: EventContent, after: EventContent) -> datetime | None:
    """When registration ends for the new dates, as long before the start as it did, by the clock of the zone.

    None, which is when the event ends, where there was no end or it would come before registration begins.
    """
    closes_at, opens_at = before.registration_closes_at, before.registration_opens_at
    if closes_at is None:
        return None
    old, new = ZoneInfo(before.time_zone), ZoneInfo(after.time_zone)
    ahead = _clock(before.sessions[0].starts_at, old) - _clock(closes_at, old)
    moved = (_clock(after.sessions[0].starts_at, new) - ahead).replace(tzinfo=new).astimezone(UTC)
    return None if opens_at and moved <= opens_at else moved


def _clock(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _move(row: EventRow, content: EventContent) -> None:
    """The row's own part of the new dates; what it was planned for before is remembered, the latest last."""
    starts_at = content.sessions[0].starts_at
    if row.starts_at and row.starts_at != starts_at:
        kept = [start for start in row.previous_starts if start not in {row.starts_at, starts_at}]
        row.previous_starts = [*kept, row.starts_at][-MOST_PREVIOUS:]
    row.state = State.PUBLISHED
    row.time_zone = content.time_zone
    row.starts_at, row.ends_at = starts_at, max(times.ends_at for times in content.sessions)
    row.registration_closes_at = content.registration_closes_at
