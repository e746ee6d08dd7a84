"""The console's page on who hosts an event together: the host asks, the asked organisation answers."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.events.co_hosts import commands
from services.events.co_hosts.commands import NotAskedError, OwnEventError
from services.events.co_hosts.model import State
from services.events.events.commands import UnknownEventError
from services.events.events.form import Values
from services.events.events.queries import AskedCoHost, WholeEvent, event_by_id
from services.events.events.wording import ORGANISATION_KINDS
from services.events.organisations.queries import all_organisations
from services.events.organisations.wording import CO_HOST_ROLES, SCOPES
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, now_of
from shared.contracts.events import CoHostRole, Scope
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors
from shared.web.problem import Problem
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)
PATH = "/console/events/{event_id}/co-hosts"

CHOOSE = N_("Choose one of the answers.")
STATES = {
    State.INVITED: (N_("Asked"), "info"),
    State.ACCEPTED: (N_("Co-hosts"), "success"),
    State.DECLINED: (N_("Declined"), "warning"),
    State.ENDED: (N_("Ended"), "warning"),
}


async def _seen(database: DatabaseDep, member: Member, event_id: UUID) -> tuple[WholeEvent, bool, list[AskedCoHost]]:
    """The event, whether the member may ask others, and the invitations that the member may answer.

    Raises Problem: 404 for strangers, 403 where the role is too small.
    """
    async with database.read() as session:
        event = await event_by_id(session, event_id)
    if event is None:
        raise Problem(404)
    asks = member.may(Right.EDIT, event.row.organisation_id)
    mine = [one for one in event.asked if member.may(Right.EDIT, one.row.organisation_id)]
    open_to_me = [one for one in mine if one.row.state in {State.INVITED, State.ACCEPTED}]
    if not (asks or open_to_me):
        raise Problem(404 if event.access_of(member) is None else 403, "role")
    return event, asks, open_to_me


@router.get(PATH)
async def co_hosts_page(request: Request, event_id: UUID, member: MemberDep, done: str = "") -> Response:
    """Who hosts together, and what is still to be answered."""
    return await _show(request, member, event_id, done=done)


async def _show(
    request: Request,
    member: Member,
    event_id: UUID,
    *,
    values: Values | None = None,
    errors: FormErrors | None = None,
    done: str = "",
) -> Response:
    state = request.app.state
    event, asks, mine = await _seen(state.database, member, event_id)
    reader = state.pages.reader(request)
    async with state.database.read() as session:
        everybody = await all_organisations(session) if asks else []
    context: dict[str, Any] = {
        "event": event,
        "asks": asks,
        "mine": mine,
        "others": [one for one in everybody if one.id != event.row.organisation_id],
        "values": values or Values({"role": CoHostRole.PARTNER.value, "scope": Scope.COUNTS.value}),
        "errors": errors or FormErrors(),
        "done": bool(done),
        "states": STATES,
        "roles": CO_HOST_ROLES,
        "scopes": SCOPES,
        "kinds": ORGANISATION_KINDS,
        "pick": lambda texts: pick(texts, reader.language),
    }
    answer: Response = state.pages.render(
        request, "co_hosts/co_hosts.html", 422 if errors else 200, personal=True, **context
    )
    return answer


@router.post(PATH)
async def invite(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, form: FormDep
) -> Response:
    """Asks an organisation, or changes what one may do and see."""
    _event, asks, _mine = await _seen(database, member, event_id)
    if not asks:
        raise Problem(403, "role")
    values = Values({name: str(value) for name, value in form.items()})
    wanted, errors = _read(values, pages.reader(request).gettext(CHOOSE))
    if wanted is None:
        return await _show(request, member, event_id, values=values, errors=errors)
    try:
        async with database.begin() as session:
            await commands.invite(session, member, event_id, *wanted, now_of(request))
    except (UnknownEventError, OwnEventError):
        errors.add("organisation", pages.reader(request).gettext(CHOOSE))
        return await _show(request, member, event_id, values=values, errors=errors)
    return _back(pages, event_id)


def _read(values: Values, problem: str) -> tuple[tuple[UUID, CoHostRole, Scope] | None, FormErrors]:
    errors = FormErrors()
    fields: dict[str, Callable[[str], Any]] = {"organisation": UUID, "role": CoHostRole, "scope": Scope}
    found: dict[str, Any] = {}
    for name, kind in fields.items():
        try:
            found[name] = kind(values.get(name))
        except ValueError:
            errors.add(name, problem)
    return (None, errors) if errors else ((found["organisation"], found["role"], found["scope"]), errors)


@router.post(PATH + "/{organisation_id}/answer")
async def answer(
    request: Request,
    event_id: UUID,
    organisation_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    form: FormDep,
) -> Response:
    """Accepts or declines for the asked organisation."""
    if not member.may(Right.EDIT, organisation_id):
        raise Problem(404)
    await _seen(database, member, event_id)
    accepts = form.get("answer") == "yes"
    if not accepts and form.get("answer") != "no":
        errors = FormErrors()
        errors.add("", pages.reader(request).gettext(CHOOSE))
        return await _show(request, member, event_id, errors=errors)
    try:
        async with database.begin() as session:
            await commands.answer(session, member, event_id, organisation_id, accepts=accepts, now=now_of(request))
    except UnknownEventError:
        raise Problem(404) from None
    except NotAskedError:
        raise Problem(409) from None
    return _back(pages, event_id) if accepts else pages.redirect("/console")


@router.post(PATH + "/{organisation_id}/leave")
async def leave(
    request: Request,
    event_id: UUID,
    organisation_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    _form: FormDep,
) -> Response:
    """The organisation co-hosts no more."""
    try:
        async with database.begin() as session:
            await commands.leave(session, member, event_id, organisation_id, now_of(request))
    except UnknownEventError:
        raise Problem(404) from None
    except NotAskedError:
        raise Problem(409) from None
    return pages.redirect("/console")


@router.post(PATH + "/{organisation_id}/end")
async def end(
    request: Request,
    event_id: UUID,
    organisation_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    _form: FormDep,
) -> Response:
    """The host ends a co-hosting, or takes an invitation back."""
    _event, asks, _mine = await _seen(database, member, event_id)
    if not asks:
        raise Problem(403, "role")
    try:
        async with database.begin() as session:
            await commands.end(session, member, event_id, organisation_id, now_of(request))
    except NotAskedError:
        raise Problem(404) from None
    return _back(pages, event_id)


def _back(pages: PagesDep, event_id: UUID) -> Response:
    return pages.redirect(f"/console/events/{event_id}/co-hosts?done=1")
