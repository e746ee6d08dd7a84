"""A volunteer's own calendar: the shifts that they have, behind the secret of one of their registrations."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from icalendar import Calendar, Event
from sqlmodel import col, select
from starlette.responses import Response

from services.registrations.events.model import EventRow, PlacesRow
from services.registrations.registrations.manage import own_registration
from services.registrations.registrations.model import RegistrationRow, State
from services.registrations.registrations.queries import Own, known_by
from shared.contracts.events import EventState, Status
from shared.database.engine import ReadSession
from shared.shifts import seen_from
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

KEPT = timedelta(days=60)
"""How long a shift that is over stays in the calendar."""


async def shifts_to_come(session: ReadSession, own: Own, now: datetime) -> list[tuple[EventState, int]]:
    """Each shift that the person has, of whatever event, as the person knows it, with the event's version.

    Of a mail address those alone that came with the same form (`known_by`).
    """
    query = (
        select(RegistrationRow.places_id, EventRow)
        .join(PlacesRow, col(PlacesRow.id) == col(RegistrationRow.places_id))
        .join(EventRow, col(EventRow.id) == col(RegistrationRow.event_id))
        .where(
            known_by(own),
            col(RegistrationRow.state) == State.CONFIRMED.value,
            col(PlacesRow.is_shift),
            col(PlacesRow.ends_at) > now - KEPT,
        )
        .order_by(col(PlacesRow.starts_at))
    )
    return [(seen_from(row.event, places_id), row.version) for places_id, row in await session.execute(query)]


@router.get("/r/{token}/shifts.ics")
async def calendar(request: Request, token: str) -> Response:
    """The shifts for a calendar program, which asks again and again; a shift that was left is gone from it."""
    own, now = await own_registration(request, token), datetime.now(UTC)
    async with request.app.state.database.read() as session:
        shifts = await shifts_to_come(session, own, now)
    file = Calendar()
    file.add("prodid", "-//Teilhabe//Registrations//EN")
    file.add("version", "2.0")
    for event, version in shifts:
        file.add_component(_entry(event, version, own.language, now))
    headers = {"content-disposition": 'inline; filename="shifts.ics"', "cache-control": "no-store"}
    return Response(file.to_ical(), media_type="text/calendar; charset=utf-8", headers=headers)


def _entry(event: EventState, version: int, language: str, now: datetime) -> Event:
    """The UID is that of the mails' calendar files, so that a program that has both shows one (RFC 5545 §3.8.4.7)."""
    [session], title = event.sessions, pick(event.title, language)
    entry = Event()
    entry.add("uid", f"{session.id}@teilhabe")
    entry.add("sequence", version)
    entry.add("dtstamp", now)
    entry.add("dtstart", session.starts_at)
    entry.add("dtend", session.ends_at)
    entry.add("summary", title.text, parameters={"LANGUAGE": title.language})
    entry.add("status", "TENTATIVE" if event.status is Status.POSTPONED else "CONFIRMED")
    if event.venue:
        entry.add("location", ", ".join(filter(None, (event.venue.name, event.venue.address))))
    return entry
