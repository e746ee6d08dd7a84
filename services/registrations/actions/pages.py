"""From ticks in the list to what came of them: ask, carry out, say it for each registration."""

from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.actions.commands import Instruction, carry_out, outcomes_of
from services.registrations.actions.form import Chosen, errors_of, read_chosen
from services.registrations.actions.model import FINE, Action
from services.registrations.actions.wording import ACTIONS, EXPLANATIONS, OUTCOMES
from services.registrations.events.access import seen_event
from services.registrations.events.queries import Offer
from services.registrations.registrations.console import about_list, console_path
from services.registrations.registrations.listing import Line, Wanted, some_of
from services.registrations.registrations.model import LIVE
from shared.auth.rights import Access, Right
from shared.auth.sign_in import MemberDep, now_of
from shared.contracts.registrations import DeclineReason
from shared.declines import REASONS
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.shifts import post_of
from shared.web.forms import FormErrors, request_key
from shared.web.problem import Problem

router = APIRouter(include_in_schema=False)

_EVENT = "/registrations/console/events/{event_id}"


@router.get(_EVENT + "/registrations/{registration_id}")
async def one_page(
    request: Request, event_id: UUID, registration_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """One registration, with everything that can be done to it."""
    async with database.read() as session:
        offer, access = await seen_event(session, member, event_id, Right.PEOPLE)
        found = await some_of(session, access, event_id, [registration_id])
    if not found:
        raise Problem(404)
    (line,) = found
    context = _around(request, offer, access, Wanted()) | {"line": line, "live": line.state in LIVE}
    post = post_of(offer.event, line.places_id)
    context["decides"] = post is not None and post.role.answer_within is not None
    values = {"note": line.note, "party_size": str(line.party_size)}
    return pages.render(request, "actions/one.html", personal=True, values=values, **context)


@router.post(_EVENT + "/actions")
async def act(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, form: FormDep
) -> Response:
    """Ask for what is still to be said, then carry it out and lead to what came of it."""
    chosen = read_chosen(form)
    async with database.read() as session:
        offer, access = await seen_event(session, member, event_id, Right.DESK)
        lines = await some_of(session, access, event_id, chosen.ids)
    errors = errors_of(chosen, offer.event.largest_party, pages.reader(request))
    if errors or not chosen.confirmed or chosen.action is None:
        return _step(request, offer, access, chosen, lines, errors)
    instruction = Instruction(
        action=chosen.action,
        event_id=event_id,
        registration_ids=chosen.ids,
        person_id=member.person_id,
        organisation_id=access.organisation_id,
        request_key=request_key(form),
        party_size=chosen.party_size if chosen.action is Action.PARTY else 1,
        note=chosen.note,
        added=chosen.added,
        reason=chosen.reason or DeclineReason.ASK,
    )
    await carry_out(database, request.app.state.vault, request.app.state.rules, instruction, now_of(request))
    told = {"key": str(instruction.request_key), "search": urlencode(chosen.wanted.query())}
    return pages.redirect(f"{console_path(event_id)}/actions?{urlencode(told)}")


@router.get(_EVENT + "/actions")
async def results_page(
    request: Request,
    event_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    key: UUID | None = None,
    search: str = "",
) -> Response:
    """What came of it, for each registration; for a day, and for who did it."""
    async with database.read() as session:
        offer, access = await seen_event(session, member, event_id, Right.DESK)
        done = await outcomes_of(session, member.person_id, key, event_id) if key else []
        seen = await some_of(session, access, event_id, [one.registration_id for one in done])
    context = _around(request, offer, access, Wanted.read(dict(parse_qsl(search))))
    context |= {"lines": {line.id: line for line in seen}, "outcomes": OUTCOMES}
    context["done"] = [one for one in done if one.outcome in FINE]
    context["failed"] = [one for one in done if one.outcome not in FINE]
    return pages.render(request, "actions/results.html", personal=True, **context)


def _step(
    request: Request, offer: Offer, access: Access, chosen: Chosen, lines: list[Line], errors: FormErrors
) -> Response:
    """What is about to be done to whom, with the field that it needs."""
    values = dict(chosen.values)
    if not chosen.confirmed and len(lines) == 1:
        values = {"note": lines[0].note, "party_size": str(lines[0].party_size)}
    context = _around(request, offer, access, chosen.wanted) | {"chosen": chosen, "lines": lines}
    context |= {"errors": errors, "values": values, "added": chosen.added or len(chosen.ids) > 1}
    status = 422 if errors else 200
    answer: Response = request.app.state.pages.render(request, "actions/step.html", status, personal=True, **context)
    return answer


def _around(request: Request, offer: Offer, access: Access, wanted: Wanted) -> dict[str, Any]:
    return about_list(request, offer, access) | {
        "actions": ACTIONS,
        "explanations": EXPLANATIONS,
        "reasons": REASONS,
        "send_to": f"{console_path(offer.event.id)}/actions",
        "back": console_path(offer.event.id, wanted),
        "search": urlencode(wanted.query()),
    }
