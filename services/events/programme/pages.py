"""The public pages: the programme, an event, its calendar file."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.events.events.describing import event_state
from services.events.events.queries import WholeEvent
from services.events.events.wording import KINDS, ORGANISATION_KINDS
from services.events.organisations.queries import logo_digests
from services.events.organisations.wording import CO_HOST_ROLES
from services.events.programme.calendar import calendar_of
from services.events.programme.json_ld import json_ld_of
from services.events.programme.queries import (
    PAGE_SIZE,
    Registration,
    Wanted,
    changed_at,
    find_events,
    organisations_with_events,
    public_event,
    registration_state,
)
from services.events.series.queries import other_dates, series_of_event
from services.events.series.rules import Rule
from services.events.series.wording import sentence
from shared.auth.sign_in import ReaderDep, now_of
from shared.contracts.events import Kind
from shared.i18n.languages import LANGUAGES, PAGE_LANGUAGES
from shared.runtime.api import DatabaseDep, PagesDep
from shared.shifts import by_shift
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.reader import LANGUAGE_QUERY
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

_LONGEST_SEARCH = 200


@router.get("/")
async def home(request: Request, pages: PagesDep) -> Response:
    """The programme is the first page."""
    query = f"?{request.url.query}" if request.url.query else ""
    return pages.redirect(f"/events{query}")


@router.get("/events")
async def programme(
    request: Request,
    _member: ReaderDep,
    database: DatabaseDep,
    pages: PagesDep,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """What there is to take part in; a filter that cannot be read is passed over."""
    values = {name: text[:_LONGEST_SEARCH] for name, text in request.query_params.items()}
    wanted, now = read_wanted(values), now_of(request)
    async with database.read() as session:
        events, count = await find_events(session, wanted, now, page)
        organisations = await organisations_with_events(session, now)
    context: dict[str, Any] = {"events": events, "count": count, "values": values, "page": page}
    context |= {"page_count": max(1, -(-count // PAGE_SIZE)), "is_filtered": wanted != Wanted()}
    kept = {name: text for name, text in values.items() if text and name not in {"page", LANGUAGE_QUERY}}
    context |= {"organisations": organisations, "feed": feed_url(pages, kept, pages.reader(request).language)}
    context["page_url"] = lambda number: f"?{urlencode({**kept, 'page': number})}"
    return pages.render(request, "programme/list.html", **context, **around(request, pages, now))


def read_wanted(values: dict[str, str]) -> Wanted:
    """The filter of the address; parts that mean nothing ask for nothing."""
    kind, language = values.get("kind", ""), values.get("language", "")
    return Wanted(
        language=language if language in LANGUAGES else "",
        kind=Kind(kind) if kind in set(Kind) else None,
        from_day=_day(values.get("from", "")),
        until_day=_day(values.get("until", "")),
        only_left=values.get("left") == "yes",
        words=values.get("q", ""),
        organisation=_id(values.get("organisation", "")),
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def around(request: Request, pages: Pages, now: datetime) -> dict[str, Any]:
    """What every public page names things by."""
    language = pages.reader(request).language
    return {
        "now": now,
        "kinds": KINDS,
        "organisation_kinds": ORGANISATION_KINDS,
        "languages": list(LANGUAGES),
        "Registration": Registration,
        "registration_of": lambda event: registration_state(event, now),
        "pick": lambda texts: pick(texts, language),
    }


async def shown_event(database: DatabaseDep, reference: str) -> WholeEvent:
    """The published event with this id or code. Raises Problem 404."""
    async with database.read() as session:
        event = await public_event(session, reference)
    if event is None:
        raise Problem(404)
    return event


@router.get("/events/{reference}.ics")
async def calendar(request: Request, reference: str, database: DatabaseDep, pages: PagesDep) -> Response:
    """All sessions of the event for a calendar."""
    event = await shown_event(database, reference)
    language = pages.reader(request).language
    async with database.read() as session:
        changed = await changed_at(session, [event])
    content = calendar_of(event, language, event_url(pages, event), changed[event.row.id])
    file = f'attachment; filename="{event.row.code}.ics"'
    headers = {"content-disposition": file, "cache-control": "no-cache"}
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


@router.get("/events/{reference}")
async def event_page(
    request: Request, reference: str, _member: ReaderDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """One event in the reader's language."""
    event = await shown_event(database, reference)
    async with database.read() as session:
        hosts = [event.organisation.id, *(one.organisation.id for one in event.co_hosts)]
        logos = await logo_digests(session, hosts)
    url, now, language = event_url(pages, event), now_of(request), pages.reader(request).language
    in_language = {code: f"{url}?{LANGUAGE_QUERY}={code}" for code in PAGE_LANGUAGES}
    async with database.read() as session:
        series = await series_of_event(session, event.row.id)
        others = await other_dates(session, series, event.row.id, now) if series else []
    context: dict[str, Any] = {
        "event": event,
        "logos": logos,
        "co_host_roles": CO_HOST_ROLES,
        "shifts": by_shift(event_state(event)) if event.row.shifts else [],
        "places": {one.id: one for one in event.places},
        "repeats": sentence(Rule.parse(series.rule), pages.reader(request)) if series and not series.ended_at else "",
        "others": others,
        "canonical": in_language[language] if LANGUAGE_QUERY in request.query_params else url,
        "in_language": in_language,
        "default_url": url,
        "sms_number": request.app.state.settings.sms_number,
        "json_ld": json_ld_of(event, language, url, now),
    }
    return pages.render(request, "programme/event.html", **context, **around(request, pages, now))


def feed_url(pages: Pages, filters: Mapping[str, str], language: str) -> str:
    """The address of the calendar with the same filter, in the reader's language."""
    return f"{pages.urls.events}/events.ics?{urlencode({**filters, LANGUAGE_QUERY: language})}"


def event_url(pages: Pages, event: WholeEvent) -> str:
    """The event's one public address."""
    return f"{pages.urls.events}/events/{event.row.code}"
