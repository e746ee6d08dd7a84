"""The list on paper: attendance list and name badges as PDF, of whoever has a place, by name."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.check_in.queries import pools_at
from services.registrations.events.access import seen_event
from services.registrations.exports.pages import headers, record_export
from services.registrations.registrations.listing import LIVE_STATES, Line, Order, Wanted, all_of
from services.registrations.registrations.model import State
from shared.auth.members import Member, profiles_of
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, now_of
from shared.contracts.base import LocalizedText
from shared.contracts.events import EventState, Session
from shared.i18n.catalogues import N_
from shared.shifts import post_of
from shared.tickets import code_of, ticket_of
from shared.typesetting.attendance import MOST_PARTIES, Attending, attendance_pdf
from shared.typesetting.badges import badges_pdf
from shared.typesetting.compiling import BusyError, TooLargeError
from shared.web.problem import Problem

router = APIRouter(include_in_schema=False)

Sheet = Callable[[EventState, list[Line], list[LocalizedText], str], Awaitable[bytes]]
TOO_MANY = N_("This is more than fits into one file")
TOO_MANY_TEXT = N_("Filter the list first, for example by language, and print it in parts.")


@router.get("/registrations/console/events/{event_id}/attendance.pdf")
async def attendance(request: Request, event_id: UUID, member: MemberDep) -> Response:
    """Who is expected at the next session, with room for a signature."""

    async def sheet(event: EventState, lines: list[Line], _hosts: list[LocalizedText], language: str) -> bytes:
        session = _shown_session(event, Wanted.read(request.query_params).post, now_of(request))
        pools = pools_at(event, session.id)
        expected = [line for line in lines if line.places_id in pools]
        parties = [Attending(line.name or "", line.party_size, _code_of(line)) for line in expected]
        return await attendance_pdf(event, session, parties, language)

    return await _printed(request, event_id, member, "attendance", sheet)


@router.get("/registrations/console/events/{event_id}/badges.pdf")
async def badges(request: Request, event_id: UUID, member: MemberDep) -> Response:
    """A badge for each person; who comes with somebody writes the name by hand."""

    async def sheet(event: EventState, lines: list[Line], hosts: list[LocalizedText], language: str) -> bytes:
        names = [name for line in lines for name in [line.name or "", *[""] * (line.party_size - 1)]]
        return await badges_pdf(event, names, hosts, language)

    return await _printed(request, event_id, member, "badges", sheet)


def _code_of(line: Line) -> str:
    """What the party says at the door; who has no place has none."""
    return code_of(ticket_of(line.id)) if line.state is State.CONFIRMED else ""


def _shown_session(event: EventState, places_id: UUID | None, now: datetime) -> Session:
    """The shift that the list was filtered by, else the next session."""
    if post := post_of(event, places_id):
        return post.session
    return next((session for session in event.sessions if session.ends_at > now), event.sessions[-1])


async def _printed(request: Request, event_id: UUID, member: Member, kind: str, sheet: Sheet) -> Response:
    """As the list was filtered, but of all that live only those who have a place; written into the audit log."""
    state = request.app.state
    wanted = replace(Wanted.read(request.query_params), sort=Order.NAME)
    if wanted.state == LIVE_STATES:
        wanted = replace(wanted, state=State.CONFIRMED.value)
    async with state.database.begin() as session:
        offer, access = await seen_event(session, member, event_id, Right.EDIT)
        lines: list[Line] = []
        async for some in all_of(session, access, event_id, wanted):
            lines += some
            _refuse_too_many(request, len(lines))
        await record_export(session, member, access, event_id, kind, len(lines))
        ids = [offer.event.organisation_id, *(one.organisation_id for one in offer.event.co_hosts)]
        profiles = await profiles_of(session, ids)
    hosts = [dict(profiles[id_].name) for id_ in ids if id_ in profiles]
    try:
        content = await sheet(offer.event, lines, hosts, state.pages.reader(request).language)
    except TooLargeError:
        _refuse_too_many(request, MOST_PARTIES + 1)
        raise
    except BusyError:
        raise Problem(503, headers={"retry-after": "30"}) from None
    return Response(content, media_type="application/pdf", headers=headers(offer.event, f"{kind}.pdf", now_of(request)))


def _refuse_too_many(request: Request, count: int) -> None:
    if count > MOST_PARTIES:
        _ = request.app.state.pages.reader(request).gettext
        raise Problem(409, "too-many-to-print", _(TOO_MANY), _(TOO_MANY_TEXT))
