"""Posters and hand-outs of an event: what to print, and the PDF. Whoever sees the event in the console may print it."""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.events.events.model import State
from services.events.events.pages import seen_event, wording
from services.events.events.queries import WholeEvent
from services.events.posters.inputs import Format, languages_of, poster
from services.events.programme.pages import event_url
from shared.auth.sign_in import MemberDep, now_of
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep, PagesDep
from shared.typesetting.compiling import BusyError, typeset
from shared.web.forms import FormErrors
from shared.web.pages import Pages
from shared.web.problem import Problem

router = APIRouter(include_in_schema=False)

TEMPLATE = Path(__file__).parent / "templates" / "poster.typ"
FORMATS = {
    Format.POSTER_A4: N_("Poster, A4"),
    Format.POSTER_A3: N_("Poster, A3"),
    Format.HANDOUT_A5: N_("Hand-outs, A5, two on a page of A4"),
    Format.HANDOUT_A6: N_("Hand-outs, A6, four on a page of A4"),
}
BAD_FORMAT = N_("Choose one of the answers.")
BAD_LANGUAGE = N_("Choose one of the languages.")
NOT_PUBLISHED = N_("This event is not published")
NOT_PUBLISHED_TEXT = N_("A poster leads people to the event’s page, so publish the event first.")

Chosen = Annotated[str, Query(max_length=100)]


@router.get("/console/events/{event_id}/posters")
async def posters_page(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """What can be printed, in which languages."""
    event, _access = await seen_event(database, member, event_id)
    _refuse_unpublished(request, pages, event)
    return _choice(request, pages, event, {"format": Format.POSTER_A4.value, "language": languages_of(event)[0]})


@router.get("/console/events/{event_id}/posters.pdf")
async def poster_pdf(
    request: Request,
    event_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    chosen_format: Annotated[str, Query(alias="format", max_length=100)] = Format.POSTER_A4.value,
    language: Chosen = "",
    second: Chosen = "",
) -> Response:
    """The PDF, or the choice again where it cannot be read. The same language twice is one language."""
    event, _access = await seen_event(database, member, event_id)
    _refuse_unpublished(request, pages, event)
    values = {"format": chosen_format, "language": language or languages_of(event)[0], "second": second}
    if errors := _errors(request, pages, event, values):
        return _choice(request, pages, event, values, errors)
    languages = list(dict.fromkeys(code for code in (values["language"], second) if code))
    sheet = poster(
        event,
        Format(chosen_format),
        languages,
        url=event_url(pages, event),
        sms_number=request.app.state.settings.sms_number,
        now=now_of(request),
    )
    try:
        content = await typeset(TEMPLATE, sheet)
    except BusyError:
        raise Problem(503, headers={"retry-after": "30"}) from None
    name = "-".join([event.row.code, chosen_format, *languages])
    headers = {"content-disposition": f'attachment; filename="{name}.pdf"', "cache-control": "no-store"}
    return Response(content, media_type="application/pdf", headers=headers)


def _refuse_unpublished(request: Request, pages: Pages, event: WholeEvent) -> None:
    if event.row.state != State.PUBLISHED:
        _ = pages.reader(request).gettext
        raise Problem(409, "event-not-published", _(NOT_PUBLISHED), _(NOT_PUBLISHED_TEXT))


def _errors(request: Request, pages: Pages, event: WholeEvent, values: dict[str, str]) -> FormErrors:
    errors, offered = FormErrors(), languages_of(event)
    _ = pages.reader(request).gettext
    if values["format"] not in set(Format):
        errors.add("format", _(BAD_FORMAT))
    for field in ("language", "second"):
        if values[field] and values[field] not in offered:
            errors.add(field, _(BAD_LANGUAGE))
    return errors


def _choice(
    request: Request, pages: Pages, event: WholeEvent, values: dict[str, str], errors: FormErrors | None = None
) -> Response:
    reader = pages.reader(request)
    context: dict[str, Any] = {"event": event, "values": values, "errors": errors or {}, "offered": languages_of(event)}
    context["formats"] = [(kind.value, reader.gettext(label)) for kind, label in FORMATS.items()]
    return pages.render(request, "posters/choice.html", 422 if errors else 200, **context, **wording(reader))
