"""An event as iCalendar (RFC 5545): one VEVENT for each session, with the zone's rules. Never the online link."""

from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from services.events.events.model import SessionRow, State
from services.events.events.queries import WholeEvent
from shared.web.shown import pick

_PRODUCT = "-//Teilhabe//Events//EN"


def calendar_of(event: WholeEvent, language: str, url: str) -> bytes:
    """The calendar in the reader's language; `url` is the event's page.

    The sequence is the event's version, so that a calendar that has the event takes over each change. While the event
    is postponed its dates are cancelled there (docs/decisions/0019); a new date brings the same entry back.
    """
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for session in event.sessions:
        calendar.add_component(_entry(event, session, language, url))
    calendar.add_missing_timezones()
    content: bytes = calendar.to_ical()
    return content


def _entry(event: WholeEvent, session: SessionRow, language: str, url: str) -> Event:
    row, zone = event.row, ZoneInfo(event.row.time_zone)
    entry = Event()
    entry.add("uid", f"{session.id}@teilhabe")
    entry.add("dtstamp", row.published_at)
    entry.add("sequence", row.version)
    entry.add("dtstart", session.starts_at.astimezone(zone))
    entry.add("dtend", session.ends_at.astimezone(zone))
    entry.add("summary", pick(event.texts("title"), language).text)
    entry.add("url", url)
    if description := event.texts("text"):
        entry.add("description", f"{pick(description, language).text}\n\n{url}")
    if place := ", ".join(part for part in (row.venue_name, row.venue_address) if part):
        entry.add("location", place)
    entry.add("status", "CONFIRMED" if row.state == State.PUBLISHED else "CANCELLED")
    return entry
