"""Which days a series has: a part of RFC 5545's recurrence rules that fits a simple form.

A rule knows days alone. At what time an event begins, the clocks of its zone say, in summer as in winter; what becomes
of a time that the clocks skip or show twice stands at `events.duplicating.days_later`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Self

from dateutil.rrule import MO, MONTHLY, WEEKLY, rrule, weekday

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
NTHS = (1, 2, 3, 4, -1)
"""Which one of a month; -1 is the last."""
LARGEST_INTERVAL = 12
LARGEST_COUNT = 500


class Frequency(StrEnum):
    """How the form counts."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True)
class Rule:
    """Every so many weeks on these weekdays, or every so many months on the nth of them; Monday is 0.

    It ends with the day `until`, after `count` days, or never.
    """

    frequency: Frequency
    weekdays: tuple[int, ...]
    interval: int = 1
    nth: int = 0
    until: date | None = None
    count: int | None = None

    def text(self) -> str:
        """As RFC 5545 writes it."""
        nth = str(self.nth) if self.frequency is Frequency.MONTHLY else ""
        parts = {
            "FREQ": self.frequency.value.upper(),
            "INTERVAL": str(self.interval),
            "BYDAY": ",".join(f"{nth}{DAYS[day]}" for day in self.weekdays),
            "UNTIL": f"{self.until:%Y%m%d}" if self.until else "",
            "COUNT": str(self.count or ""),
        }
        return ";".join(f"{name}={value}" for name, value in parts.items() if value)

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `text` made."""
        parts = dict(part.split("=") for part in text.split(";"))
        days = parts["BYDAY"].split(",")
        until = parts.get("UNTIL")
        return cls(
            frequency=Frequency(parts["FREQ"].lower()),
            weekdays=tuple(DAYS.index(day[-2:]) for day in days),
            interval=int(parts["INTERVAL"]),
            nth=int(days[0][:-2] or 0),
            until=datetime.strptime(until, "%Y%m%d").date() if until else None,  # noqa: DTZ007 - a day, and no moment
            count=int(parts["COUNT"]) if "COUNT" in parts else None,
        )

    def days(self, first: date) -> Iterator[date]:
        """Every day of the rule from `first` on, which counts only if it fits; endless for a rule without an end."""
        monthly = self.frequency is Frequency.MONTHLY
        found = rrule(
            MONTHLY if monthly else WEEKLY,
            dtstart=datetime.combine(first, time()),
            interval=self.interval,
            wkst=MO,
            byweekday=[weekday(day)(self.nth) if monthly else weekday(day) for day in self.weekdays],
            until=datetime.combine(self.until, time()) if self.until else None,
            count=self.count,
        )
        return (moment.date() for moment in found)
