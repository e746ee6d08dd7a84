"""The console's pages of shifts: what is needed when, and the forms of a role and of a shift."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError
from uuid6 import uuid7

from services.events.events.checking import IncompleteError
from services.events.events.commands import ChangedMeanwhileError, FixedFieldError, UnknownEventError, WrongStateError
from services.events.events.describing import content_of
from services.events.events.form import Values
from services.events.events.model import State
from services.events.events.pages import own_event, seen_event, version_in, wording
from services.events.events.queries import WholeEvent
from services.events.events.rescheduling import reschedule_event
from services.events.shifts import commands
from services.events.shifts.commands import Part, part_of
from services.events.shifts.drafting import RoleContent, ShiftContent
from services.events.shifts.form import languages_of, read_role, read_shift, role_values, shift_values, typed
from services.events.shifts.wording import CANCELLED, FIXED, HOURS, LABELS, MEANWHILE, NO_DATES, PAST
from shared.auth.members import Member
from shared.auth.rights import Access, Right
from shared.auth.sign_in import MemberDep, now_of
from shared.contracts.events import Kind, Scope
from shared.database.engine import Database, WriteSession
from shared.qualifications import NAMES
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors
from shared.web.problem import Problem
from shared.web.validation import explain

router = APIRouter(include_in_schema=False)
SHIFTS = "/console/events/{event_id}/shifts"
ROLES = "/console/events/{event_id}/roles"

REFUSALS: dict[type[Exception], str] = {
    ChangedMeanwhileError: MEANWHILE,
    FixedFieldError: FIXED,
    IncompleteError: PAST,
    WrongStateError: CANCELLED,
}
"""What a page says of each reason for which nothing was written."""

Write = Callable[[WriteSession], Awaitable[Any]]


@dataclass(frozen=True)
class Sent:
    """A form that somebody sent about an event's shifts."""

    request: Request
    event_id: UUID
    member: MemberDep
    form: FormDep
    database: DatabaseDep
    pages: PagesDep

    @property
    def now(self) -> datetime:
        """The moment at which it came."""
        return now_of(self.request)


SentDep = Annotated[Sent, Depends()]


async def _volunteering(database: Database, member: Member, event_id: UUID) -> WholeEvent:
    """An event of volunteers that the member may edit. Raises Problem 404 or 403."""
    event = await own_event(database, member, event_id)
    if event.row.kind != Kind.VOLUNTEERING:
        raise Problem(404)
    return event


@router.get(SHIFTS)
async def shifts_page(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, done: str = ""
) -> Response:
    """Every shift with who is needed and how many have signed up: what is not filled stands out."""
    event, access = await seen_event(database, member, event_id)
    if event.row.kind != Kind.VOLUNTEERING:
        raise Problem(404)
    return _overview(request, event, access, done=bool(done))


def _overview(
    request: Request, event: WholeEvent, access: Access, status: int = 200, *, done: bool = False, problem: str = ""
) -> Response:
    content, pages = content_of(event), request.app.state.pages
    may_edit = access.is_host and access.may(Right.EDIT) and event.row.state != State.CANCELLED
    context: dict[str, Any] = {"event": event, "content": content, "done": done, "problem": problem}
    context |= {"counts": access.sees(Scope.COUNTS), "may_edit": may_edit}
    context["new_id"] = uuid7
    context |= {"places": {one.id: one for one in event.places}, "roles": {role.id: role for role in content.roles}}
    answer: Response = pages.render(request, "shifts/shifts.html", status, **context, **wording(pages.reader(request)))
    return answer


@router.post(SHIFTS + "/remove/{part_id}")
async def remove(sent: SentDep, part_id: UUID) -> Response:
    """Takes a role or a shift of a draft away."""
    await _volunteering(sent.database, sent.member, sent.event_id)

    async def write(session: WriteSession) -> None:
        await commands.take_away(session, sent.member, sent.event_id, part_id, sent.now)

    return await _carried_out(sent, write)


@router.post(SHIFTS + "/hold")
async def hold(sent: SentDep) -> Response:
    """A postponed event takes place on the dates that its shifts have now; everybody is told."""
    event = await _volunteering(sent.database, sent.member, sent.event_id)
    content = content_of(event)

    async def write(session: WriteSession) -> None:
        zone, dates, version = content.time_zone, content.sessions, event.row.version
        await reschedule_event(session, sent.member, sent.event_id, zone, dates, version, sent.now)

    return await _carried_out(sent, write, {**REFUSALS, IncompleteError: NO_DATES})


async def _carried_out(sent: Sent, write: Write, refusals: dict[type[Exception], str] = REFUSALS) -> Response:
    """On to the overview; where nothing was written it says why."""
    try:
        async with sent.database.begin() as session:
            await write(session)
    except UnknownEventError:
        raise Problem(404) from None
    except tuple(refusals) as error:
        event, access = await seen_event(sent.database, sent.member, sent.event_id)
        return _overview(sent.request, event, access, 409, problem=refusals[type(error)])
    return sent.pages.redirect(f"/console/events/{sent.event_id}/shifts?done=1")


@router.get(ROLES + "/{role_id}")
async def role_page(
    request: Request, event_id: UUID, role_id: UUID, member: MemberDep, database: DatabaseDep
) -> Response:
    """The form of a role; of a new one under an id that nothing has yet."""
    event = await _volunteering(database, member, event_id)
    known = part_of(content_of(event), role_id)
    return _role_form(request, event, role_id, role_values(known if isinstance(known, RoleContent) else None))


@router.get(SHIFTS + "/{shift_id}")
async def shift_page(
    request: Request, event_id: UUID, shift_id: UUID, member: MemberDep, database: DatabaseDep, like: str = ""
) -> Response:
    """The form of a shift; of a new one under an id that nothing has yet, filled as another one is (`like`)."""
    event = await _volunteering(database, member, event_id)
    content = content_of(event)
    model = next((one for one in content.shifts if str(one.id) == like), None)
    known = part_of(content, shift_id) or model
    values = shift_values(known if isinstance(known, ShiftContent) else None, content.time_zone)
    return _shift_form(request, event, shift_id, values)


@router.post(ROLES + "/{role_id}")
async def save_role(sent: SentDep, role_id: UUID) -> Response:
    """Saves the role, or shows the form again with what was typed."""
    event = await _volunteering(sent.database, sent.member, sent.event_id)
    values, content = typed(sent.form), content_of(event)
    role, errors = read_role(values, role_id, content, sent.pages.reader(sent.request))
    errors = errors or await _saved(sent, role, values)
    return _role_form(sent.request, event, role_id, values, errors) if errors else _back(sent)


@router.post(SHIFTS + "/{shift_id}")
async def save_shift(sent: SentDep, shift_id: UUID) -> Response:
    """Saves the shift, or shows the form again with what was typed."""
    event = await _volunteering(sent.database, sent.member, sent.event_id)
    values, content = typed(sent.form), content_of(event)
    shift, errors = read_shift(values, shift_id, content, sent.pages.reader(sent.request))
    errors = errors or await _saved(sent, shift, values)
    return _shift_form(sent.request, event, shift_id, values, errors) if errors else _back(sent)


async def _saved(sent: Sent, part: Part | None, values: Values) -> FormErrors:
    """What stood in the way, if anything."""
    errors, reader = FormErrors(), sent.pages.reader(sent.request)
    if part is None:
        return errors
    try:
        async with sent.database.begin() as session:
            version = version_in(values.get("version"))
            await commands.write_part(session, sent.member, sent.event_id, part, version, sent.now)
    except UnknownEventError:
        raise Problem(404) from None
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False):
            errors.add("", explain(dict(found), reader))
    except tuple(REFUSALS) as error:
        errors.add("", reader.gettext(REFUSALS[type(error)]))
    return errors


def _back(sent: Sent) -> Response:
    return sent.pages.redirect(f"/console/events/{sent.event_id}/shifts?done=1")


def _role_form(
    request: Request, event: WholeEvent, role_id: UUID, values: Values, errors: FormErrors | None = None
) -> Response:
    values.languages = languages_of(content_of(event))
    return _form(request, "shifts/role.html", event, role_id, values, errors)


def _shift_form(
    request: Request, event: WholeEvent, shift_id: UUID, values: Values, errors: FormErrors | None = None
) -> Response:
    return _form(request, "shifts/shift.html", event, shift_id, values, errors)


def _form(
    request: Request, page: str, event: WholeEvent, part_id: UUID, values: Values, errors: FormErrors | None
) -> Response:
    if event.row.state == State.CANCELLED:
        raise Problem(409)
    content, pages = content_of(event), request.app.state.pages
    known = part_of(content, part_id) is not None
    context: dict[str, Any] = {"event": event, "content": content, "part_id": part_id, "known": known}
    context |= {
        "values": values,
        "errors": errors or FormErrors(),
        "part_labels": LABELS,
        "answer_hours": HOURS,
        "qualifications": NAMES,
    }
    context["version"] = values.get("version") or event.row.version
    answer: Response = pages.render(request, page, 422 if errors else 200, **context, **wording(pages.reader(request)))
    return answer
