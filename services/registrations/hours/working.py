"""How long somebody worked: what follows from check-in and check-out, and how people write it."""

import re
import unicodedata
from datetime import datetime, timedelta
from typing import NamedTuple

from services.registrations.hours.model import MOST_MINUTES

QUARTER = timedelta(minutes=15)
_CLOCK = re.compile(r"(\d{1,2})\s*(?:[:h]|std\.?)\s*(\d{1,2})?\s*(?:m|min\.?)?")
_MINUTES = re.compile(r"(\d{1,4})\s*(?:m|min\.?)")
_NUMBER = re.compile(r"\d+(?:[.,:٫]\d+)?(?:\s*(?:h\b|std\b|min\b)(?:\s*\d+)?)?")
_HOURS = re.compile(r"(\d{1,2})(?:[.,٫](\d{1,2}))?")


def proposed_minutes(starts_at: datetime, ends_at: datetime, came_at: datetime, left_at: datetime | None) -> int:
    """From when somebody came, but not before the shift, until they left, or else its end; to a quarter of an hour.

    Who came is never proposed less than a quarter of an hour, nor more than a day.
    """
    worked = (left_at or ends_at) - max(came_at, starts_at)
    quarters = max(1, round(worked / QUARTER))
    return min(quarters * 15, MOST_MINUTES)


def read_minutes(typed: str) -> int:
    """Minutes of "3", "3,5", "3.75", "3:45", "3 h 45" or "225 min", in digits of any script.

    Raises ValueError for anything else, and beyond a day.
    """
    text = "".join(str(unicodedata.decimal(c, c)) for c in typed).strip().lower()
    if found := _MINUTES.fullmatch(text):
        minutes = int(found[1])
    elif found := _CLOCK.fullmatch(text):
        if int(found[2] or 0) >= 60:
            raise ValueError
        minutes = int(found[1]) * 60 + int(found[2] or 0)
    elif found := _HOURS.fullmatch(text):
        minutes = round(float(f"{found[1]}.{found[2] or 0}") * 60)
    else:
        raise ValueError
    if minutes > MOST_MINUTES:
        raise ValueError
    return minutes


class Said(NamedTuple):
    """What a text about hours says: which shift, by its number, and how many minutes; None where it does not."""

    number: int | None
    minutes: int | None


def said_hours(text: str, code: str) -> Said:
    """Of "HOURS MARKT 2 3:30" or "HOURS 3,5": the last number is the hours, one before it that of the shift."""
    digits = "".join(str(unicodedata.decimal(c, c)) for c in text.lower())
    numbers = [found[0].strip() for found in _NUMBER.finditer(digits.replace(code.lower(), " "))]
    if not 1 <= len(numbers) <= 2:
        return Said(None, None)
    try:
        return Said(int(numbers[0]) if len(numbers) == 2 else None, read_minutes(numbers[-1]))
    except ValueError:
        return Said(None, None)


def written(minutes: int) -> str:
    """As a field holds it: "3:45"."""
    return f"{minutes // 60}:{minutes % 60:02}"
