"""Events from a list in CSV: whatever parts the columns, whatever they are called."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from services.events.importing import dates
from services.events.importing.columns import columns_of, is_header, kind_of, says_cancelled, says_yes
from services.events.importing.dates import Told
from services.events.importing.found import (
    CANCELLED,
    MOST_ROWS,
    NO_END,
    NO_START,
    NO_TITLE,
    PRIVATE,
    Defaults,
    Found,
    RowError,
    Source,
    SourceError,
    refuse_unfit,
    whole_days,
)
from services.events.importing.places import place_fields
from services.events.importing.plain_text import plain_text
from services.events.importing.zones import zone_of
from shared.i18n.catalogues import N_
from shared.i18n.languages import parse_language

BROKEN = N_("Line %(line)s cannot be read: a quotation mark is missing or in the wrong place.")
NO_HEADER = N_("We find no line with the names of the columns. One column has to be “Title”, one “Start date”.")
NO_ROWS = N_("There is no event in it.")
TOO_MANY = N_("There are more than %(most)s events in it. Split the list.")
NO_NUMBER = N_("“%(text)s” is no number of people.")
TOO_FEW_CELLS = N_("It has fewer columns than the line with their names.")

_DELIMITERS = ",;\t|"
_HEADER_WITHIN = 10
_PARTS_OF_LISTS = str.maketrans("/;|+", ",,,,")


@dataclass(frozen=True)
class _Row:
    """One row: where it begins, and its cells by field."""

    line: int
    cells: dict[str, str]
    is_short: bool

    def get(self, field: str) -> str:
        return self.cells.get(field, "")


def read_csv(text: str, defaults: Defaults, now: datetime) -> Source:
    """Each row of the list as an event. Raises SourceError where the whole list cannot be read."""
    rows = list(_rows(text))
    if not rows:
        raise SourceError(NO_ROWS)
    moments = [row.get(field) for row in rows for field in ("starts", "start_time", "ends", "end_time")]
    order: dates.Order = defaults.order or dates.order_of(moments)
    return Source([_event(row, defaults, order, now) for row in rows])


def _rows(text: str) -> Iterator[_Row]:
    text, skipped, told = _without_separator_line(text)
    delimiter = told or max(_DELIMITERS, key=lambda mark: _score(text, mark))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    columns: dict[str, int] = {}
    width = line = count = 0
    try:
        for cells in reader:
            first, line = line + 1 + skipped, reader.line_num
            if not columns:
                columns, width = _header(cells, reader.line_num), len(cells)
            elif any(cell.strip() for cell in cells):
                count += 1
                if count > MOST_ROWS:
                    raise SourceError(TOO_MANY, most=MOST_ROWS)
                named = {field: cells[at].strip() for field, at in columns.items() if at < len(cells)}
                yield _Row(first, named, len(cells) < width and max(columns.values()) >= len(cells))
    except csv.Error:
        raise SourceError(BROKEN, line=line + 1 + skipped) from None
    if not columns:
        raise SourceError(NO_HEADER)


def _header(cells: list[str], line: int) -> dict[str, int]:
    """The columns, if this is the line that names them; titles of the list may stand above it."""
    columns = columns_of(cells)
    if is_header(columns):
        return columns
    if line > _HEADER_WITHIN:
        raise SourceError(NO_HEADER)
    return {}


def _without_separator_line(text: str) -> tuple[str, int, str]:
    """Excel may say in a first line `sep=;` what parts the columns."""
    text = text.lstrip("\ufeff")
    first, _, rest = text.partition("\n")
    told = first.strip().strip('"').lower()
    return (rest, 1, told[4]) if told.startswith("sep=") and len(told) == 5 else (text, 0, "")


def _score(text: str, delimiter: str) -> tuple[int, int]:
    """How many columns we know by their names if this parts them."""
    best = (0, 0)
    for line in text.splitlines()[:_HEADER_WITHIN]:
        try:
            cells = next(csv.reader([line], delimiter=delimiter))
        except (csv.Error, StopIteration):
            continue
        columns = columns_of(cells)
        best = max(best, (is_header(columns) * 100 + len(columns), len(cells)))
    return best


def _event(row: _Row, defaults: Defaults, order: dates.Order, now: datetime) -> Found:
    event = Found(row.line, row.get("title"), row.get("uid"), zone_of(row.get("zone")) or defaults.zone)
    try:
        _refuse_unwanted(row)
        event.kind = kind_of(row.get("kind"))
        event.sessions = _sessions(row, defaults, order)
        refuse_unfit(event, now)
        event.fields, event.words = _fields(row), _words(row)
    except RowError as error:
        event.reasons.append(error.reason)
    return event


def _refuse_unwanted(row: _Row) -> None:
    if not row.get("title"):
        raise RowError(TOO_FEW_CELLS if row.is_short else NO_TITLE)
    if says_cancelled(row.get("status")):
        raise RowError(CANCELLED)
    if says_yes(row.get("private")):
        raise RowError(PRIVATE)


def _told(row: _Row, day: str, at: str, order: dates.Order) -> Told:
    """What the two columns of a beginning or an end say together; either may hold both."""
    first, second = row.get(day), row.get(at)
    if second and dates.has_date(second):
        return dates.read(second, order)
    if not first:
        return dates.read(second, order) if second else Told()
    told = dates.read(first, order)
    if told.start is None and second:
        times = dates.read(second, order)
        return Told(told.day, times.start, times.end, told.offset)
    return told


def _sessions(row: _Row, defaults: Defaults, order: dates.Order) -> list[tuple[datetime, datetime]]:
    start, end = _told(row, "starts", "start_time", order), _told(row, "ends", "end_time", order)
    if start.day is None:
        raise RowError(NO_START)
    if start.start is None or says_yes(row.get("all_day")):
        last = end.day or start.day
        # Outlook ends a whole day where the next one begins.
        if last > start.day and end.start == time(0):
            last -= timedelta(days=1)
        return whole_days(start.day, last, defaults)
    begins = start.moment(start.start)
    ends_at = end.start or start.end
    if ends_at is not None:
        ends = datetime.combine(end.day or start.day, ends_at, end.offset or start.offset)
        # An end after midnight that names no day of its own is on the next one.
        if ends <= begins and end.day is None:
            ends += timedelta(days=1)
        return [(begins, ends)]
    minutes = dates.minutes_of(row.get("duration")) or defaults.minutes
    if minutes is None:
        raise RowError(NO_END)
    return [(begins, begins + timedelta(minutes=minutes))]


def _fields(row: _Row) -> dict[str, Any]:
    fields = place_fields(row.get("venue"))
    if row.get("room") and row.get("room") != row.get("venue"):
        fields["venue_name"] = ", ".join(filter(None, [fields.get("venue_name"), row.get("room")]))
    town = " ".join(filter(None, [row.get("postcode"), row.get("city")]))
    if address := ", ".join(filter(None, [row.get("address"), town])):
        rest = fields.get("venue_address", "")
        fields["venue_address"] = address if not rest or rest in address else f"{rest}, {address}"
    for name in ("online_link", "contact_name", "contact_email", "contact_phone"):
        if row.get(name):
            fields[name] = row.get(name)
    if capacity := row.get("capacity"):
        if not capacity.isdecimal():
            raise RowError(NO_NUMBER, text=capacity[:60])
        fields["capacity"] = int(capacity[:9])
    spoken = [parse_language(part) for part in row.get("languages").translate(_PARTS_OF_LISTS).split(",")]
    if codes := [code for code in spoken if code]:
        fields["spoken_languages"] = codes
    return fields


def _words(row: _Row) -> dict[str, str]:
    parts = [plain_text(row.get("subtitle")), plain_text(row.get("text"))]
    if (url := row.get("url")).startswith(("http://", "https://")) and url not in parts[1]:
        parts.append(url)
    return {"text": "\n\n".join(filter(None, parts)), "access_notes": plain_text(row.get("access_notes"))}
