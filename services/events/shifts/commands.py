"""Write and take away the roles and shifts of an event. The commands never commit, and lock the event first.

A public event keeps every role and shift, for people may be in it: more can be added, and all of them changed.
"""

from datetime import datetime
from uuid import UUID

from services.events.events.commands import ChangedMeanwhileError, edit_event, locked
from services.events.events.describing import content_of
from services.events.events.drafting import EventContent
from services.events.events.queries import content_at
from services.events.shifts.drafting import RoleContent, ShiftContent
from shared.auth.members import Member
from shared.database.engine import WriteSession

Part = RoleContent | ShiftContent


async def write_part(
    session: WriteSession, member: Member, event_id: UUID, part: Part, version: int, now: datetime
) -> int:
    """The event has this role or shift, in place of the one with its id; returns its version. Twice is once.

    `version` is what the writer saw: what somebody else changed elsewhere in the event since then stays. Raises
    ChangedMeanwhileError where it was this role or shift, ValidationError where it does not fit the others, and what
    `edit_event` raises.
    """
    event = await locked(session, member, event_id)
    content = content_of(event)
    if part_of(content, part.id) == part:
        return event.row.version
    seen = await content_at(session, event_id, version)
    if seen is None or part_of(seen, part.id) != part_of(content, part.id):
        raise ChangedMeanwhileError(seen, content, event.row.version, event.row.state)
    wanted = with_part(content, part)
    return await edit_event(session, member, event_id, wanted, event.row.version, now)


async def take_away(session: WriteSession, member: Member, event_id: UUID, part_id: UUID, now: datetime) -> int:
    """The event no longer has this role or shift; returns its version. What is gone already stays so.

    A role goes from all shifts. Raises UnknownEventError, WrongStateError, and FixedFieldError for a public event.
    """
    event = await locked(session, member, event_id)
    content = content_of(event)
    shifts = [
        shift.model_copy(update={"staffing": [one for one in shift.staffing if one.role != part_id]})
        for shift in content.shifts
        if shift.id != part_id
    ]
    roles = [role for role in content.roles if role.id != part_id]
    wanted = _checked(content, {"roles": roles, "shifts": shifts, "sessions": []})
    return await edit_event(session, member, event_id, wanted, event.row.version, now)


def part_of(content: EventContent, part_id: UUID) -> Part | None:
    """The role or shift with this id."""
    parts: list[Part] = [*content.roles, *content.shifts]
    return next((part for part in parts if part.id == part_id), None)


def with_part(content: EventContent, part: Part) -> EventContent:
    """The content with this role or shift, in its old place if it has one. Raises ValidationError."""
    field = "roles" if isinstance(part, RoleContent) else "shifts"
    parts = list(getattr(content, field))
    where = next((number for number, one in enumerate(parts) if one.id == part.id), len(parts))
    parts[where : where + 1] = [part]
    return _checked(content, {field: parts})


def _checked(content: EventContent, changed: dict[str, object]) -> EventContent:
    return EventContent.model_validate(content.model_copy(update=changed).model_dump())
