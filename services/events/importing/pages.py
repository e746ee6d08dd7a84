"""The console's import: choose a list or a calendar, see what will happen row by row, confirm."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.events.events.commands import UnknownEventError
from services.events.events.form import Values
from services.events.events.pages import wording, zone_options
from services.events.importing.commands import UnknownImportError, carry_out, keep_import
from services.events.importing.composing import Entry, entries_of
from services.events.importing.fetching import FetchError, fetch
from services.events.importing.form import LENGTHS, ORDERS, Wanted, empty_values, read_wanted, typed_values
from services.events.importing.found import Reason, Source, SourceError
from services.events.importing.planning import Step
from services.events.importing.queries import import_of, may_import_for
from services.events.importing.reading import read_source
from services.events.importing.wording import BADGES, STEPS, STEPS_DONE
from shared.auth.members import Member
from shared.auth.sign_in import MemberDep, now_of
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import request_key, takes_a_file
from shared.web.limits import Limit
from shared.web.pages import Pages
from shared.web.problem import Problem

router = APIRouter(include_in_schema=False)

FETCHES = Limit("import-fetches", 30, timedelta(hours=1))


@router.get("/console/imports/new")
async def new_import(request: Request, member: MemberDep, pages: PagesDep) -> Response:
    """The form."""
    return _form_page(request, pages, member, empty_values(pages.reader(request).language))


@router.post("/console/imports/new", dependencies=[Depends(takes_a_file)])
async def read(request: Request, member: MemberDep, form: FormDep, database: DatabaseDep, pages: PagesDep) -> Response:
    """Reads what was chosen and leads to the preview, or shows the form again with what is wrong."""
    values, reader = typed_values(form), pages.reader(request)
    organisation_id = _chosen_organisation(member, values)
    wanted, errors = await read_wanted(form, values, organisation_id, reader)
    await form.close()
    if wanted is None:
        return _form_page(request, pages, member, values, errors)
    try:
        source = await _source(request, member, wanted)
    except (FetchError, SourceError) as error:
        reason = error.reason if isinstance(error, SourceError) else Reason(error.message, error.values)
        field = "address" if wanted.address else "pasted" if values["pasted"] else "file"
        errors.add(field, reader.gettext(reason.message, **reason.values))
        return _form_page(request, pages, member, values, errors)
    entries = entries_of(source, wanted.defaults)
    try:
        async with database.begin() as session:
            import_id = await keep_import(
                session, member, organisation_id, entries, source.left_out, request_key(form), now_of(request)
            )
    except UnknownEventError:
        raise Problem(404) from None
    return pages.redirect(f"/console/imports/{import_id}")


async def _source(request: Request, member: Member, wanted: Wanted) -> Source:
    """What was chosen, read. Raises SourceError, FetchError, TooManyTriesError."""
    content = wanted.content
    if wanted.address:
        async with request.app.state.database.begin() as session:
            await request.app.state.limits.count(session, now_of(request), (FETCHES, str(member.person_id)))
        content = await fetch(wanted.address, allow_local=request.app.state.settings.import_from_here)
    # Half a second of work for the largest file: other requests go on meanwhile.
    return await asyncio.to_thread(read_source, content, wanted.defaults, now_of(request))


def _chosen_organisation(member: Member, values: Mapping[str, str]) -> UUID:
    known = {str(organisation_id): organisation_id for organisation_id in _organisations(member)}
    if len(known) > 1 and values["organisation"] not in known:
        raise Problem(404)
    return known.get(values["organisation"], next(iter(known.values())))


def _organisations(member: Member) -> list[UUID]:
    organisations = may_import_for(member)
    if not organisations:
        raise Problem(403, "role")
    return organisations


@router.get("/console/imports/{import_id}")
async def preview(
    request: Request, import_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """What will happen with each row; once it is done, what has."""
    async with database.read() as session:
        found = await import_of(session, member, import_id)
    if found is None:
        raise Problem(404)
    reader = pages.reader(request)
    words = wording(reader)

    def reason_text(reason: Reason) -> str:
        text = reader.gettext(reason.message, **reason.values)
        if not reason.field:
            return text
        label = words["label_of"](reason.field)
        return reader.gettext("%(field)s: %(reason)s", field=label, reason=text)

    context: dict[str, Any] = {
        "import_": found,
        "steps": STEPS_DONE if found.row.done_at else STEPS,
        "step_badges": BADGES,
        "Step": Step,
        "reason_text": reason_text,
        "title_of": _title,
    }
    return pages.render(request, "importing/import.html", **context, **words)


def _title(entry: Entry) -> str:
    return entry.content.words[entry.content.main_language].title if entry.content else entry.title


@router.post("/console/imports/{import_id}")
async def confirm(
    request: Request, import_id: UUID, member: MemberDep, _form: FormDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """Makes the events; doing it again changes nothing."""
    try:
        async with database.begin() as session:
            await carry_out(session, member, import_id, now_of(request))
    except (UnknownImportError, UnknownEventError):
        raise Problem(404) from None
    return pages.redirect(f"/console/imports/{import_id}")


def _form_page(
    request: Request,
    pages: Pages,
    member: Member,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> Response:
    allowed = _organisations(member)
    reader = pages.reader(request)
    context: dict[str, Any] = {
        "values": values,
        "errors": errors or {},
        "organisations": [member.memberships[organisation_id] for organisation_id in allowed],
        "zones": zone_options(Values({"time_zone": values.get("time_zone", "")})),
        "lengths": LENGTHS,
        "orders": ORDERS,
    }
    return pages.render(request, "importing/form.html", 422 if errors else 200, **context, **wording(reader))
