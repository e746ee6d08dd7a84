"""The console's pages of series: repeat an event, see what is planned, change the rule, end it."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from services.events.events.checking import IncompleteError, what_is_missing
from services.events.events.commands import UnknownEventError, WrongStateError
from services.events.events.describing import content_of
from services.events.events.drafting import Reasons
from services.events.events.duplicating import moved
from services.events.events.form import Values
from services.events.events.model import State
from services.events.events.pages import own_event, wording
from services.events.events.queries import WholeEvent
from services.events.series.changing import (
    Change,
    Confirmed,
    Fate,
    OtherPlanError,
    Plan,
    SeriesEndedError,
    change_series,
    plan_change,
)
from services.events.series.commands import InSeriesError, UnknownSeriesError, begin_series, end_series
from services.events.series.form import MOST_SKIPPED, first_values, read_terms, read_times, typed_values, values_of
from services.events.series.planning import Planned, Terms, Window, first_day, planned
from services.events.series.queries import Series, series_by_id, series_of_event
from services.events.series.rules import NTHS
from services.events.series.wording import NTH_SHORT, day_text, sentence, titles_of, weekday_name
from services.events.settings import EventsSettings
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, now_of
from shared.database.engine import Database
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep, FormDep
from shared.web.forms import FormErrors, request_key
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.validation import explain

router = APIRouter(include_in_schema=False)


NO_DATES = N_("This rule has no date that is still to come.")
CONFIRM = N_("Tick the box to say that you mean it.")
REASON = N_("Say why these dates do not take place.")
MOST_SHOWN = 12


def window_of(settings: EventsSettings) -> Window:
    """How far ahead this installation makes the events of a series."""
    return Window(settings.series_ahead, settings.series_at_least)


@router.get("/console/events/{event_id}/repeat")
async def repeat_page(request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep) -> Response:
    """The rule to choose: every week on the event's weekday, and what that would be."""
    event = await own_event(database, member, event_id)
    async with database.read() as session:
        series = await series_of_event(session, event_id)
    if series is not None:
        return _to(request, series.id)
    content = _repeatable(event)
    return _repeat(request, event, first_values(content, first_day(content)))


@router.post("/console/events/{event_id}/repeat")
async def repeat(request: Request, event_id: UUID, member: MemberDep, form: FormDep, database: DatabaseDep) -> Response:
    """Shows the dates of the rule that was typed; begins the series once they were seen."""
    event = await own_event(database, member, event_id)
    first, values = first_day(_repeatable(event)), typed_values(form)
    if values.get("more") == "skip":
        return _repeat(request, event, _one_more(values))
    terms, errors = read_terms(values, first, request.app.state.pages.reader(request))
    if terms is None or values.get("more") == "dates" or values.get("shown") != _key(terms):
        return _repeat(request, event, values, errors)
    key, now = request_key(form), now_of(request)
    try:
        async with database.begin() as session:
            window = window_of(request.app.state.settings)
            series_id = await begin_series(session, member, event_id, terms, key, window, now)
    except InSeriesError as earlier:
        return _to(request, earlier.series_id)
    except (UnknownEventError, WrongStateError, IncompleteError):
        raise Problem(409) from None
    return _to(request, series_id, "begun")


@router.get("/console/series/{series_id}")
async def series_page(
    request: Request, series_id: UUID, member: MemberDep, database: DatabaseDep, done: str = ""
) -> Response:
    """The rule, and the events that it has made so far."""
    series = await own_series(database, member, series_id, Right.SEE)
    return _series(request, member, series, done=done)


@router.get("/console/series/{series_id}/edit")
async def edit_page(request: Request, series_id: UUID, member: MemberDep, database: DatabaseDep) -> Response:
    """The rule as it is, to be changed."""
    series = await _going_on(database, member, series_id)
    return _edit(request, series, values_of(_terms(series), series.content))


@router.post("/console/series/{series_id}/edit")
async def edit(request: Request, series_id: UUID, member: MemberDep, form: FormDep, database: DatabaseDep) -> Response:
    """Shows what the change would do to each event; does that once the organiser has confirmed it."""
    series = await _going_on(database, member, series_id)
    reader, values = request.app.state.pages.reader(request), typed_values(form)
    if values.get("more") == "skip":
        return _edit(request, series, _one_more(values))
    terms, errors = read_terms(values, series.row.first_date, reader)
    content = read_times(values, series.content, reader, errors)
    if terms is None or errors:
        return _edit(request, series, values, errors)
    now, window, change = now_of(request), window_of(request.app.state.settings), Change(terms, content)
    plan = plan_change(series, change, window, now)
    reason = _ask_for(request, plan, values, errors)
    if errors or values.get("more") == "dates" or values.get("shown") != plan.digest:
        seen = values.get("more") != "dates" and values.get("shown") == plan.digest
        return _edit(request, series, values, errors if seen else FormErrors())
    try:
        async with database.begin() as session:
            confirmed = Confirmed(plan.digest, reason)
            await change_series(session, member, series_id, change, confirmed, window, now)
    except OtherPlanError:
        return _edit(request, await _going_on(database, member, series_id), values)
    except (UnknownSeriesError, SeriesEndedError):
        raise Problem(409) from None
    return _to(request, series_id, "changed")


@router.post("/console/series/{series_id}/end")
async def end(request: Request, series_id: UUID, member: MemberDep, form: FormDep, database: DatabaseDep) -> Response:
    """Ends the series, if the organiser has confirmed it."""
    series = await own_series(database, member, series_id, Right.EDIT)
    errors = FormErrors()
    if form.get("confirmed") != "yes":
        errors.add("confirmed", request.app.state.pages.reader(request).gettext(CONFIRM))
        return _series(request, member, series, errors)
    async with database.begin() as session:
        await end_series(session, member, series_id, now_of(request))
    return _to(request, series_id, "ended")


async def own_series(database: Database, member: Member, series_id: UUID, right: Right) -> Series:
    """A series of the member's organisations. Raises Problem: 404 for every other, 403 where the role is too small."""
    async with database.read() as session:
        series = await series_by_id(session, series_id)
    if series is None or not member.belongs_to(series.row.organisation_id):
        raise Problem(404)
    if not member.may(right, series.row.organisation_id):
        raise Problem(403, "role")
    return series


async def _going_on(database: Database, member: Member, series_id: UUID) -> Series:
    series = await own_series(database, member, series_id, Right.EDIT)
    if series.row.ended_at is not None:
        raise Problem(409)
    return series


def _repeatable(event: WholeEvent) -> Any:
    """What the events of its series would say. Raises Problem 409 for an event that nothing can be made from."""
    content = content_of(event)
    if event.row.state not in {State.DRAFT, State.PUBLISHED} or not content.sessions or content.shifts:
        raise Problem(409)
    return moved(content, 0)


def _one_more(values: Values) -> Values:
    values.dates = min(MOST_SKIPPED, values.dates + 1)
    return values


def _terms(series: Series) -> Terms:
    return Terms(series.rule, frozenset(series.row.skipped), publishes=series.row.publishes)


def _key(terms: Terms) -> str:
    """The same for the same dates: what was shown is what is made."""
    return " ".join([terms.rule.text(), *(day.isoformat() for day in sorted(terms.skipped))])


def _ask_for(request: Request, plan: Plan, values: Values, errors: FormErrors) -> str:
    """What the organiser has to say where events change: that it is meant, and why some do not take place: returned."""
    reader, reason = request.app.state.pages.reader(request), ""
    try:
        reason = Reasons.model_validate({"reason": {"de": values.get("reason")}}).reason["de"]
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False):
            errors.add("reason", explain(cast("Mapping[str, Any]", found), reader))
    if plan.of(Fate.CANCELLED) and not reason:
        errors.add("reason", reader.gettext(REASON))
    if any(one.fate is not Fate.KEPT for one in plan.judged) and values.get("confirmed") != "yes":
        errors.add("confirmed", reader.gettext(CONFIRM))
    return reason


def _to(request: Request, series_id: UUID, done: str = "") -> Response:
    query = f"?done={done}" if done else ""
    answer: Response = request.app.state.pages.redirect(f"/console/series/{series_id}{query}")
    return answer


def _around(request: Request) -> dict[str, Any]:
    """What the pages of series name things by."""
    reader = request.app.state.pages.reader(request)
    weekdays = [(str(day), weekday_name(day, reader.language)) for day in range(7)]
    nths = [(str(nth), reader.gettext(NTH_SHORT[nth])) for nth in NTHS]
    words = {"sentence": lambda rule: sentence(rule, reader), "day_text": lambda day: day_text(day, reader.language)}
    return wording(reader) | words | {"weekdays": weekdays, "nths": nths, "titles_of": titles_of}


def _repeat(request: Request, event: WholeEvent, values: Values, errors: FormErrors | None = None) -> Response:
    pages: Pages = request.app.state.pages
    reader, now, content = pages.reader(request), now_of(request), _repeatable(event)
    first = first_day(content)
    terms = None if errors else read_terms(values, first, reader).terms
    dates = _dates(request, terms, content) if terms else []
    errors = errors or FormErrors()
    if terms and not dates:
        errors.add("frequency", reader.gettext(NO_DATES))
    context: dict[str, Any] = {"event": event, "values": values, "errors": errors, "terms": terms, "dates": dates}
    context |= {"shown": _key(terms) if dates and terms else "", "first": first, "content": content}
    context |= {"begins_with_it": bool(terms and next(iter(terms.rule.days(first)), None) == first)}
    context |= {"missing": what_is_missing(dates[0].content, now) if dates else []}
    return pages.render(request, "series/repeat.html", 422 if errors else 200, **context, **_around(request))


def _dates(request: Request, terms: Terms, content: Any) -> list[Planned]:
    window, now = window_of(request.app.state.settings), now_of(request)
    return planned(terms.rule, content, first_day(content), terms.skipped, now, window)[:MOST_SHOWN]


def _series(
    request: Request, member: Member, series: Series, errors: FormErrors | None = None, done: str = ""
) -> Response:
    pages: Pages = request.app.state.pages
    now = now_of(request)
    shown = [one for one in series.occurrences if not one.event.is_over(now)]
    may_edit = member.may(Right.EDIT, series.row.organisation_id)
    context: dict[str, Any] = {"series": series, "occurrences": shown, "done": done, "may_edit": may_edit, "now": now}
    status = 422 if errors else 200
    return pages.render(
        request, "series/series.html", status, values={}, errors=errors or {}, **context, **_around(request)
    )


def _edit(request: Request, series: Series, values: Values, errors: FormErrors | None = None) -> Response:
    pages: Pages = request.app.state.pages
    reader, now = pages.reader(request), now_of(request)
    read = read_terms(values, series.row.first_date, reader)
    problems = read.errors
    content = read_times(values, series.content, reader, problems)
    plan = None
    if read.terms and not problems:
        plan = plan_change(series, Change(read.terms, content), window_of(request.app.state.settings), now)
    shown_errors = errors or (problems if values.get("more") != "skip" else FormErrors())
    context: dict[str, Any] = {"series": series, "values": values, "errors": shown_errors, "plan": plan, "Fate": Fate}
    context |= {"fates": list(plan.judged) if plan else [], "shown": plan.digest if plan else ""}
    context |= {"asks": bool(plan and any(one.fate is not Fate.KEPT for one in plan.judged))}
    return pages.render(request, "series/edit.html", 422 if shown_errors else 200, **context, **_around(request))
