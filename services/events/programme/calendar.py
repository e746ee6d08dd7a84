"""An event as iCalendar (RFC 5545): one VEVENT for each session, with the zone's rules. Never the online link."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vDuration

from services.events.events.model import SessionRow, State
from services.events.events.queries import WholeEvent
from shared.i18n.formats import language_name, list_of
from shared.web.shown import pick

REFRESH = timedelta(hours=1)
_PRODUCT = "-//Teilhabe//Events//EN"


def calendar_of(event: WholeEvent, language: str, url: str, changed_at: datetime) -> bytes:
    """The calendar in the reader's language; `url` is the event's page.

    The sequence is the event's version, so that a calendar that has the event takes over each change. While the event
    is postponed its dates are cancelled there (docs/decisions/0019); a new date brings the same entry back.
    """
    return _written(_calendar(), [_Told(event, url, changed_at)], language)


def feed_of(
    events: Iterable[WholeEvent],
    language: str,
    name: str,
    url_of: Callable[[WholeEvent], str],
    changed_at: Mapping[UUID, datetime],
) -> bytes:
    """Many events as a calendar to subscribe to, which says how often it is worth asking for it anew."""
    calendar = _calendar()
    for property_name in ("name", "x-wr-calname"):
        calendar.add(property_name, name)
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", vDuration(REFRESH))
    told = [_Told(event, url_of(event), changed_at[event.row.id]) for event in events]
    return _written(calendar, told, language)


@dataclass(frozen=True)
class _Told:
    """An event, its page, and when it was changed last."""

    event: WholeEvent
    url: str
    changed_at: datetime


def _calendar() -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    return calendar


def _written(calendar: Calendar, events: Iterable[_Told], language: str) -> bytes:
    for told in events:
        for session in told.event.sessions:
            calendar.add_component(_entry(told, session, language))
    calendar.add_missing_timezones()
    content: bytes = calendar.to_ical()
    return content


def _entry(told: _Told, session: SessionRow, language: str) -> Event:
    event, url = told.event, told.url
    row, zone = event.row, ZoneInfo(event.row.time_zone)
    entry = Event()
    entry.add("uid", f"{session.id}@teilhabe")
    entry.add("dtstamp", told.changed_at)
    entry.add("last-modified", told.changed_at)
    entry.add("sequence", row.version)
    entry.add("dtstart", session.starts_at.astimezone(zone))
    entry.add("dtend", session.ends_at.astimezone(zone))
    entry.add("summary", pick(event.texts("title"), language).text)
    entry.add("url", url)
    entry.add("description", "\n\n".join([*_words(event, language), url]))
    entry.add("contact", _contact(event, language))
    if place := ", ".join(part for part in (row.venue_name, row.venue_address) if part):
        entry.add("location", place)
    entry.add("status", "CONFIRMED" if row.state == State.PUBLISHED else "CANCELLED")
    return entry


def _words(event: WholeEvent, language: str) -> Iterator[str]:
    """The event's text, and who hosts it where that is more than one."""
    if description := event.texts("text"):
        yield pick(description, language).text
    if event.co_hosts:
        hosts = [event.organisation, *(one.organisation for one in event.co_hosts)]
        yield ", ".join(pick(host.name, language).text for host in hosts)


def _contact(event: WholeEvent, language: str) -> str:
    """Whom to ask, in which languages, and when."""
    row, hours = event.row, event.texts("contact_hours")
    spoken = list_of([language_name(code, language) for code in row.contact_languages], language)
    reached = pick(hours, language).text if hours else ""
    return ", ".join(part for part in (row.contact_name, row.contact_phone, row.contact_email, spoken, reached) if part)
