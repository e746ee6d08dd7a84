"""The `.ics` file of a mail (RFC 5545, RFC 5546): one entry per session, which a later file replaces."""

from datetime import datetime
from typing import Any

from icalendar import Calendar, Event, vCalAddress

from services.notifications.templates.facts import EventFacts, one_line

METHODS = {
    "confirmation": "PUBLISH",
    "offer": "PUBLISH",
    "rescheduled": "PUBLISH",
    "changed": "PUBLISH",
    "cancelled": "CANCEL",
    "cancelled-by-person": "CANCEL",
    "cancelled-by-organiser": "CANCEL",
}


def calendar(template: str, facts: EventFacts, *, sender: str, url: str, now: datetime) -> tuple[str, bytes] | None:
    """The method and the file; nothing where a notification has none.

    The UID is the session's id, so that a moved session moves in the reader's calendar too; SEQUENCE is the event's
    version.
    """
    method = METHODS.get(template)
    if method is None or not facts.state.sessions:
        return None
    file = Calendar()
    file.add("prodid", "-//Teilhabe//Notifications//EN")
    file.add("version", "2.0")
    file.add("method", method)
    for session in facts.state.sessions:
        file.add_component(_entry(template, method, facts, session, sender, url, now))
    return method, file.to_ical()


def _entry(template: str, method: str, facts: EventFacts, session: Any, sender: str, url: str, now: datetime) -> Event:
    entry = Event()
    entry.add("uid", f"{session.id}@teilhabe")
    entry.add("sequence", facts.version)
    entry.add("dtstamp", now)
    entry.add("dtstart", session.starts_at)
    entry.add("dtend", session.ends_at)
    entry.add("summary", facts.title.text, parameters={"LANGUAGE": facts.title.language})
    entry.add("status", _status(template, method))
    entry.add("organizer", _organizer(facts, sender))
    if facts.place or facts.state.online_link:
        entry.add("location", facts.place or facts.state.online_link)
    if url:
        entry.add("url", url)
    return entry


def _status(template: str, method: str) -> str:
    if method == "CANCEL":
        return "CANCELLED"
    return "TENTATIVE" if template == "offer" else "CONFIRMED"


def _organizer(facts: EventFacts, sender: str) -> vCalAddress:
    organizer = vCalAddress(f"mailto:{sender}")
    organizer.params["CN"] = one_line(facts.organisation).replace('"', "'")
    return organizer
