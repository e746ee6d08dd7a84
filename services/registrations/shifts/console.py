"""The pages of the plan: by shift, by person, and as a sheet of paper."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.asking.commands import AT_ONCE
from services.registrations.asking.queries import asked_about, reach_of
from services.registrations.events.access import seen_event
from services.registrations.events.queries import Offer
from services.registrations.exports.pages import headers, record_export
from services.registrations.qualifications.queries import holdings_of
from services.registrations.registrations.console import about_list
from services.registrations.registrations.deadlines import is_night
from services.registrations.registrations.listing import Line, Order, Wanted, all_of
from services.registrations.shifts.plan import plan_of, volunteers_of
from services.registrations.shifts.wording import COMING
from shared.auth.members import Member
from shared.auth.rights import Access, Right
from shared.auth.sign_in import MemberDep, now_of
from shared.contracts.events import Scope
from shared.database.engine import ReadSession
from shared.runtime.api import DatabaseDep, PagesDep
from shared.typesetting.compiling import BusyError
from shared.typesetting.plans import PlannedPost, plan_pdf
from shared.web.problem import Problem

router = APIRouter(include_in_schema=False)
PLAN = "/registrations/console/events/{event_id}/plan"


async def _lines(session: ReadSession, access: Access, event_id: UUID) -> list[Line]:
    found: list[Line] = []
    async for some in all_of(session, access, event_id, Wanted(sort=Order.CAME)):
        found += some
    return found


async def _planned(
    session: ReadSession, member: Member, event_id: UUID, right: Right
) -> tuple[Offer, Access, list[Line]]:
    """Raises Problem: 404 for what is not theirs, 403 for who sees no names."""
    offer, access = await seen_event(session, member, event_id, right)
    if not access.sees(Scope.NAMES):
        raise Problem(403, "role")
    return offer, access, await _lines(session, access, event_id)


@router.get(PLAN)
async def plan_page(
    request: Request,
    event_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    by: str = "",
    asked: int | None = None,
) -> Response:
    """Who is where and when; a co-host sees those who agreed to it. `asked` is how many people were just asked."""
    now = now_of(request)
    async with database.read() as session:
        offer, access, lines = await _planned(session, member, event_id, Right.PEOPLE)
        plan = plan_of(offer.event, lines)
        may_ask = access.is_host and Right.EDIT in access.rights
        holdings = await holdings_of(session, offer.event, lines) if access.is_host else {}
        missing = [one.post.id for shift in plan for one in shift if one.wanted]
        reach = await reach_of(session, missing, now) if may_ask else {}
        were_asked = await asked_about(session, missing) if may_ask else {}
    context: dict[str, Any] = about_list(request, offer, access) | {"by": "person" if by == "person" else "shift"}
    context |= {"now": now_of(request), "coming": COMING}
    context |= {"plan": plan, "volunteers": volunteers_of(offer.event, lines), "may_ask": may_ask, "asked": asked}
    context |= {"reach": {post: min(people, AT_ONCE) for post, people in reach.items()}}
    context["holdings"] = holdings
    context["were_asked"] = were_asked
    context["night"] = is_night(now, ZoneInfo(offer.event.time_zone))
    return pages.render(request, "shifts/plan.html", personal=True, **context)


@router.get(PLAN + ".pdf")
async def plan_sheet(request: Request, event_id: UUID, member: MemberDep) -> Response:
    """The plan to hang up: for each shift who does what, and room for whoever comes without having signed up."""
    state = request.app.state
    async with state.database.begin() as session:
        offer, access, lines = await _planned(session, member, event_id, Right.EDIT)
        await record_export(session, member, access, event_id, "plan", len(lines))
    posts = [
        [
            PlannedPost(one.post, [line.name or "" for line in one.here], [line.name or "" for line in one.substitutes])
            for one in shift
        ]
        for shift in plan_of(offer.event, lines)
    ]
    language = state.pages.reader(request).language
    try:
        content = await plan_pdf(offer.event, posts, language)
    except BusyError:
        raise Problem(503, headers={"retry-after": "30"}) from None
    return Response(content, media_type="application/pdf", headers=headers(offer.event, "plan.pdf", now_of(request)))
