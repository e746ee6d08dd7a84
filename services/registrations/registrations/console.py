"""Who comes: the list for the members of the organisation that owns the event, and of those that co-host it."""

from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from services.registrations.actions.wording import ACTIONS
from services.registrations.events.access import seen_event
from services.registrations.events.queries import Offer
from services.registrations.registrations.listing import (
    ENDED_STATES,
    LIVE_STATES,
    PAGE,
    Figure,
    Line,
    Order,
    Wanted,
    count_of,
    figures_of,
    page_of,
)
from services.registrations.registrations.live import HEADERS, LiveLists, TooManyStreamsError, standing_of
from services.registrations.registrations.model import State
from services.registrations.registrations.wording import BADGES, CHANNELS, MEANS, STATES
from shared.auth.members import Member
from shared.auth.rights import Access, Right
from shared.auth.sign_in import MemberDep, member_if_any
from shared.contracts.events import EventState, Scope
from shared.database.engine import ReadSession
from shared.i18n.catalogues import N_
from shared.i18n.formats import format_range
from shared.i18n.languages import LANGUAGES
from shared.runtime.api import DatabaseDep, PagesDep
from shared.shifts import posts_of
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.reader import Reader
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

PageNumber = Annotated[int, Query(ge=1, le=10_000)]
STATE_CHOICES = {
    LIVE_STATES: N_("All that have not ended"),
    **{state.value: label for state, label in STATES.items()},
    ENDED_STATES: N_("All that have ended"),
}
ORDERS = {
    Order.CAME: N_("Order in which they came"),
    Order.NAME: N_("Name"),
    Order.SIZE: N_("Largest party first"),
    Order.STATE: N_("State"),
}


async def counted_event(session: ReadSession, member: Member, event_id: UUID) -> tuple[Offer, Access]:
    """The same for whoever at least sees its figures; 403 for a co-host that was offered nothing."""
    offer, access = await seen_event(session, member, event_id, Right.SEE)
    if not access.sees(Scope.COUNTS):
        raise Problem(403, "role")
    return offer, access


def console_path(event_id: UUID, wanted: Wanted | None = None, page: int = 1) -> str:
    """Where the list is, as it was searched and filtered."""
    query = (wanted.query() if wanted else {}) | ({"page": str(page)} if page > 1 else {})
    return f"/registrations/console/events/{event_id}" + (f"?{urlencode(query)}" if query else "")


def about_list(request: Request, offer: Offer, access: Access) -> dict[str, Any]:
    """What every page of the console needs to name things by."""
    reader: Reader = request.app.state.pages.reader(request)
    return {
        "offer": offer,
        "posts": post_names(offer.event, reader),
        "event": offer.event,
        "access": access,
        "allowed": access.rights if access.is_host else frozenset(),
        "title": pick(offer.event.title, reader.language),
        "states": STATES,
        "badges": BADGES,
        "channels": CHANNELS,
        "means": MEANS,
    }


def post_names(event: EventState, reader: Reader) -> dict[UUID, str]:
    """What each role in each shift is called, by its pool of places; nothing for an event without shifts."""
    zone = event.time_zone
    return {
        post.id: f"{format_range(post.session.starts_at, post.session.ends_at, reader.language, zone, short=True)}: "
        + pick(post.role.name, reader.language).text
        for post in posts_of(event)
    }


class Shown(NamedTuple):
    """One page of the list."""

    lines: list[Line]
    total: int
    page: int
    last_page: int


async def shown_page(session: ReadSession, access: Access, event_id: UUID, wanted: Wanted, page: int) -> Shown:
    """The page that is asked for; one beyond the last is the last."""
    total = await count_of(session, access, event_id, wanted)
    last_page = max(1, -(-total // PAGE))
    page = min(page, last_page)
    return Shown(await page_of(session, access, event_id, wanted, page), total, page, last_page)


@router.get("/registrations/console/events/{event_id}")
async def list_page(
    request: Request, event_id: UUID, member: MemberDep, pages: PagesDep, database: DatabaseDep, page: PageNumber = 1
) -> Response:
    """The registrations; an event of another organisation does not exist for the member."""
    wanted = Wanted.read(request.query_params)
    async with database.read() as session:
        offer, access = await counted_event(session, member, event_id)
        figures = await figures_of(session, event_id)
        shown = await shown_page(session, access, event_id, wanted, page)
        standing = await standing_of(session, event_id)
    context = _around(event_id, wanted, shown) | about_list(request, offer, access)
    return _render(request, pages, context, figures, standing.version if standing else 0)


def _around(event_id: UUID, wanted: Wanted, shown: Shown) -> dict[str, Any]:
    """The list's own address, that of its neighbours, and what can be asked for."""
    return {
        "wanted": wanted,
        "shown": shown,
        "here": console_path(event_id, wanted, shown.page),
        "before": console_path(event_id, wanted, shown.page - 1) if shown.page > 1 else "",
        "after": console_path(event_id, wanted, shown.page + 1) if shown.page < shown.last_page else "",
        "plain": console_path(event_id),
        "search": urlencode(wanted.query()),
        "state_choices": STATE_CHOICES,
        "orders": ORDERS,
        "languages": list(LANGUAGES),
        "actions": ACTIONS,
    }


def _render(
    request: Request, pages: Pages, context: dict[str, Any], figures: dict[State, Figure], version: int
) -> Response:
    anybody = any(figure.registrations for figure in figures.values())
    context |= {"figures": figures, "version": version, "anybody": anybody}
    return pages.render(request, "registrations/list.html", personal=True, **context)


@router.get("/registrations/console/events/{event_id}/stream")
async def stream(request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep) -> Response:
    """Says that the list changed, as long as the member may see it."""
    async with database.read() as session:
        await counted_event(session, member, event_id)
    live: LiveLists = request.app.state.live
    try:
        live.admit(member.person_id)
    except TooManyStreamsError:
        raise Problem(503, "too-many-streams", headers={"retry-after": "60"}) from None

    async def allowed() -> bool:
        now = await member_if_any(request)
        if now is None:
            return False
        try:
            async with database.read() as session:
                await counted_event(session, now, event_id)
        except Problem:
            return False
        return True

    def stops() -> bool:
        is_stopping = getattr(request.app.state, "is_stopping", None)
        return bool(is_stopping and is_stopping())

    parts = live.stream(event_id, member.person_id, allowed, stops)
    return StreamingResponse(parts, media_type="text/event-stream", headers=HEADERS)
