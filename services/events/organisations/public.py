"""What everybody may see of an organisation: its page and its picture."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy import or_, select
from sqlmodel import col

from services.events.co_hosts.model import CoHostRow
from services.events.co_hosts.model import State as CoHostState
from services.events.events.model import EventRow, State
from services.events.events.queries import WholeEvent, whole
from services.events.events.wording import ORGANISATION_KINDS
from services.events.organisations.queries import logo_digests, logo_of, organisation_by_id
from shared.auth.sign_in import ReaderDep, now_of
from shared.database.engine import ReadSession
from shared.runtime.api import DatabaseDep, PagesDep
from shared.web.problem import Problem
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)
_MOST_EVENTS = 20


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
        events = await _coming(session, organisation_id, now_of(request))
    language = pages.reader(request).language
    context: dict[str, Any] = {"organisation": organisation, "logo": logo, "events": events}
    context |= {"kinds": ORGANISATION_KINDS, "pick": lambda texts: pick(texts, language)}
    return pages.render(request, "organisations/public.html", **context)


async def _coming(session: ReadSession, organisation_id: UUID, now: datetime) -> list[WholeEvent]:
    """Its published events and those that it co-hosts, soonest first."""
    co_hosted = select(col(CoHostRow.event_id)).where(
        col(CoHostRow.organisation_id) == organisation_id, col(CoHostRow.state) == CoHostState.ACCEPTED.value
    )
    query = (
        select(EventRow)
        .where(
            or_(col(EventRow.organisation_id) == organisation_id, col(EventRow.id).in_(co_hosted)),
            col(EventRow.state) == State.PUBLISHED.value,
            col(EventRow.ends_at) > now,
        )
        .order_by(col(EventRow.starts_at), col(EventRow.id))
        .limit(_MOST_EVENTS)
    )
    return await whole(session, list((await session.execute(query)).scalars()))


@router.get("/organisations/{organisation_id}/logo/{digest}")
async def logo(organisation_id: UUID, digest: str, database: DatabaseDep) -> Response:
    """The picture; its address changes with it, so every cache may keep it."""
    async with database.read() as session:
        row = await logo_of(session, organisation_id)
    if row is None or row.digest != digest:
        raise Problem(404)
    headers = {"cache-control": "public, max-age=31536000, immutable", "content-security-policy": "sandbox"}
    return Response(row.content, media_type="image/png", headers=headers)
