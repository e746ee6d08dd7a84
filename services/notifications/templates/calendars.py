"""The `.ics` file of a mail (RFC 5545, RFC 5546): one entry per session, which a later file replaces."""

from datetime import datetime
from typing import Any

from icalendar import Calendar, Event, vCalAddress

from services.notifications.templates.facts import EventFacts, Telling, one_line

METHODS = {
    "confirmation": "PUBLISH",
    "offer": "PUBLISH",
    "rescheduled": "PUBLISH",
    "swapped": "PUBLISH",
    "postponed": "CANCEL",
    "changed": "PUBLISH",
    "declined": "CANCEL",
    "cancelled": "CANCEL",
    "cancelled-by-person": "CANCEL",
    "cancelled-by-organiser": "CANCEL",
}


def calendar(telling: Telling, facts: EventFacts, *, sender: str, now: datetime) -> tuple[str, bytes] | None:
    """The method and the file; nothing where a notification has none.

    Dates that do not hold go out of the reader's calendar and are not put in; the new one brings them back.
    The UID is the session's id, so that a moved session moves in the reader's calendar too; SEQUENCE is the event's
    version.
    """
    method = METHODS.get(telling.template)
    if method is None or not facts.state.sessions or (facts.postponed and method != "CANCEL"):
        return None
    file = Calendar()
    file.add("prodid", "-//Teilhabe//Notifications//EN")
    file.add("version", "2.0")
    file.add("method", method)
    for session in facts.state.sessions:
        file.add_component(_entry(telling, method, facts, session, sender, now))
    return method, file.to_ical()


def _entry(telling: Telling, method: str, facts: EventFacts, session: Any, sender: str, now: datetime) -> Event:
    entry = Event()
    entry.add("uid", f"{session.id}@teilhabe")
    entry.add("sequence", facts.version)
    entry.add("dtstamp", now)
    entry.add("dtstart", session.starts_at)
    entry.add("dtend", session.ends_at)
    entry.add("summary", facts.title.text, parameters={"LANGUAGE": facts.title.language})
    entry.add("status", _status(telling.template, method))
    entry.add("organizer", _organizer(facts, sender))
    entry.add("contact", _contact(facts))
    if facts.place or telling.online_link:
        entry.add("location", facts.place or telling.online_link)
    if telling.link:
        entry.add("url", telling.link)
    return entry


def _contact(facts: EventFacts) -> str:
    """Whom to ask, in which languages, and when."""
    hours = facts.localized(facts.contact.hours)
    parts = (facts.contact.name, facts.contact.phone, facts.contact.email, facts.spoken, hours.text if hours else "")
    return ", ".join(one_line(part) for part in parts if part)


def _status(template: str, method: str) -> str:
    if method == "CANCEL":
        return "CANCELLED"
    return "TENTATIVE" if template == "offer" else "CONFIRMED"


def _organizer(facts: EventFacts, sender: str) -> vCalAddress:
    organizer = vCalAddress(f"mailto:{sender}")
    organizer.params["CN"] = one_line(facts.organisation).replace('"', "'")
    return organizer
