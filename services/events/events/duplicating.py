"""Make a new draft from an event that there is."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from services.events.events.commands import UnknownEventError, create_event
from services.events.events.describing import content_of
from services.events.events.drafting import EventContent, SessionTimes
from services.events.events.queries import event_of
from services.events.events.scheduling import LAST_MOMENT, TimeFarError
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.database.engine import WriteSession

MOST_WEEKS = 520


async def duplicate_event(
    session: WriteSession, member: Member, event_id: UUID, weeks: int | None, request_key: UUID, now: datetime
) -> UUID:
    """A draft that says the same under a code of its own; returns its id. The same key again makes nothing new.

    Its dates are so many weeks later by the clock of their zone; with None it has none. Raises UnknownEventError,
    TimeFarError.
    """
    event = await event_of(session, member.organisations_where(Right.EDIT), event_id)
    if event is None:
        raise UnknownEventError
    content = content_of(event)
    copy = without_dates(content) if weeks is None else moved(content, weeks * 7)
    return await create_event(session, member, event.row.organisation_id, copy, request_key, now)


def without_dates(content: EventContent) -> EventContent:
    """The same event with no code, no date, and registration open from the first moment to the last."""
    window = dict.fromkeys(("registration_opens_at", "registration_closes_at"))
    return content.model_copy(update={"code": "", "sessions": [], "shifts": [], **window})


def moved(content: EventContent, days: int) -> EventContent:
    """The same event with no code, so many days later: dates and the window of registration, by the clock."""
    zone = ZoneInfo(content.time_zone)
    window = {
        name: days_later(moment, days, zone) if (moment := getattr(content, name)) else None
        for name in ("registration_opens_at", "registration_closes_at")
    }
    sessions = [
        SessionTimes(starts_at=days_later(one.starts_at, days, zone), ends_at=days_later(one.ends_at, days, zone))
        for one in content.sessions
    ]
    shifts = [
        one.model_copy(update={name: days_later(getattr(one, name), days, zone) for name in ("starts_at", "ends_at")})
        for one in content.shifts
    ]
    return content.model_copy(update={"code": "", "sessions": sessions, "shifts": shifts, **window})


def days_later(moment: datetime, days: int, zone: ZoneInfo) -> datetime:
    """When the clocks of the zone show the same time so many days later (RFC 5545 §3.3.5).

    A time that comes twice on that day is the first of the two; one that the clocks skip is as long after midnight as
    it would be without the change, which the clocks show as an hour later. Raises TimeFarError.
    """
    local = moment.astimezone(zone).replace(tzinfo=None) + timedelta(days=days)
    if local.replace(tzinfo=UTC) >= LAST_MOMENT:
        raise TimeFarError
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)
