"""What a list or a calendar tells of events, before anybody decides what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from typing import Any, Literal
from zoneinfo import ZoneInfo

from services.events.events.drafting import DEFAULT_ZONE
from shared.contracts.events import Kind
from shared.i18n.catalogues import N_
from shared.i18n.folding import fold

MOST_ROWS = 500
MOST_BYTES = 2 * 1024 * 1024
MOST_DATES = 20
"""Dates that a rule may make of one event; what has more is a series."""

MOST_DAYS = 3
"""Days that one date may last: what a list says to go from January to March has dates that it does not tell."""

_LONGEST_UID = 200

OVER = N_("This is over already.")
CANCELLED = N_("It is cancelled where it comes from.")
PRIVATE = N_("It is marked as private where it comes from.")
NO_TITLE = N_("It has no title.")
NO_START = N_("It says no date.")
NO_END = N_("It says no end. Go back and say how long such events last.")
ALL_DAY = N_("It is for the whole day. Go back and say from when until when such days last.")
TOO_MANY_DATES = N_("It has more than %(most)s dates to come. Make a series of it here instead.")
TOO_LONG = N_("It goes on for more than %(most)s days without a break. List each date for itself.")


@dataclass(frozen=True)
class Reason:
    """Why something is not imported: an English sentence that the catalogues know, and what stands in it.

    `field` names the event form's field that it is about.
    """

    message: str
    values: Mapping[str, Any] = field(default_factory=dict)
    field: str = ""


class RowError(Exception):
    """One event cannot be read."""

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message)
        self.reason = Reason(message, values)


class SourceError(Exception):
    """Nothing can be read of the whole file."""

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message)
        self.reason = Reason(message, values)


@dataclass(frozen=True)
class Defaults:
    """What holds where a list does not say; `order` is that of 5/6/2027: `day` or `month` first, or to be found out."""

    kind: Kind = Kind.WORKSHOP
    language: str = "de"
    zone: str = DEFAULT_ZONE
    minutes: int | None = None
    day: tuple[time, time] | None = None
    order: Literal["", "day", "month"] = ""


@dataclass
class Found:
    """One event as it was found. `line` is where it begins, `uid` what its maker knows it by, if anything.

    `sessions` are moments, or local times in `zone`. `fields` and `words` are those of the event's form. An event with
    reasons is not imported.
    """

    line: int
    title: str = ""
    uid: str = ""
    zone: str = ""
    sessions: list[tuple[datetime, datetime]] = field(default_factory=list)
    kind: Kind | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)

    @property
    def source_uid(self) -> str:
        """What it is recognised by when it comes again; without an id of its maker's its title and its first date."""
        if 0 < len(self.uid) <= _LONGEST_UID:
            return self.uid
        start = self.sessions[0][0].isoformat() if self.sessions else ""
        told = self.uid or f"{fold(self.title)}\n{start}"
        return f"sha256:{sha256(told.encode()).hexdigest()}"


@dataclass(frozen=True)
class Source:
    """All that was found; `left_out` counts what is over and was not even read."""

    events: list[Found]
    left_out: int = 0


def refuse_unfit(event: Found, now: datetime) -> None:
    """Raises RowError for an event that is over, or whose dates are too many or too long."""
    zone = ZoneInfo(event.zone)
    moments = [(_aware(start, zone), _aware(end, zone)) for start, end in event.sessions]
    if all(end <= now for _, end in moments):
        raise RowError(OVER)
    if len(moments) > MOST_DATES:
        raise RowError(TOO_MANY_DATES, most=MOST_DATES)
    if any(end - start > timedelta(days=MOST_DAYS) for start, end in moments):
        raise RowError(TOO_LONG, most=MOST_DAYS)


def _aware(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def whole_days(first: date, last: date, defaults: Defaults) -> list[tuple[datetime, datetime]]:
    """A date for each day, from and until when the organiser said. Raises RowError."""
    if defaults.day is None:
        raise RowError(ALL_DAY)
    count = (last - first).days + 1
    if count > MOST_DATES:
        raise RowError(TOO_MANY_DATES, most=MOST_DATES)
    from_, until = defaults.day
    days = [first + timedelta(days=number) for number in range(max(1, count))]
    return [(datetime.combine(day, from_), datetime.combine(day, until)) for day in days]
