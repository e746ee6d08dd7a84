"""Local times in a time zone: which moment is meant, and whether there is one.

When summer time begins an hour of the clock is missing, when it ends one comes twice (RFC 5545 §3.3.5 calls both out).
Neither is guessed: the organiser is told, or asked.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic_core import PydanticCustomError

from shared.i18n.catalogues import N_

WhichHour = Literal["", "earlier", "later"]
FIRST_MOMENT = datetime(1900, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2200, 1, 1, tzinfo=UTC)
_PYTHON_S_OWN = {"Factory", "localtime"}
"""Names that Python finds in the system's folder of zones and PostgreSQL does not know."""

TIME_MISSING = N_("There is no such time on this day: the clocks go forward over it. Choose another time.")
TIME_TWICE = N_("This time comes twice on this day, because the clocks go back. Say below which of the two you mean.")
TIME_TWICE_OFFSET = N_("This time comes twice on this day: the clocks go back. Write its offset, such as +02:00.")


class TimeMissingError(ValueError):
    """The clocks go forward over this local time."""


class TimeTwiceError(ValueError):
    """The clocks go back, so this local time comes twice."""


class TimeFarError(ValueError):
    """Nobody plans an event for then; and near the ends of the calendar some zones have no such day."""


@cache
def known_zones() -> frozenset[str]:
    """The names of IANA's time zones."""
    return frozenset(available_timezones() - _PYTHON_S_OWN)


def moment_of(local: datetime, zone: str, which: WhichHour = "") -> datetime:
    """The moment in UTC at which the clocks of the zone show this time; one with an offset is taken as it is.

    `which` answers for a time that comes twice. Raises TimeMissingError, TimeTwiceError, TimeFarError.
    """
    if not FIRST_MOMENT <= local.replace(tzinfo=UTC) < LAST_MOMENT:
        raise TimeFarError
    if local.tzinfo is not None:
        return local.astimezone(UTC)
    first, second = (local.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    if first.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local.replace(fold=0):
        raise TimeMissingError
    if not which:
        raise TimeTwiceError
    return (first if which == "earlier" else second).astimezone(UTC)


def resolved(local: datetime, zone: str) -> datetime:
    """As `moment_of`, for a pydantic validator: the errors say how to mend the value."""
    try:
        return moment_of(local, zone)
    except TimeMissingError:
        raise PydanticCustomError("time_missing", TIME_MISSING) from None
    except TimeTwiceError:
        raise PydanticCustomError("time_twice", TIME_TWICE_OFFSET) from None
    except TimeFarError:
        raise PydanticCustomError("datetime_parsing", "no time of an event") from None
