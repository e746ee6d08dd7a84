"""The registration form, and what it answers."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.consents.queries import co_hosts_of
from services.registrations.events.queries import Offer, offer_of
from services.registrations.registrations.admission import (
    Admitted,
    AlreadyRegistered,
    Decision,
    Refusal,
    Refused,
    Wish,
)
from services.registrations.registrations.form import AT_MOST, chosen_channel, read_wish, share_names
from services.registrations.registrations.limits import count_wish
from services.registrations.registrations.reminders import remind
from services.registrations.registrations.writer import AdmissionWriter
from shared.i18n.catalogues import N_
from shared.i18n.languages import LANGUAGES
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors, request_key
from shared.web.limits import TooManyTriesError
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.problems import TEXTS
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

NOT_HERE = N_("This event is not here")
NOT_HERE_TEXT = N_("It may have been published just now. Wait a moment, then load this page again.")


async def offered(request: Request, event_id: UUID) -> Offer:
    """The event that the path names. Raises Problem 404."""
    async with request.app.state.database.read() as session:
        offer = await offer_of(session, event_id)
    if offer is None:
        _ = request.app.state.pages.reader(request).gettext
        raise Problem(404, "event-unknown", _(NOT_HERE), _(NOT_HERE_TEXT))
    return offer


def about(request: Request, offer: Offer) -> dict[str, Any]:
    """What every page about an event shows of it."""
    language = request.app.state.pages.reader(request).language
    return {
        "offer": offer,
        "event": offer.event,
        "title": pick(offer.event.title, language),
        "session": offer.event.sessions[0],
        "settings": request.app.state.settings,
    }


@router.get("/registrations/new/{event_id}")
async def form_page(request: Request, event_id: UUID, pages: PagesDep) -> Response:
    """The form, or why there is none."""
    offer = await offered(request, event_id)
    now = datetime.now(UTC)
    if offer.cancelled or offer.postponed or offer.closed(now) or offer.not_open_yet(now):
        return pages.render(request, "registrations/closed.html", now=now, **about(request, offer))
    if offer.event.shifts:
        return pages.redirect(f"/registrations/shifts/{event_id}")
    values = {"party_size": "1", "language": pages.reader(request).language}
    return await _form(request, pages, offer, values, FormErrors())


async def _form(request: Request, pages: Pages, offer: Offer, values: dict[str, str], errors: FormErrors) -> Response:
    """The form with what was typed; the field of the chosen way of contact is the one that is seen."""
    shown = values | {"channel": chosen_channel(values) or ""}
    status = 422 if errors else 200
    page = "registrations/new.html"
    async with request.app.state.database.read() as session:
        hosts = await co_hosts_of(session, offer.event)
    context = about(request, offer) | {"values": shown, "errors": errors, "languages": language_options()}
    context |= {"co_hosts": hosts, "share_names": share_names(offer.event)}
    return pages.render(request, page, status, personal=bool(errors), **context)


async def _form_later(
    request: Request, pages: Pages, offer: Offer, values: dict[str, str], error: TooManyTriesError
) -> Response:
    """The form as it was filled in, to be sent again after a while."""
    errors = FormErrors()
    errors.add("", pages.reader(request).gettext(TEXTS[429][1]))
    answer = await _form(request, pages, offer, values, errors)
    answer.status_code = error.status_code
    answer.headers.update(error.headers or {})
    return answer


def language_options() -> list[tuple[str, str, str]]:
    """The languages to choose from, each by its own name."""
    return [(code, language.endonym, code) for code, language in LANGUAGES.items()]


@router.post("/registrations/new/{event_id}")
async def register(
    request: Request,
    event_id: UUID,
    pages: PagesDep,
    database: DatabaseDep,
    form: FormDep,
) -> Response:
    """Decide at once, and lead to the page of what came of it."""
    offer = await offered(request, event_id)
    if offer.event.shifts:
        return pages.redirect(f"/registrations/shifts/{event_id}")
    key = request_key(form)
    values = {name: str(value) for name, value in form.items()}
    reader = pages.reader(request)
    wish, errors = read_wish(values, key, request.app.state.settings, offer.event, reader)
    if wish is None:
        return await _form(request, pages, offer, values, errors)
    try:
        await count_wish(request, wish)
    except TooManyTriesError as error:
        return await _form_later(request, pages, offer, values, error)
    writer: AdmissionWriter = request.app.state.writer
    decision = await writer.submit(offer.pool.id, wish)
    if isinstance(decision, Refused) and decision.reason is Refusal.PARTY_TOO_LARGE:
        errors.add("party_size", reader.gettext(AT_MOST, largest=decision.largest_party))
        return await _form(request, pages, offer, values, errors)
    if isinstance(decision, AlreadyRegistered):
        state = request.app.state
        await remind(database, state.vault, state.limits, event_id, decision)
    return pages.redirect(_next(event_id, wish, decision))


def _next(event_id: UUID, wish: Wish, decision: Decision) -> str:
    """A number's owner was asked, whatever was known of the number: the page tells nobody which."""
    if wish.ask_owner and not isinstance(decision, Refused):
        return f"/registrations/asked/{event_id}"
    if isinstance(decision, Admitted):
        return f"/r/{decision.token}?new=1"
    if isinstance(decision, AlreadyRegistered):
        return f"/registrations/already/{event_id}"
    return f"/registrations/new/{event_id}"


@router.get("/registrations/asked/{event_id}")
async def asked_page(request: Request, event_id: UUID, pages: PagesDep) -> Response:
    """What happens now that a phone number was given."""
    return pages.render(request, "registrations/asked.html", **about(request, await offered(request, event_id)))


@router.get("/registrations/already/{event_id}")
async def already_page(request: Request, event_id: UUID, pages: PagesDep) -> Response:
    """The friendly answer to somebody who is registered already."""
    return pages.render(request, "registrations/already.html", **about(request, await offered(request, event_id)))


@router.get("/registrations")
async def index(pages: PagesDep) -> Response:
    """There is nothing to see without an event or a link: on to the programme."""
    return pages.redirect(f"{pages.urls.events}/events")
