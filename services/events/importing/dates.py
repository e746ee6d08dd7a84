"""Dates and times as people and programs write them into lists, in German and English.

5/6/2027 is the fifth of June to some and the sixth of May to others: the whole list decides, and if it cannot, nobody
guesses.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Literal

from services.events.importing.found import RowError
from shared.i18n.catalogues import N_

Order = Literal["", "day", "month", "mixed"]

NO_DATE = N_("“%(text)s” is no date that we can read. Write it like 2027-12-24.")
NO_TIME = N_("“%(text)s” is no time that we can read. Write it like 18:30.")
UNCLEAR = N_("“%(text)s” can mean two dates. Go back and say whether the day or the month comes first.")
MIXED = N_("“%(text)s”: in some rows the day comes first, in others the month. Write dates like 2027-12-24.")

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan januar january jän jänner",
            "feb februar february",
            "mär märz mrz mar march maerz",
            "apr april",
            "mai may",
            "jun juni june",
            "jul juli july",
            "aug august",
            "sep sept september",
            "okt oktober oct october",
            "nov november",
            "dez dezember dec december",
        ),
        start=1,
    )
    for name in names.split()
}
_WORD = r"[^\W\d_]"
_DATE = re.compile(
    rf"""
    (?P<iso>(\d{{4}})([-/.])(\d{{1,2}})\3(\d{{1,2}})) (?!\d)
    | (?P<compact>(\d{{4}})(\d{{2}})(\d{{2}})) (?!\d)
    | (?P<dotted>(\d{{1,2}})[.-]\s?(\d{{1,2}})[.-]\s?(\d{{4}}|\d{{2}})) (?!\d)
    | (?P<slashed>(\d{{1,2}})/(\d{{1,2}})/(\d{{4}}|\d{{2}})) (?!\d)
    | (?P<named>(\d{{1,2}})(?:\.|st|nd|rd|th)?\s+({_WORD}{{3,9}})\.?,?\s+(\d{{4}})) (?!\d)
    | (?P<worded>({_WORD}{{3,9}})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})) (?!\d)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WEEKDAY = re.compile(rf"^{_WORD}{{2,10}}\.?,?\s+(?=[\d{_WORD[1:-1]}])", re.IGNORECASE)
_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:\.\d+)?)?)?\s*(?P<half>[ap]\.?\s?m\b\.?)?",
    re.IGNORECASE,
)
_OFFSET = re.compile(r"\s*(?:(?P<utc>Z|UTC|GMT)|(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2}))$", re.IGNORECASE)
_AROUND = re.compile(r"(?i)^(?:[\sT,]|um|at|von|from|ab)*|(?:\s|uhr|h|o'clock|\.)*$")
_BETWEEN = re.compile(r"(?i)\s*(?:-|–|—|bis|to|until)\s*")
_NAMED_TIMES = {"noon": time(12), "mittags": time(12), "midnight": time(0), "mitternacht": time(0)}


@dataclass(frozen=True)
class Told:
    """What a text says: a day, a time of it, a second time if it is a span, and how far that is from UTC."""

    day: date | None = None
    start: time | None = None
    end: time | None = None
    offset: timezone | None = None

    def moment(self, at: time) -> datetime:
        """The day at this time. Only where there is a day."""
        if self.day is None:
            raise ValueError("there is no day")
        return datetime.combine(self.day, at, self.offset)


def order_of(texts: Iterable[str]) -> Order:
    """Whether dates with slashes have the day or the month first, told from all of them."""
    day = month = False
    for text in texts:
        found = _match(text)
        if found and found["slashed"]:
            first, second, _ = map(int, found["slashed"].split("/"))
            day, month = day or first > 12, month or second > 12
    if day and month:
        return "mixed"
    return "day" if day else "month" if month else ""


def has_date(text: str) -> bool:
    """Whether the text begins with a day, and not with a time."""
    return _match(text.strip()) is not None


def read(text: str, order: Order) -> Told:
    """The day and the times that a text says; empty parts where it does not. Raises RowError."""
    text = " ".join(text.split())
    found = _match(text)
    if found is None:
        if not text[:1].isdigit() and text.casefold() not in _NAMED_TIMES and not _AROUND.sub("", text)[:1].isdigit():
            raise RowError(NO_DATE, text=text[:60])
        start, end = _times(text)
        return Told(None, start, end)
    day = _day(found, order, text)
    rest = text[found.end() :]
    offset = None
    if given := _OFFSET.search(rest):
        offset, rest = _offset(given), rest[: given.start()]
    if not rest.strip(" ,T.-–"):
        return Told(day)
    start, end = _times(rest)
    return Told(day, start, end, offset)


def minutes_of(text: str) -> int | None:
    """A length such as `90`, `1:30`, `1,5 Std.`, `2 h`, `90 Minuten`; None where there is none to read."""
    text = text.strip().casefold()
    if found := re.fullmatch(r"(\d{1,2}):(\d{2})(?::\d{2})?(?:\s*\D*)", text):
        return int(found[1]) * 60 + int(found[2]) or None
    if found := re.fullmatch(r"(\d{1,4}(?:[.,]\d{1,2})?)\s*(\D*)", text):
        number = float(found[1].replace(",", "."))
        is_hours = found[2].startswith(("h", "st", "std"))
        return round(number * 60 if is_hours else number) or None
    return None


def _match(text: str) -> re.Match[str] | None:
    text_after = _WEEKDAY.match(text)
    return _DATE.match(text) or (_DATE.match(text, text_after.end()) if text_after else None)


def _day(found: re.Match[str], order: Order, text: str) -> date:
    shown = text[:60]
    try:
        if found["iso"] or found["compact"]:
            year, month, day = map(int, re.findall(r"^\d{4}|\d{1,2}", found["iso"] or found["compact"]))
        elif found["dotted"]:
            day, month, year = map(int, re.findall(r"\d+", found["dotted"]))
        elif found["slashed"]:
            year, month, day = _slashed(found["slashed"], order, shown)
        else:
            year, month, day = _named(found["named"] or found["worded"])
        return date(year + 2000 if year < 100 else year, month, day)
    except (ValueError, KeyError):
        raise RowError(NO_DATE, text=shown) from None


def _slashed(text: str, order: Order, shown: str) -> tuple[int, int, int]:
    first, second, year = map(int, text.split("/"))
    if first != second and order not in {"day", "month"}:
        raise RowError(MIXED if order == "mixed" else UNCLEAR, text=shown)
    return (year, second, first) if order == "day" else (year, first, second)


def _named(text: str) -> tuple[int, int, int]:
    [word] = re.findall(rf"{_WORD}{{3,9}}", re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", text))
    day, year = map(int, re.findall(r"\d+", text))
    return year, _MONTHS[word.casefold()], day


def _times(text: str) -> tuple[time, time | None]:
    pieces = _BETWEEN.split(_AROUND.sub("", text.strip()))
    if len(pieces) > 2:
        raise RowError(NO_TIME, text=text.strip()[:60])
    read_pieces = [_time(piece, text) for piece in pieces]
    return read_pieces[0], read_pieces[1] if len(pieces) == 2 else None


def _time(piece: str, text: str) -> time:
    piece = _AROUND.sub("", piece)
    if (named := _NAMED_TIMES.get(piece.casefold())) is not None:
        return named
    found = _TIME.fullmatch(piece) or _TIME.fullmatch(f"{piece}.")
    hour, minute = (int(found["hour"]), int(found["minute"] or 0)) if found else (99, 0)
    if found and found["half"]:
        hour = hour % 12 + (12 if found["half"][0] in "pP" else 0) if 1 <= hour <= 12 else 99
    if hour == 24 and not minute:
        hour = 0
    if hour > 23 or minute > 59:
        raise RowError(NO_TIME, text=text.strip()[:60])
    return time(hour, minute)


def _offset(given: re.Match[str]) -> timezone:
    if given["utc"]:
        return UTC
    size = timedelta(hours=int(given["hours"]), minutes=int(given["minutes"]))
    if size >= timedelta(hours=24):
        raise RowError(NO_TIME, text=given[0].strip())
    return timezone(size if given["sign"] == "+" else -size)
