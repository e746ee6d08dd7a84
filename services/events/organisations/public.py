"""What everybody may see of an organisation: its page and its picture."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.events.events.wording import ORGANISATION_KINDS
from services.events.organisations.queries import logo_digests, logo_of, organisation_by_id
from services.events.programme.queries import Wanted, find_events
from shared.auth.sign_in import ReaderDep, now_of
from shared.runtime.api import DatabaseDep, PagesDep
from shared.web.problem import Problem
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)


@router.get("/organisations/{organisation_id}")
async def organisation_page(
    request: Request, organisation_id: UUID, _member: ReaderDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """Who the organisation is, which languages it speaks, whom to ask, and what it does next."""
    async with database.read() as session:
        organisation = await organisation_by_id(session, organisation_id)
        if organisation is None:
            raise Problem(404)
        logo = (await logo_digests(session, [organisation_id])).get(organisation_id)
        events, _ = await find_events(session, Wanted(organisation=organisation_id), now_of(request))
    language = pages.reader(request).language
    context: dict[str, Any] = {"organisation": organisation, "logo": logo, "events": events}
    context |= {"kinds": ORGANISATION_KINDS, "pick": lambda texts: pick(texts, language)}
    return pages.render(request, "organisations/public.html", **context)


@router.get("/organisations/{organisation_id}/logo/{digest}")
async def logo(organisation_id: UUID, digest: str, database: DatabaseDep) -> Response:
    """The picture; its address changes with it, so every cache may keep it."""
    async with database.read() as session:
        row = await logo_of(session, organisation_id)
    if row is None or row.digest != digest:
        raise Problem(404)
    headers = {"cache-control": "public, max-age=31536000, immutable", "content-security-policy": "sandbox"}
    return Response(row.content, media_type="image/png", headers=headers)
