"""What was changed: in one event, and by one organisation's members."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.events.audit.queries import PAGE, Change, changes_of_event, changes_of_organisation
from services.events.audit.wording import ACTIONS
from services.events.events.pages import own_event
from services.events.organisations.pages import own_organisation
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep
from shared.runtime.api import DatabaseDep, PagesDep, VaultDep
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)
PageNumber = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/console/events/{event_id}/history")
async def event_history(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, vault: VaultDep, page: PageNumber = 1
) -> Response:
    """Who changed what in the event, its registrations included; for those who may edit it."""
    event = await own_event(database, member, event_id, Right.EDIT)
    async with database.read() as session:
        changes, count = await changes_of_event(session, vault, member, event_id, page)
    back = (f"/console/events/{event_id}", event.texts("title"))
    return _show(request, changes, count, page, back)


@router.get("/console/organisations/{organisation_id}/history")
async def organisation_history(
    request: Request,
    organisation_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    vault: VaultDep,
    page: PageNumber = 1,
) -> Response:
    """Who changed what for the organisation; for those who may edit its events."""
    organisation = await own_organisation(database, member, organisation_id, Right.EDIT)
    async with database.read() as session:
        changes, count = await changes_of_organisation(session, vault, member, organisation_id, page)
    return _show(request, changes, count, page, (f"/console/organisations/{organisation_id}", organisation.name))


def _show(request: Request, changes: list[Change], count: int, page: int, back: tuple[str, dict[str, str]]) -> Response:
    pages: PagesDep = request.app.state.pages
    language = pages.reader(request).language
    return pages.render(
        request,
        "audit/changes.html",
        personal=True,
        changes=changes,
        actions=ACTIONS,
        page=page,
        page_count=max(1, -(-count // PAGE)),
        back_url=back[0],
        back=pick(back[1], language),
        pick=lambda texts: pick(texts, language),
    )
