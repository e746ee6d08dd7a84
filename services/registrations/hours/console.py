"""Hours at the desk: who is still here, who leaves, and signing off what was worked."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from services.registrations.check_in.commands import Desk, check_out
from services.registrations.events.access import hosted_event
from services.registrations.events.queries import Offer
from services.registrations.hours.commands import Signing, sign_off
from services.registrations.hours.queries import Worked, worked_by_shift
from services.registrations.hours.wording import NOT_HOURS
from services.registrations.hours.working import read_minutes, written
from services.registrations.registrations.console import about_list
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, now_of, require
from shared.database.engine import ReadSession
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.shifts import Post
from shared.web.forms import FormErrors, request_key

router = APIRouter(include_in_schema=False)
HOURS = "/registrations/console/events/{event_id}/hours"

Shifts = list[tuple[Post, list[Worked]]]


async def _shifts(session: ReadSession, member: Member, event_id: UUID) -> tuple[Offer, Shifts]:
    """Raises Problem: 404 for what is not the member's own, 403 for a role that does not work at the desk."""
    offer = await hosted_event(session, member, event_id, Right.DESK)
    return offer, await worked_by_shift(session, offer.event)


@router.get(HOURS)
async def hours_page(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, done: str = ""
) -> Response:
    """Shift by shift who came and left, and how many hours stand or are proposed."""
    async with database.read() as session:
        offer, shifts = await _shifts(session, member, event_id)
    return _page(request, pages, member, offer, shifts, done=done)


def _page(
    request: Request,
    pages: PagesDep,
    member: Member,
    offer: Offer,
    shifts: Shifts,
    *,
    typed: Mapping[str, str] | None = None,
    errors: FormErrors | None = None,
    done: str = "",
) -> Response:
    access = require(member.access_to(offer.event.organisation_id), Right.DESK)
    context: dict[str, Any] = about_list(request, offer, access) | {"shifts": shifts, "now": now_of(request)}
    stand = {str(one.id): written(one.minutes) for _, people in shifts for one in people if one.minutes is not None}
    context |= {"values": stand | dict(typed or {}), "errors": errors or FormErrors(), "done": done}
    context |= {"total": sum(one.signed or 0 for _, people in shifts for one in people)}
    status = 422 if errors else 200
    return pages.render(request, "hours/console.html", status, personal=True, **context)


@router.post(HOURS)
async def sign(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, form: FormDep
) -> Response:
    """Sign off the shift's hours as they stand in the fields; an empty field is passed over."""
    async with database.read() as session:
        offer, shifts = await _shifts(session, member, event_id)
    require(member.access_to(offer.event.organisation_id), Right.EDIT)
    typed = {str(one.id): str(form.get(str(one.id), "")).strip() for one in _chosen(shifts, form)}
    minutes, errors = _minutes(typed, pages.reader(request).gettext(NOT_HOURS))
    if errors:
        return _page(request, pages, member, offer, shifts, typed=typed, errors=errors)
    async with database.begin() as session:
        signing = Signing(member.person_id, offer.event, now_of(request))
        await sign_off(session, request.app.state.vault, signing, minutes)
    return pages.redirect(f"{HOURS.format(event_id=event_id)}?done=signed#shift-{form.get('shift', '')}")


def _chosen(shifts: Shifts, form: FormData) -> list[Worked]:
    """The people of the shift whose button was pressed."""
    return [one for post, people in shifts if str(post.session.id) == form.get("shift") for one in people]


def _minutes(typed: Mapping[str, str], problem: str) -> tuple[dict[UUID, int], FormErrors]:
    minutes, errors = {}, FormErrors()
    for name, text in typed.items():
        try:
            if text:
                minutes[UUID(name)] = read_minutes(text)
        except ValueError:
            errors.add(name, problem)
    return minutes, errors


@router.post(HOURS + "/leave")
async def leave(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, form: FormDep
) -> Response:
    """Who is still here leaves now: one person, or all of the shift."""
    async with database.read() as session:
        offer, shifts = await _shifts(session, member, event_id)
    wanted, now, key = form.get("who"), now_of(request), request_key(form)
    async with database.begin() as session:
        for one in sorted(_chosen(shifts, form), key=lambda one: one.id):
            if one.here and wanted in ("all", str(one.id)):
                desk = Desk(member.person_id, offer.event, one.post.session, key, now, now)
                await check_out(session, desk, one.id)
    return pages.redirect(f"{HOURS.format(event_id=event_id)}?done=left#shift-{form.get('shift', '')}")
