"""An event for search engines: schema.org `Event` in JSON-LD. Never the online link."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from services.events.events.model import State
from services.events.events.queries import WholeEvent
from services.events.programme.queries import Registration, registration_state
from shared.web.shown import pick

_SCHEMA = "https://schema.org/"
_AVAILABILITY = {
    Registration.OPEN: "InStock",
    Registration.FULL: "SoldOut",
    Registration.NOT_YET: "PreOrder",
    Registration.CLOSED: "Discontinued",
    Registration.CANCELLED: "Discontinued",
    Registration.POSTPONED: "Discontinued",
}


def json_ld_of(event: WholeEvent, language: str, url: str, now: datetime) -> Markup:
    """The text of a `<script type="application/ld+json">`, safe inside HTML."""
    text = json.dumps(structured(event, language, url, now), ensure_ascii=False)
    escaped = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(escaped)  # noqa: S704 - what HTML gives a meaning to is escaped


def structured(event: WholeEvent, language: str, url: str, now: datetime) -> dict[str, Any]:
    """The event as schema.org has it; a course with several sessions lists each as a `subEvent`."""
    row = event.row
    title = pick(event.texts("title"), language)
    document: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Event",
        "@id": url,
        "url": url,
        "name": title.text,
        "inLanguage": row.spoken_languages,
        **_status(event),
        "eventAttendanceMode": _SCHEMA + _attendance(event),
        "location": _locations(event, url),
        "organizer": _organizers(event, language),
        "isAccessibleForFree": True,
        "maximumAttendeeCapacity": event.capacity,
        "remainingAttendeeCapacity": event.left,
        "offers": _offer(event, url, now),
        **_span(event, row.starts_at, row.ends_at),
    }
    if texts := event.texts("text"):
        document["description"] = pick(texts, language).text
    if len(event.sessions) > 1:
        same = {"@type": "Event", "name": title.text, "location": document["location"]}
        document["subEvent"] = [same | _span(event, one.starts_at, one.ends_at) for one in event.sessions]
    return document


def _status(event: WholeEvent) -> dict[str, Any]:
    """The state; and for an event that was moved or postponed, when it was to begin."""
    row, zone = event.row, ZoneInfo(event.row.time_zone)
    previous = list(row.previous_starts)
    if row.state == State.POSTPONED and row.starts_at:
        previous.append(row.starts_at)
    states = {State.CANCELLED: "EventCancelled", State.POSTPONED: "EventPostponed"}
    status = states.get(State(row.state), "EventRescheduled" if previous else "EventScheduled")
    told = {"eventStatus": _SCHEMA + status}
    if previous and row.state != State.CANCELLED:
        local = [start.astimezone(zone).isoformat() for start in previous]
        return told | {"previousStartDate": local if len(local) > 1 else local[0]}
    return told


def _contact(event: WholeEvent, language: str) -> dict[str, Any]:
    row, hours = event.row, event.texts("contact_hours")
    point = {
        "@type": "ContactPoint",
        "name": row.contact_name,
        "telephone": row.contact_phone,
        "email": row.contact_email,
        "availableLanguage": row.contact_languages,
        "description": pick(hours, language).text if hours else None,
    }
    return {name: value for name, value in point.items() if value}


def _span(event: WholeEvent, starts_at: datetime | None, ends_at: datetime | None) -> dict[str, str]:
    zone = ZoneInfo(event.row.time_zone)
    named = {"startDate": starts_at, "endDate": ends_at}
    return {name: moment.astimezone(zone).isoformat() for name, moment in named.items() if moment}


def _organizers(event: WholeEvent, language: str) -> list[dict[str, Any]]:
    """The host, with whom to ask, and the co-hosts."""
    hosts = [event.organisation, *(co_host.organisation for co_host in event.co_hosts)]
    host, *others = ({"@type": "Organization", "name": pick(one.name, language).text} for one in hosts)
    return [host | {"contactPoint": _contact(event, language)}, *others]


def _attendance(event: WholeEvent) -> str:
    on_site, online = bool(event.row.venue_name or event.row.venue_address), bool(event.row.online_link)
    if on_site and online:
        return "MixedEventAttendanceMode"
    return "OnlineEventAttendanceMode" if online else "OfflineEventAttendanceMode"


def _locations(event: WholeEvent, url: str) -> list[dict[str, str]]:
    row, places = event.row, []
    if row.venue_name or row.venue_address:
        places.append({"@type": "Place", "name": row.venue_name, "address": row.venue_address})
    if row.online_link:
        places.append({"@type": "VirtualLocation", "url": url})
    return places


def _offer(event: WholeEvent, url: str, now: datetime) -> dict[str, Any]:
    row = event.row
    offer: dict[str, Any] = {
        "@type": "Offer",
        "url": url,
        "price": 0,
        "priceCurrency": "EUR",
        "availability": _SCHEMA + _AVAILABILITY[registration_state(event, now)],
    }
    if row.registration_opens_at:
        offer["validFrom"] = row.registration_opens_at.isoformat()
    if row.registration_closes_at:
        offer["validThrough"] = row.registration_closes_at.isoformat()
    return offer
