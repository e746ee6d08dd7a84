"""How long people have to answer."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

NIGHT_BEGINS = time(21)
NIGHT_ENDS = time(8)
MORNING = time(9)
SHORTEST = timedelta(hours=1)


def is_night(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether people there are asleep: from 21:00 to 08:00."""
    local = moment.astimezone(zone).time()
    return local >= NIGHT_BEGINS or local < NIGHT_ENDS


def answer_deadline(now: datetime, longest: timedelta, starts_at: datetime, zone: ZoneInfo) -> datetime:
    """When an offer or a hold made now ends: never in the night, sooner when the event is near, never after it began.

    The time is a quarter of what is left until the event, at least one hour and at most `longest`. One that would end
    in the night ends at 09:00. Where the event begins before that, it ends as the event begins. Where it has begun
    already, and people register at its door, it is one hour.
    """
    if starts_at <= now:
        return now + min(longest, SHORTEST)
    wait = min(longest, max(SHORTEST, (starts_at - now) / 4))
    deadline = now + wait
    if is_night(deadline, zone):
        deadline = _next_morning(deadline, zone)
    return min(deadline, starts_at)


def promised_answer(now: datetime, within: timedelta, starts_at: datetime, zone: ZoneInfo) -> datetime:
    """When the organisation answers somebody who signs up now: not in the night, and before it begins.

    Where it begins within the hour, or has begun, it is one hour.
    """
    due = now + within
    if is_night(due, zone):
        due = _next_morning(due, zone)
    return min(due, max(starts_at, now + SHORTEST))


def _next_morning(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    day = local.date() if local.time() < MORNING else local.date() + timedelta(days=1)
    return datetime.combine(day, MORNING, zone)
