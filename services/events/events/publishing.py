"""Publish an event."""

from datetime import datetime
from uuid import UUID

from services.events.events.auditing import audit
from services.events.events.checking import IncompleteError, what_is_missing
from services.events.events.commands import WrongStateError, change, check_version, locked
from services.events.events.describing import content_of
from services.events.events.model import TO_COME, State
from shared.auth.members import Member
from shared.contracts.events import EventPublished
from shared.database.engine import WriteSession


async def publish_event(session: WriteSession, member: Member, event_id: UUID, version: int, now: datetime) -> int:
    """Everybody can see the event and register for it; returns its version. Publishing twice is publishing once.

    `version` is what the organiser saw. Raises UnknownEventError, WrongStateError for a cancelled event,
    ChangedMeanwhileError, IncompleteError.
    """
    event = await locked(session, member, event_id)
    row, content = event.row, content_of(event)
    if row.state in TO_COME:
        return row.version
    if row.state == State.CANCELLED:
        raise WrongStateError(row.state)
    await check_version(session, event, version)
    if missing := what_is_missing(content, now):
        raise IncompleteError(missing)
    row.state, row.published_at = State.PUBLISHED, now
    await audit(session, member, "event.published", row, {"state": State.DRAFT.value}, {"state": State.PUBLISHED.value})
    await change(session, member, row, content, now, EventPublished)
    return row.version
