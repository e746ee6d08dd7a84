"""Who comes: the list for the members of the organisation that owns the event."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.registrations.events.queries import offer_of
from services.registrations.registrations.queries import PAGE, count_for_event, list_for_event
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, require
from shared.runtime.api import DatabaseDep, PagesDep
from shared.web.problem import Problem
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)


@router.get("/registrations/console/events/{event_id}")
async def list_page(
    request: Request,
    event_id: UUID,
    member: MemberDep,
    pages: PagesDep,
    database: DatabaseDep,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """The live registrations; an event of another organisation does not exist for the member."""
    async with database.read() as session:
        offer = await offer_of(session, event_id)
        if offer is None:
            raise Problem(404)
        require(member.access_to(offer.event.organisation_id), Right.PEOPLE)
        total = await count_for_event(session, event_id)
        last_page = max(1, -(-total // PAGE))
        page = min(page, last_page)
        lines = await list_for_event(session, event_id, page)
    return pages.render(
        request,
        "registrations/list.html",
        personal=True,
        offer=offer,
        event=offer.event,
        title=pick(offer.event.title, pages.reader(request).language),
        lines=lines,
        total=total,
        page=page,
        last_page=last_page,
    )
