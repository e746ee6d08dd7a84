"""Events from an iCalendar file (RFC 5545), as foreign programs write it.

Each event is read for itself, so that one which is broken is refused with its line, and its neighbours are not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Component, Timezone

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
from services.events.importing.recurrence import Occurrence, expand
from services.events.importing.zones import zone_of
from shared.i18n.catalogues import N_

NO_EVENTS = N_("There is no event in this calendar.")
TOO_MANY = N_("There are more than %(most)s events to come in it. Split the calendar.")
UNCLOSED = N_("It has a beginning in this line and no end: the calendar is cut off or broken.")
BROKEN = N_("It cannot be read: it does not follow the format of calendars.")
NO_ZONE = N_("Nobody knows its time zone, “%(zone)s”.")

_BLOCK = re.compile(r"(BEGIN|END):(VEVENT|VTIMEZONE|VTODO|VJOURNAL|VFREEBUSY|VALARM)\s*", re.IGNORECASE)
_STAMP = re.compile(r"(?m)^(?:DTSTART|DTEND|RDATE)[^\n:]*:[^\n]*?(\d{8})")
_RULED = re.compile(r"(?im)^(RRULE|RDATE|RECURRENCE-ID|DURATION)[;:]")
_LINKS = (
    "X-GOOGLE-CONFERENCE",
    "CONFERENCE",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
)
_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Block:
    """The lines of one component, and which line of the file is its first."""

    name: str
    line: int
    text: str
    is_whole: bool = True


@dataclass(frozen=True)
class _Context:
    """What a whole calendar says for its events."""

    defaults: Defaults
    zone: str
    zones: dict[str, Any]
    is_cancelled: bool


def is_ical(text: str) -> bool:
    """Whether the text is a calendar, or wants to be one."""
    return re.match(r"\s*BEGIN:V(CALENDAR|EVENT)\b", text.lstrip("\ufeff"), re.IGNORECASE) is not None


def read_ical(text: str, defaults: Defaults, now: datetime) -> Source:
    """Each event of the calendar, its changed dates taken in. Raises SourceError where there is none to read."""
    unfolded = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    blocks = list(_blocks(unfolded))
    events = [block for block in blocks if block.name == "VEVENT"]
    if not events:
        raise SourceError(NO_EVENTS)
    coming = [block for block in events if not _is_long_over(block, now)]
    if len(coming) > MOST_ROWS:
        raise SourceError(TOO_MANY, most=MOST_ROWS)
    context = _context(unfolded, blocks, defaults)
    return Source(list(_events(coming, context, now)), left_out=len(events) - len(coming))


def _blocks(text: str) -> Iterator[_Block]:
    """The components of the file, those inside others left out."""
    name, begin, depth, lines = "", 0, 0, list[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        found = _BLOCK.fullmatch(line)
        kind = found[2].upper() if found else ""
        if found and found[1].upper() == "BEGIN":
            if name and kind == name:
                yield _Block(name, begin, "", is_whole=False)
                name = ""
            if not name:
                name, begin, lines = kind, number, []
            else:
                depth += 1
        elif found and name and kind != name:
            depth = max(0, depth - 1)
        elif found and name:
            yield _Block(name, begin, "\n".join([f"BEGIN:{name}", *lines, f"END:{name}", ""]))
            name, depth = "", 0
        elif name and not depth and line.strip():
            lines.append(line)
    if name:
        yield _Block(name, begin, "", is_whole=False)


def _is_long_over(block: _Block, now: datetime) -> bool:
    """Whether the event ended days ago, which a glance at its lines tells: calendars hold years of them."""
    stamps = _STAMP.findall(block.text)
    return bool(stamps) and not _RULED.search(block.text) and max(stamps) < (now - 2 * _A_DAY).strftime("%Y%m%d")


def _context(text: str, blocks: list[_Block], defaults: Defaults) -> _Context:
    head = text[: text.upper().find("BEGIN:VEVENT")]
    told = re.search(r"(?im)^X-WR-TIMEZONE[^:\n]*:(.+)$", head)
    cancelled = re.search(r"(?im)^METHOD:CANCEL\s*$", head) is not None
    zones = dict(filter(None, (_own_zone(block) for block in blocks if block.name == "VTIMEZONE")))
    return _Context(defaults, zone_of(told[1] if told else "") or defaults.zone, zones, cancelled)


def _own_zone(block: _Block) -> tuple[str, Any] | None:
    """A zone that the calendar describes itself; its rules are used where its name says nothing."""
    try:
        zone = Component.from_ical(block.text)
        name = str(zone["TZID"])
        known = zone_of(name) or zone_of(str(zone.get("X-LIC-LOCATION", "")))
        return name, ZoneInfo(known) if known or not isinstance(zone, Timezone) else zone.to_tz(lookup_tzid=False)
    except Exception:  # noqa: BLE001 - whatever is wrong with the zone, the events that use it are refused
        return None


def _events(blocks: list[_Block], context: _Context, now: datetime) -> Iterator[Found]:
    """One event for each id: dates of it that were changed stand in blocks of their own."""
    whole: dict[str, tuple[_Block, Any]] = {}
    changes: dict[str, list[tuple[_Block, Any]]] = {}
    for number, block in enumerate(blocks):
        component = _component(block)
        if component is None:
            yield Found(block.line, reasons=[RowError(BROKEN if block.is_whole else UNCLOSED).reason])
            continue
        uid = str(component.get("UID", "")).strip() or f"\n{number}"
        if "RECURRENCE-ID" in component:
            changes.setdefault(uid, []).append((block, component))
        else:
            # The same event again is its newer state; without a number for that, the later one.
            known = whole.get(uid)
            if known is None or _sequence(component) >= _sequence(known[1]):
                whole[uid] = (block, component)
    for uid, (block, component) in whole.items():
        yield _event(block, component, [change for _, change in changes.pop(uid, [])], context, now)
    for alone in changes.values():
        for block, component in alone:
            yield _event(block, component, [], context, now)


def _component(block: _Block) -> Any:
    if not block.is_whole:
        return None
    try:
        return Component.from_ical(block.text)
    except Exception:  # noqa: BLE001 - a foreign file may be broken in any way
        return None


def _sequence(component: Any) -> int:
    try:
        return int(component.get("SEQUENCE", 0))
    except (TypeError, ValueError):
        return 0


def _event(block: _Block, component: Any, changes: list[Any], context: _Context, now: datetime) -> Found:
    event = Found(block.line, _text(component, "SUMMARY"), _uid(component), context.zone)
    try:
        _refuse_unwanted(component, context)
        event.sessions, event.zone = _sessions(component, changes, context, now)
        refuse_unfit(event, now)
        event.fields, event.words = _fields(component), {"text": _description(component)}
    except RowError as error:
        event.reasons.append(error.reason)
    except Exception:  # noqa: BLE001 - values are read when they are asked for, and may be anything
        event.reasons.append(RowError(BROKEN).reason)
    return event


def _refuse_unwanted(component: Any, context: _Context) -> None:
    if context.is_cancelled or _text(component, "STATUS").upper() == "CANCELLED":
        raise RowError(CANCELLED)
    if _text(component, "CLASS").upper() in {"PRIVATE", "CONFIDENTIAL"}:
        raise RowError(PRIVATE)
    if not _text(component, "SUMMARY"):
        raise RowError(NO_TITLE)


def _uid(component: Any) -> str:
    """What the event is recognised by; a single changed date without its event has its own."""
    uid = str(component.get("UID", "")).strip()
    which = component.get("RECURRENCE-ID")
    return f"{uid}/{which.to_ical().decode()}" if uid and which is not None else uid


def _sessions(
    component: Any, changes: list[Any], context: _Context, now: datetime
) -> tuple[list[tuple[datetime, datetime]], str]:
    if "DTSTART" not in component:
        raise RowError(NO_START)
    start, zone, tz = _local(component["DTSTART"], context)
    length = _length(component, start, context)
    read = [_change(change, context, tz) for change in changes]
    occurrences = expand(component, start, length, read, tz, now)
    if isinstance(start, datetime):
        return [(at.start.replace(tzinfo=tz), at.end.replace(tzinfo=tz)) for at in occurrences], zone
    days = [whole_days(at.start.date(), (at.end - _A_DAY).date(), context.defaults) for at in occurrences]
    return [session for day in days for session in day], zone


def _change(component: Any, context: _Context, tz: Any) -> tuple[datetime, Occurrence | None]:
    """Which date was changed, in the zone of its event, and what has become of it: nothing where it was cancelled."""
    which = _in_zone(_local(component["RECURRENCE-ID"], context), tz)
    if _text(component, "STATUS").upper() == "CANCELLED" or "DTSTART" not in component:
        return which, None
    told = _local(component["DTSTART"], context)
    start = _in_zone(told, tz)
    return which, Occurrence(start, start + _length(component, told[0], context))


def _in_zone(told: tuple[date | datetime, str, Any], tz: Any) -> datetime:
    moment, _, own = told
    if not isinstance(moment, datetime):
        return datetime.combine(moment, datetime.min.time())
    return moment.replace(tzinfo=own).astimezone(tz).replace(tzinfo=None) if own is not tz else moment


def _local(value: Any, context: _Context) -> tuple[date | datetime, str, Any]:
    """A date, or a time as the clocks of its zone show it; the name of the event's zone; the zone itself."""
    moment = value.dt
    if not isinstance(moment, datetime):
        return moment, context.zone, ZoneInfo(context.zone)
    if name := str(value.params.get("TZID", "")):
        known = zone_of(name)
        own = ZoneInfo(known) if known else context.zones.get(name)
        if own is None:
            raise RowError(NO_ZONE, zone=name[:60])
        return moment.replace(tzinfo=None), getattr(own, "key", "") or context.zone, own
    here = ZoneInfo(context.zone)
    local = moment.astimezone(here) if moment.tzinfo else moment
    return local.replace(tzinfo=None), context.zone, here


def _length(component: Any, start: date | datetime, context: _Context) -> timedelta:
    """How long it lasts; a day that names no end is one day (RFC 5545 §3.6.1)."""
    if "DURATION" in component:
        return _positive(component["DURATION"].dt)
    if "DTEND" in component:
        ends, _, _ = _local(component["DTEND"], context)
        if isinstance(ends, datetime) == isinstance(start, datetime) and ends != start:
            return _wall(component["DTEND"], component["DTSTART"], context)
    if not isinstance(start, datetime):
        return _A_DAY
    if context.defaults.minutes is None:
        raise RowError(NO_END)
    return timedelta(minutes=context.defaults.minutes)


def _wall(ends: Any, starts: Any, context: _Context) -> timedelta:
    """From start to end; where the two have zones of their own, by the clocks of the first."""
    start, end = _local(starts, context), _local(ends, context)
    if not isinstance(start[0], datetime):
        return end[0] - start[0]
    return _in_zone(end, start[2]) - start[0]


def _positive(length: Any) -> timedelta:
    if not isinstance(length, timedelta) or length <= timedelta(0):
        raise RowError(NO_END)
    return length


def _text(component: Any, name: str) -> str:
    value = component.get(name, "")
    first = value[0] if isinstance(value, list) and value else value
    return str(first).strip()


def _description(component: Any) -> str:
    told = plain_text(_text(component, "DESCRIPTION")) or plain_text(_text(component, "X-ALT-DESC"))
    url = _text(component, "URL")
    return "\n\n".join(filter(None, [told, url if url.startswith(("http://", "https://")) and url not in told else ""]))


def _fields(component: Any) -> dict[str, Any]:
    fields = place_fields(plain_text(_text(component, "LOCATION")))
    links = (_text(component, name) for name in _LINKS)
    if link := next((link for link in links if link.startswith(("http://", "https://"))), ""):
        fields.setdefault("online_link", link)
    return fields
