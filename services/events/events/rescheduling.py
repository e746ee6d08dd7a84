"""Move a published event to other dates."""

from datetime import datetime
from uuid import UUID

from services.events.events.checking import PAST, SESSIONS, IncompleteError, Missing
from services.events.events.commands import WrongStateError, change, check_version, locked, write_sessions
from services.events.events.describing import content_of
from services.events.events.drafting import SessionTimes
from services.events.events.model import State
from shared.auth.members import Member
from shared.contracts.events import EventRescheduled
from shared.database.engine import WriteSession


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

    `sessions` come from `drafting.in_zone`. Dates that are so already are a success that changes nothing and tells
    nobody. Raises UnknownEventError, WrongStateError unless the event is published, ChangedMeanwhileError,
    IncompleteError.
    """
    event = await locked(session, member, event_id)
    row, before = event.row, content_of(event)
    content = before.model_copy(update={"time_zone": time_zone, "sessions": sessions})
    if content == before:
        return row.version
    if row.state != State.PUBLISHED:
        raise WrongStateError(row.state)
    await check_version(session, event, version)
    if not sessions or sessions[0].starts_at <= now:
        raise IncompleteError([Missing("starts-1", PAST if sessions else SESSIONS)])
    row.time_zone = time_zone
    row.starts_at, row.ends_at = sessions[0].starts_at, max(times.ends_at for times in sessions)
    await write_sessions(session, row.id, sessions)
    await change(session, member, row, content, now, EventRescheduled)
    return row.version
