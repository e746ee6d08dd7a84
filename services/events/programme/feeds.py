"""The programme as a calendar to subscribe to, with the same filters as the page."""

import asyncio
from datetime import timedelta
from hashlib import sha256

from fastapi import APIRouter, Request, Response

from services.events.events.queries import WholeEvent
from services.events.organisations.queries import organisation_by_id
from services.events.programme.calendar import REFRESH, feed_of
from services.events.programme.pages import event_url, read_wanted
from services.events.programme.queries import changed_at, find_events
from shared.auth.sign_in import now_of
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep, PagesDep
from shared.web.reader import Reader
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

MOST_EVENTS = 300
KEPT_IN_CALENDARS = timedelta(days=30)
"""How long an event that is over stays in the calendars of those who subscribe."""

NAME = N_("Events")
NAME_OF = N_("Events: %(organisation)s")


@router.get("/events.ics")
async def feed(request: Request, database: DatabaseDep, pages: PagesDep) -> Response:
    """All events that fit, those cancelled or over a short while ago too; 304 where nothing has changed."""
    wanted, reader = read_wanted(dict(request.query_params)), pages.reader(request)
    async with database.read() as session:
        events, _ = await find_events(session, wanted, now_of(request) - KEPT_IN_CALENDARS, size=MOST_EVENTS)
        changed = await changed_at(session, events)
        organisation = await organisation_by_id(session, wanted.organisation) if wanted.organisation else None
    name = reader.gettext(NAME)
    if organisation:
        name = reader.gettext(NAME_OF, organisation=pick(organisation.name, reader.language).text)
    tag = _tag(events, name, reader)
    headers = {
        "etag": tag,
        "cache-control": f"private, max-age={int(REFRESH.total_seconds()) // 4}",
        "vary": "Accept-Language, Cookie",
    }
    if tag in {known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=304, headers=headers)
    # A long calendar takes a moment to write: other requests go on meanwhile.
    content = await asyncio.to_thread(
        feed_of, events, reader.language, name, lambda event: event_url(pages, event), changed
    )
    headers["content-disposition"] = 'inline; filename="events.ics"'
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


def _tag(events: list[WholeEvent], name: str, reader: Reader) -> str:
    """What is in the calendar, told from versions: it need not be written to know that nothing has changed."""
    told = [name, reader.language, *(f"{event.row.id} {event.row.version}" for event in events)]
    return f'"{sha256(chr(10).join(told).encode()).hexdigest()[:32]}"'
