"""The organisers' console: their events, and the form in which they write them."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.events.co_hosts.queries import open_invitations
from services.events.events.checking import IncompleteError, what_is_missing
from services.events.events.commands import (
    ChangedMeanwhileError,
    CodeTakenError,
    FixedFieldError,
    UnknownEventError,
    WrongStateError,
    create_event,
)
from services.events.events.describing import content_of
from services.events.events.drafting import EventContent
from services.events.events.form import Values, empty_values, read_content, typed_values, values_of, with_one_more
from services.events.events.merging import differences, merged
from services.events.events.model import TO_COME, State
from services.events.events.overview import Show, overview, searched_text
from services.events.events.queries import PAGE_SIZE, WholeEvent, event_by_id
from services.events.events.scheduling import known_zones
from services.events.events.wording import BADGES, FIELDS, KINDS, NEEDS, SHOWS, STATES, field_label, value_text
from services.events.series.model import SeriesRow
from services.events.series.queries import series_of_event
from services.events.series.rules import Rule
from services.events.series.spreading import Scope, Spread, edit_occurrences
from services.events.series.wording import sentence
from services.events.translations.queries import latest_proposals, open_in, translating
from services.events.translations.wording import STATES as TRANSLATION_STATES
from shared.auth.members import Member
from shared.auth.rights import Access, Right
from shared.auth.sign_in import MemberDep, now_of, require
from shared.database.engine import Database
from shared.i18n.catalogues import N_
from shared.i18n.languages import LANGUAGES
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors, request_key
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.reader import Reader
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

ZONES = sorted(zone for zone in known_zones() if zone.startswith("Europe/"))

CODE_TAKEN = N_("Another event has this code. Choose another one.")
FIXED = N_("This cannot be changed any more, because the event is published.")
CANCELLED = N_("This event is cancelled")
CANCELLED_TEXT = N_("A cancelled event cannot be changed any more.")


def wording(reader: Reader) -> dict[str, Any]:
    """What every template of the console needs to name things by."""
    return {
        "labels": FIELDS,
        "kinds": KINDS,
        "states": STATES,
        "badges": BADGES,
        "languages": list(LANGUAGES),
        "label_of": lambda field: field_label(field, reader),
        "value_of": lambda field, value: value_text(field, value, reader),
        "pick": lambda texts: pick(texts, reader.language),
    }


async def own_event(database: Database, member: Member, event_id: UUID, right: Right = Right.EDIT) -> WholeEvent:
    """An event of the member's organisations. Raises Problem: 404 for every other, 403 where the role is too small."""
    event, access = await seen_event(database, member, event_id)
    if not access.is_host:
        raise Problem(403, "role")
    require(access, right)
    return event


async def seen_event(database: Database, member: Member, event_id: UUID) -> tuple[WholeEvent, Access]:
    """An event that the member hosts or co-hosts, and what the member may do with it. Raises Problem 404."""
    async with database.read() as session:
        event = await event_by_id(session, event_id)
    if event is None:
        raise Problem(404)
    return event, require(event.access_of(member), Right.SEE)


@router.get("/console")
async def my_events(
    request: Request,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    show: str = "",
    q: str = "",
) -> Response:
    """The events that the member's organisations host and co-host, and what asks for something to be done."""
    now, search = now_of(request), searched_text(q)
    shown = Show(show) if show in list(Show) else Show.ALL
    async with database.read() as session:
        found = await overview(session, member, shown, search, page, now)
        invitations = await open_invitations(session, member.organisations_where(Right.EDIT))
    query = {name: value for name, value in (("q", search), ("show", shown.value)) if value not in {"", Show.ALL}}
    page_count = max(1, -(-found.total // PAGE_SIZE))
    context: dict[str, Any] = {"found": found, "page": page, "page_count": page_count, "now": now, "search": search}
    context |= {"show": shown, "shows": SHOWS, "needs": NEEDS, "query": urlencode(query)}
    context["invitations"] = invitations
    context["may_create"] = bool(member.organisations_where(Right.EDIT))
    return pages.render(request, "events/list.html", **context, **wording(pages.reader(request)))


@router.get("/console/events/new")
async def new_event(request: Request, member: MemberDep, pages: PagesDep) -> Response:
    """An empty form."""
    return _form_page(request, pages, empty_values(pages.reader(request).language), member=member)


@router.post("/console/events/new")
async def create(
    request: Request, member: MemberDep, form: FormDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """Makes a draft, or shows the form again with what was typed."""
    values = typed_values(form)
    if values.get("more"):
        return _form_page(request, pages, with_one_more(values), member=member)
    content, errors = read_content(values, pages.reader(request))
    if content is None:
        return _form_page(request, pages, values, errors, member=member)
    try:
        async with database.begin() as session:
            organisation_id = _chosen_organisation(member, values)
            key = request_key(form)
            event_id = await create_event(session, member, organisation_id, content, key, now_of(request))
    except CodeTakenError:
        return _form_page(request, pages, values, _error(request, "code", CODE_TAKEN), member=member)
    return pages.redirect(f"/console/events/{event_id}")


def _chosen_organisation(member: Member, values: Values) -> UUID:
    chosen = values.get("organisation")
    known = {str(organisation_id): organisation_id for organisation_id in member.organisations_where(Right.EDIT)}
    if not known:
        raise Problem(403, "role")
    if len(known) > 1 and chosen not in known:
        raise Problem(404)
    return known.get(chosen, next(iter(known.values())))


@router.get("/console/events/{event_id}")
async def event_page(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, done: str = ""
) -> Response:
    """One event: how it is, what it lacks, what can be done with it."""
    event, access = await seen_event(database, member, event_id)
    series = await _series_of(database, event_id)
    translations = await _translations_of(database, member, event)
    return show_event(request, pages, event, access, done=done, series=series, translations=translations)


async def _series_of(database: Database, event_id: UUID) -> SeriesRow | None:
    async with database.read() as session:
        return await series_of_event(session, event_id)


async def _translations_of(database: Database, member: Member, event: WholeEvent) -> dict[str, Any]:
    """What waits for the host, or how what the member's co-hosts proposed stands; nothing for anybody else."""
    mine, decides = translating(event, member), member.may(Right.EDIT, event.row.organisation_id)
    if not (mine or decides):
        return {}
    async with database.read() as session:
        proposals = await latest_proposals(session, event.row.id)
    own = [one for one in proposals.values() if one.row.organisation_id in mine]
    return {"translates": bool(mine), "waiting": open_in(proposals) if decides else [], "own": own}


def show_event(
    request: Request,
    pages: Pages,
    event: WholeEvent,
    access: Access,
    status: int = 200,
    *,
    done: str = "",
    problem: str = "",
    series: SeriesRow | None = None,
    translations: Mapping[str, Any] | None = None,
) -> Response:
    """The event's page; `done` names what has just been carried out, `problem` what stood in the way."""
    reader, now = pages.reader(request), now_of(request)
    missing = what_is_missing(content_of(event), now) if event.row.state == State.DRAFT else []
    context: dict[str, Any] = {"event": event, "missing": missing, "done": done, "problem": problem, "now": now}
    allowed = access.rights if access.is_host else frozenset()
    context |= {"series": series, "rule": sentence(Rule.parse(series.rule), reader) if series else ""}
    context |= {"translations": translations or {}, "translation_states": TRANSLATION_STATES}
    context |= {name: _number(request.query_params.get(name, "")) for name in ("others", "refused")}
    return pages.render(
        request, "events/event.html", status, access=access, allowed=allowed, **context, **wording(reader)
    )


@router.get("/console/events/{event_id}/edit")
async def edit_page(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, add: str = ""
) -> Response:
    """The form with what the event holds; `add` opens a block for one more language."""
    event = await own_event(database, member, event_id)
    _refuse_cancelled(request, pages, event)
    values = values_of(content_of(event))
    if await _series_of(database, event_id):
        values.texts["scope"] = Scope.THIS
    if add in LANGUAGES:
        values.texts["add_language"] = add
        values = with_one_more(values)
    return _form_page(request, pages, values, event=event)


@router.post("/console/events/{event_id}/edit")
async def edit(
    request: Request, event_id: UUID, member: MemberDep, form: FormDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """Saves the form, shows it again with what is wrong, or shows what somebody else changed meanwhile."""
    event = await own_event(database, member, event_id)
    _refuse_cancelled(request, pages, event)
    values = _with_fixed(typed_values(form), event)
    if values.get("more"):
        return _form_page(request, pages, with_one_more(values), event=event)
    content, errors = read_content(values, pages.reader(request), content_of(event))
    if content is None:
        return _form_page(request, pages, values, errors, event=event)
    return await _save(request, member, event, values, content)


async def _save(request: Request, member: Member, event: WholeEvent, values: Values, content: EventContent) -> Response:
    database, pages = request.app.state.database, request.app.state.pages
    version = version_in(values.get("version"))
    try:
        async with database.begin() as session:
            scope, now = Scope.of(values.get("scope")), now_of(request)
            spread = await edit_occurrences(session, member, event.row.id, content, version, scope, now)
    except ChangedMeanwhileError as meanwhile:
        return _meanwhile_page(request, pages, event, values, meanwhile)
    except (CodeTakenError, FixedFieldError, IncompleteError) as error:
        return _form_page(request, pages, values, _errors_of(request, error), event=event)
    except (UnknownEventError, WrongStateError):
        raise Problem(409) from None
    others = f"&others={spread.changed}&refused={spread.refused}" if spread != Spread() else ""
    answer: Response = pages.redirect(f"/console/events/{event.row.id}?done=saved{others}")
    return answer


def _number(typed: str) -> int:
    return int(typed) if typed.isdecimal() and len(typed) < 6 else 0


def version_in(typed: str) -> int:
    """The version of the event that the organiser saw; 0, which none has, where the form does not say."""
    return int(typed) if typed.isdecimal() and len(typed) < 19 else 0


def _with_fixed(values: Values, event: WholeEvent) -> Values:
    """What was typed, and what the form of a published event does not let anybody type."""
    if event.row.state not in TO_COME:
        return values
    fixed = values_of(content_of(event))
    dates = {name: text for name, text in fixed.texts.items() if name.startswith(("starts-", "ends-"))}
    same = {name: fixed.get(name) for name in ("code", "time_zone")}
    which = {"which_hour": values.get("which_hour") or fixed.get("which_hour")}
    return Values(values.texts | dates | same | which, values.lists, values.languages, fixed.dates)


def _meanwhile_page(
    request: Request, pages: Pages, event: WholeEvent, values: Values, meanwhile: ChangedMeanwhileError
) -> Response:
    """Field by field what the first one changed and what this one typed, with the two put together to be saved."""
    now = values_of(meanwhile.now)
    before = values_of(meanwhile.before) if meanwhile.before else now
    together = merged(before, now, values)
    context: dict[str, Any] = {
        "event": event,
        "differences": differences(before, now, values),
        "together": together,
        "version": meanwhile.version,
    }
    reader = pages.reader(request)
    return pages.render(request, "events/meanwhile.html", 409, **context, **wording(reader))


def _refuse_cancelled(request: Request, pages: Pages, event: WholeEvent) -> None:
    if event.row.state == State.CANCELLED:
        _ = pages.reader(request).gettext
        raise Problem(409, "event-cancelled", _(CANCELLED), _(CANCELLED_TEXT))


def _error(request: Request, field: str, message: str) -> FormErrors:
    errors = FormErrors()
    errors.add(field, request.app.state.pages.reader(request).gettext(message))
    return errors


def _errors_of(request: Request, error: CodeTakenError | FixedFieldError | IncompleteError) -> FormErrors:
    if isinstance(error, IncompleteError):
        errors = FormErrors()
        for part in error.missing:
            errors.add(part.field, request.app.state.pages.reader(request).gettext(part.message))
        return errors
    if isinstance(error, FixedFieldError):
        return _error(request, error.field, FIXED)
    return _error(request, "code", CODE_TAKEN)


def zone_options(values: Values) -> list[tuple[str, str]]:
    """The time zones to choose from: Europe's, and the one that the form has."""
    return [(zone, zone) for zone in sorted({*ZONES, values.get("time_zone")} & known_zones())]


def _form_page(
    request: Request,
    pages: Pages,
    values: Values,
    errors: Mapping[str, str] | None = None,
    *,
    event: WholeEvent | None = None,
    member: Member | None = None,
) -> Response:
    """The form, for a new event of the member or for one that there is."""
    unused = [code for code in LANGUAGES if code not in values.languages]
    context: dict[str, Any] = {"values": values, "errors": errors or {}, "event": event, "unused": unused}
    editable = member.organisations_where(Right.EDIT) if member else []
    if member and not editable:
        raise Problem(403, "role")
    organisations = [member.memberships[organisation_id] for organisation_id in editable] if member else []
    version = values.get("version") or (str(event.row.version) if event else "")
    status = 422 if errors else 200
    context |= {"organisations": organisations, "version": version, "zones": zone_options(values)}
    return pages.render(request, "events/form.html", status, **context, **wording(pages.reader(request)))
