"""Which days of a series there are to be: those ahead of now that a window holds, and what each of them says."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.events.events.drafting import EventContent
from services.events.events.duplicating import moved
from services.events.events.scheduling import TimeFarError
from services.events.series.rules import Rule

MOST_AT_ONCE = 80
_MOST_EMPTY = 2_000
"""Days of a rule that may lie in the past, or be left out, before nothing more is looked for."""


@dataclass(frozen=True)
class Window:
    """How far ahead events are made: as long as `ahead`, and `at_least` so many."""

    ahead: timedelta
    at_least: int


@dataclass(frozen=True)
class Terms:
    """What an organiser decides about a series besides what its events say."""

    rule: Rule
    skipped: frozenset[date]
    publishes: bool


@dataclass(frozen=True)
class Planned:
    """One day of a series and the event on it."""

    day: date
    content: EventContent
    clocks_change: bool

    @property
    def starts_at(self) -> datetime:
        """When its first session begins."""
        return self.content.sessions[0].starts_at


def first_day(content: EventContent) -> date:
    """The day on which the event begins, where it takes place."""
    return content.sessions[0].starts_at.astimezone(ZoneInfo(content.time_zone)).date()


def on_day(content: EventContent, first: date, day: date) -> EventContent:
    """The event of the first day on another one, at the same time by the clock. Raises TimeFarError."""
    return moved(content, (day - first).days)


def planned(
    rule: Rule, content: EventContent, first: date, skipped: Collection[date], now: datetime, window: Window
) -> list[Planned]:
    """The days to come, soonest first."""
    found: list[Planned] = []
    for one in _to_come(rule, content, first, skipped, now):
        if (len(found) >= window.at_least and one.starts_at > now + window.ahead) or len(found) >= MOST_AT_ONCE:
            break
        found.append(one)
    return found


def _to_come(
    rule: Rule, content: EventContent, first: date, skipped: Collection[date], now: datetime
) -> Iterator[Planned]:
    zone, empty = ZoneInfo(content.time_zone), 0
    clock = content.sessions[0].starts_at.astimezone(zone).time()
    left_out = set(skipped)
    for day in rule.days(first):
        try:
            there = on_day(content, first, day)
        except TimeFarError:
            return
        starts_at = there.sessions[0].starts_at
        if day not in left_out and starts_at > now:
            yield Planned(day, there, starts_at.astimezone(zone).time() != clock)
        elif (empty := empty + 1) > _MOST_EMPTY:
            return
