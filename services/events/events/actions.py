"""The console's actions on an event: publish, move, postpone, cancel, each asked about before it is done; duplicate."""

from collections.abc import Collection, Mapping
from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.datastructures import FormData

from services.events.events.cancelling import cancel_event
from services.events.events.checking import IncompleteError
from services.events.events.commands import ChangedMeanwhileError, UnknownEventError, WrongStateError
from services.events.events.describing import content_of
from services.events.events.drafting import Reasons
from services.events.events.duplicating import MOST_WEEKS, duplicate_event
from services.events.events.form import Values, read_sessions, typed_values, values_of, with_one_more
from services.events.events.model import TO_COME, State
from services.events.events.pages import own_event, seen_event, show_event, version_in, wording, zone_options
from services.events.events.postponing import postpone_event
from services.events.events.publishing import publish_event
from services.events.events.queries import WholeEvent
from services.events.events.rescheduling import reschedule_event
from services.events.events.scheduling import TimeFarError
from shared.auth.sign_in import MemberDep, now_of
from shared.contracts.base import LocalizedText
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors, request_key
from shared.web.problem import Problem
from shared.web.validation import explain

router = APIRouter(include_in_schema=False)


MEANWHILE = N_("Somebody changed this event a moment ago. Look at it as it is now, then do this again.")
NOT_COMPLETE = N_("Something is still missing. The list below says what.")
HOW_FAR = N_("Write a number of weeks from 1 to 520.")
CONFIRM = N_("Tick the box to say that you mean it.")


@router.post("/console/events/{event_id}/publish")
async def publish(
    request: Request, event_id: UUID, member: MemberDep, form: FormDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """Publishes the event as the organiser saw it."""
    problem = ""
    try:
        async with database.begin() as session:
            await publish_event(session, member, event_id, version_of(form), now_of(request))
    except UnknownEventError:
        raise Problem(404) from None
    except WrongStateError:
        raise Problem(409) from None
    except ChangedMeanwhileError:
        problem = MEANWHILE
    except IncompleteError:
        problem = NOT_COMPLETE
    if problem:
        event, access = await seen_event(database, member, event_id)
        return show_event(request, pages, event, access, 409, problem=problem)
    return pages.redirect(f"/console/events/{event_id}?done=published")


@router.get("/console/events/{event_id}/reschedule")
async def reschedule_page(request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep) -> Response:
    """The dates, to be changed."""
    event = await own_event(database, member, event_id)
    _refuse_unless(event, TO_COME)
    if event.row.shifts:
        return _to_shifts(request, event_id)
    return _dates_page(request, event, values_of(content_of(event)))


def _to_shifts(request: Request, event_id: UUID) -> Response:
    """Shifts are moved one by one, on their own page."""
    return cast("Response", request.app.state.pages.redirect(f"/console/events/{event_id}/shifts"))


@router.post("/console/events/{event_id}/reschedule")
async def reschedule(
    request: Request, event_id: UUID, member: MemberDep, form: FormDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """Moves the event, if the organiser has confirmed it."""
    event = await own_event(database, member, event_id)
    _refuse_unless(event, TO_COME)
    if event.row.shifts:
        return _to_shifts(request, event_id)
    values, errors, reader = typed_values(form), FormErrors(), pages.reader(request)
    if values.get("more"):
        return _dates_page(request, event, with_one_more(values))
    zone, sessions = read_sessions(values, reader, errors)
    _ask_to_confirm(request, values, errors)
    if errors:
        return _dates_page(request, event, values, errors)
    try:
        async with database.begin() as session:
            await reschedule_event(session, member, event_id, zone, sessions, version_of(form), now_of(request))
    except (ChangedMeanwhileError, IncompleteError, WrongStateError) as error:
        _explain(request, error, errors)
        return _dates_page(request, await own_event(database, member, event_id), values, errors)
    return pages.redirect(f"/console/events/{event_id}?done=rescheduled")


@router.get("/console/events/{event_id}/cancel")
async def cancel_page(request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep) -> Response:
    """Asks for the reason, and whether the organiser means it."""
    event = await own_event(database, member, event_id)
    _refuse_unless(event, TO_COME)
    return _action_page(request, "events/cancel.html", event, Values())


@router.post("/console/events/{event_id}/cancel")
async def cancel(
    request: Request, event_id: UUID, member: MemberDep, form: FormDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """Cancels the event, if the organiser has confirmed it."""
    event = await own_event(database, member, event_id)
    values, errors = typed_values(form), FormErrors()
    _ask_to_confirm(request, values, errors)
    reasons = _read_reasons(request, values, "reason", event, errors)
    if errors:
        return _action_page(request, "events/cancel.html", event, values, errors)
    try:
        async with database.begin() as session:
            await cancel_event(session, member, event_id, reasons, version_of(form), now_of(request))
    except WrongStateError:
        raise Problem(409) from None
    except (ChangedMeanwhileError, IncompleteError) as error:
        _explain(request, error, errors)
        event = await own_event(database, member, event_id)
        return _action_page(request, "events/cancel.html", event, values, errors)
    return pages.redirect(f"/console/events/{event_id}?done=cancelled")


@router.get("/console/events/{event_id}/postpone")
async def postpone_page(request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep) -> Response:
    """Says what happens, asks for the reason if the organiser wants to give one, and whether it is meant."""
    event = await own_event(database, member, event_id)
    _refuse_unless(event, {State.PUBLISHED})
    return _action_page(request, "events/postpone.html", event, Values())


@router.post("/console/events/{event_id}/postpone")
async def postpone(
    request: Request, event_id: UUID, member: MemberDep, form: FormDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """Postpones the event, if the organiser has confirmed it."""
    event = await own_event(database, member, event_id)
    values, errors = typed_values(form), FormErrors()
    _ask_to_confirm(request, values, errors)
    reasons = _read_reasons(request, values, "postponed", event, errors)
    if errors:
        return _action_page(request, "events/postpone.html", event, values, errors)
    try:
        async with database.begin() as session:
            await postpone_event(session, member, event_id, reasons, version_of(form), now_of(request))
    except WrongStateError:
        raise Problem(409) from None
    except ChangedMeanwhileError as error:
        _explain(request, error, errors)
        event = await own_event(database, member, event_id)
        return _action_page(request, "events/postpone.html", event, values, errors)
    return pages.redirect(f"/console/events/{event_id}?done=postponed")


@router.get("/console/events/{event_id}/duplicate")
async def duplicate_page(request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep) -> Response:
    """Asks which dates the copy should have."""
    event = await own_event(database, member, event_id)
    return _action_page(request, "events/duplicate.html", event, Values({"dates": "none", "weeks": "4"}))


@router.post("/console/events/{event_id}/duplicate")
async def duplicate(
    request: Request, event_id: UUID, member: MemberDep, form: FormDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """Makes the copy, a draft, and opens its form."""
    event = await own_event(database, member, event_id)
    values, errors = typed_values(form), FormErrors()
    weeks = _read_weeks(request, values, errors)
    if errors:
        return _action_page(request, "events/duplicate.html", event, values, errors)
    try:
        async with database.begin() as session:
            copy_id = await duplicate_event(session, member, event_id, weeks, request_key(form), now_of(request))
    except TimeFarError:
        errors.add("weeks", pages.reader(request).gettext(HOW_FAR))
        return _action_page(request, "events/duplicate.html", event, values, errors)
    return pages.redirect(f"/console/events/{copy_id}/edit")


def _read_weeks(request: Request, values: Values, errors: FormErrors) -> int | None:
    """By how many weeks the copy's dates are later; None for a copy without dates."""
    if values.get("dates") != "later":
        return None
    typed = values.get("weeks")
    weeks = int(typed) if typed.isdecimal() and len(typed) < 5 else 0
    if not 1 <= weeks <= MOST_WEEKS:
        errors.add("weeks", request.app.state.pages.reader(request).gettext(HOW_FAR))
    return weeks


def _read_reasons(request: Request, values: Values, name: str, event: WholeEvent, errors: FormErrors) -> LocalizedText:
    """What was typed as the reason, in each language of the event; what is wrong with a text joins the errors."""
    typed = {language: values.get(f"{name}-{language}") for language in event.words}
    try:
        return Reasons.model_validate({"reason": typed}).reason
    except ValidationError as error:
        reader = request.app.state.pages.reader(request)
        for found in error.errors(include_url=False, include_input=False):
            errors.add(f"{name}-{found['loc'][1]}", explain(cast("Mapping[str, Any]", found), reader))
        return {}


def version_of(form: FormData) -> int:
    """The version of the event that the organiser saw."""
    return version_in(str(form.get("version", "")))


def _refuse_unless(event: WholeEvent, states: Collection[State]) -> None:
    if event.row.state not in states:
        raise Problem(409)


def _ask_to_confirm(request: Request, values: Values, errors: FormErrors) -> None:
    if values.get("confirmed") != "yes":
        errors.add("confirmed", request.app.state.pages.reader(request).gettext(CONFIRM))


def _explain(request: Request, error: Exception, errors: FormErrors) -> None:
    _ = request.app.state.pages.reader(request).gettext
    if isinstance(error, IncompleteError):
        for part in error.missing:
            errors.add(part.field, _(part.message))
    else:
        errors.add("", _(MEANWHILE))


def _dates_page(
    request: Request, event: WholeEvent, values: Values, errors: Mapping[str, str] | None = None
) -> Response:
    return _action_page(request, "events/reschedule.html", event, values, errors, zones=zone_options(values))


def _action_page(
    request: Request,
    template: str,
    event: WholeEvent,
    values: Values,
    errors: Mapping[str, str] | None = None,
    **context: Any,
) -> Response:
    pages = request.app.state.pages
    context |= {"event": event, "values": values, "errors": errors or {}, **wording(pages.reader(request))}
    answer: Response = pages.render(request, template, 422 if errors else 200, **context)
    return answer
