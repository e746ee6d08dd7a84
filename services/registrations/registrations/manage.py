"""The person's own page, behind the secret link: see it, answer, change the party, cancel."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.asking.queries import may_be_asked
from services.registrations.certificates.queries import behind_link
from services.registrations.consents.commands import answer
from services.registrations.consents.queries import questions_of
from services.registrations.hours.queries import OwnShift, minutes_of_year, own_shift
from services.registrations.hours.working import written
from services.registrations.people import commands as people
from services.registrations.people.model import Means
from services.registrations.qualifications.queries import holding_of, is_shown
from services.registrations.registrations import commands, wishes
from services.registrations.registrations.form import AT_MOST, share_names
from services.registrations.registrations.limits import GUESSES
from services.registrations.registrations.model import State
from services.registrations.registrations.pages import language_options
from services.registrations.registrations.pool import link_token
from services.registrations.registrations.queries import Own, by_token, shifts_of
from services.registrations.registrations.wording import BADGES, OWN_STATES
from services.registrations.shifts.reminding import say_coming
from services.registrations.swaps.queries import question_of
from shared.contracts.registrations import EndedBy
from shared.database.engine import ReadSession
from shared.declines import why
from shared.i18n.catalogues import N_
from shared.i18n.formats import format_number
from shared.i18n.languages import LANGUAGES
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.tickets import code_of, qr_code, svg, ticket_url
from shared.web.forms import FormErrors
from shared.web.problem import Problem
from shared.web.reader import Reader
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

AT_ONE_TIME = N_("You have another shift at this time. Cancel that one first if you want this one.")
NO_LINK = N_("This link leads nowhere")
NO_LINK_TEXT = N_("Copy the whole link from our message, or text STATUS to us to hear where you stand.")


async def own_registration(request: Request, token: str) -> Own:
    """What the link leads to. Raises Problem: 404, or 429 for who guesses at links."""
    async with request.app.state.database.read() as session:
        own = await by_token(session, token)
    if own is None:
        await request.app.state.limits.count_miss(request, GUESSES)
        _ = request.app.state.pages.reader(request).gettext
        raise Problem(404, "link-unknown", _(NO_LINK), _(NO_LINK_TEXT))
    return own


def _page(
    request: Request, pages: PagesDep, own: Own, token: str, template: str, status: int = 200, **more: Any
) -> Response:
    title = pick(own.event.title, pages.reader(request).language)
    return pages.render(
        request,
        template,
        status,
        personal=True,
        own=own,
        event=own.event,
        registration=own.registration,
        title=title,
        code=code_of(own.ticket),
        token=token,
        settings=request.app.state.settings,
        **more,
    )


async def _hours(session: ReadSession, own: Own, shift: OwnShift) -> dict[str, Any]:
    """What the page says of a shift that has begun: its hours, and to the owner of a number those of its year."""
    event, worked = shift
    year = shift.begun.astimezone(ZoneInfo(event.time_zone)).year
    of_year = 0
    if own.means is not Means.EMAIL:
        of_year = await minutes_of_year(session, event.organisation_id, year, worked.person_id)
    stands = "" if worked.minutes is None else written(worked.minutes)
    return {"worked": worked, "year": year, "of_year": of_year, "values": {"hours": stands, "note": worked.note}}


async def show_own(
    request: Request, pages: PagesDep, own: Own, token: str, status: int = 200, typed: str | None = None, **more: Any
) -> Response:
    """The person's page; `typed` is the number of people as it was typed, `more` what is new, wrong or was typed."""
    size = str(own.registration.party_size) if typed is None else typed
    state = request.app.state
    async with state.database.read() as session:
        asked = await questions_of(session, own.event, own.registration.id)
        shifts = await shifts_of(session, own) if own.number else []
        shift = await own_shift(session, own.registration.id) if own.number else None
        begun = shift is not None and shift.begun <= datetime.now(UTC)
        swap = await question_of(session, own.registration.id) if own.number else None
        hours = await _hours(session, own, shift) if shift and begun else {}
        certificate = await behind_link(session, own.registration.id)
        askable = await may_be_asked(session, own.registration.person_id, own.event.organisation_id)
        holding = await holding_of(session, own.registration) if own.number else None
    if holding and holding.row and not is_shown(own, holding.row):
        holding = holding._replace(row=None)
    links = {row.id: link_token(state.vault, row.id) for _, row in shifts}
    around = {"new": False, "saved": False, "errors": FormErrors(), "languages": language_options()}
    around |= {"why_declined": why(own.registration.declined_for)}
    around |= {"shifts": shifts, "links": links, "states": OWN_STATES, "badges": BADGES}
    around |= {"asked": asked, "share_names": share_names(own.event), "certificate": certificate}
    around |= {"holding": holding}
    values = {"party_size": size, "language": own.language, "askable": "yes" if askable else ""}
    values |= {**hours.pop("values", {}), **more.pop("values", {})}
    around |= {"swap": swap, "worked": None, "asked_to_come": own.asked_to_come(datetime.now(UTC))} | hours
    return _page(request, pages, own, token, "registrations/own.html", status, values=values, **(around | more))


@router.get("/r/{token}")
async def own_page(request: Request, token: str, pages: PagesDep, new: str = "", saved: str = "") -> Response:
    """Where the registration stands, and the one next step."""
    own = await own_registration(request, token)
    return await show_own(request, pages, own, token, new=bool(new), saved=bool(saved))


@router.get("/r/{token}/ticket.svg")
async def ticket_picture(request: Request, token: str) -> Response:
    """The QR code for the desk, for who has a place."""
    own = await own_registration(request, token)
    if own.state is not State.CONFIRMED:
        raise Problem(404)
    url = ticket_url(request.app.state.settings.registrations_url, own.event.code, own.ticket)
    return Response(svg(qr_code(url)), media_type="image/svg+xml")


@router.get("/r/{token}/cancel")
async def cancel_page(request: Request, token: str, pages: PagesDep) -> Response:
    """Ask once before the place is given away."""
    own = await own_registration(request, token)
    if not own.live:
        return pages.redirect(f"/r/{token}")
    return _page(request, pages, own, token, "registrations/cancel.html")


@router.post("/r/{token}/cancel")
async def cancel(
    request: Request,
    token: str,
    pages: PagesDep,
    database: DatabaseDep,
    _form: FormDep,
) -> Response:
    """Give the place back."""
    own = await own_registration(request, token)
    state = request.app.state
    async with database.begin() as session:
        await commands.cancel(session, state.vault, state.rules, own.registration.id, EndedBy.PERSON, datetime.now(UTC))
    return pages.redirect(f"/r/{token}")


@router.post("/r/{token}/coming")
async def come(
    request: Request,
    token: str,
    pages: PagesDep,
    database: DatabaseDep,
    _form: FormDep,
) -> Response:
    """Say that one comes to the shift; where we did not ask, or it was moved, the page says how things stand."""
    own = await own_registration(request, token)
    async with database.begin() as session:
        held = await say_coming(session, [own.registration.id], datetime.now(UTC))
    return pages.redirect(f"/r/{token}?saved=1" if held else f"/r/{token}")


@router.post("/r/{token}/accept")
async def accept(
    request: Request,
    token: str,
    pages: PagesDep,
    database: DatabaseDep,
    _form: FormDep,
) -> Response:
    """Take the offered place; where nothing is open any more the page says where things stand."""
    own = await own_registration(request, token)
    state = request.app.state
    try:
        async with database.begin() as session:
            await commands.accept(session, state.vault, state.rules, own.registration.id, datetime.now(UTC))
    except commands.NothingToAnswerError:
        return pages.redirect(f"/r/{token}")
    except commands.OverlapsError:
        errors = FormErrors()
        errors.add("", pages.reader(request).gettext(AT_ONE_TIME))
        return await show_own(request, pages, own, token, 409, errors=errors)
    return pages.redirect(f"/r/{token}?new=1")


@router.post("/r/{token}/party")
async def change_party(
    request: Request,
    token: str,
    pages: PagesDep,
    database: DatabaseDep,
    form: FormDep,
) -> Response:
    """Change how many come; what does not fit is said, and nothing is lost."""
    own = await own_registration(request, token)
    state = request.app.state
    typed = str(form.get("party_size", "")).strip()
    errors = FormErrors()
    try:
        size = wishes.party_size(typed)
        async with database.begin() as session:
            await commands.change_party(session, state.vault, state.rules, own.registration.id, size, datetime.now(UTC))
    except ValueError:
        errors.add("party_size", pages.reader(request).gettext(wishes.BAD_PARTY))
    except commands.PartyTooLargeError as error:
        errors.add("party_size", too_large(pages.reader(request), own, error.largest))
    except commands.RegistrationEndedError:
        return pages.redirect(f"/r/{token}")
    if errors:
        return await show_own(request, pages, own, token, 422, typed, errors=errors)
    return pages.redirect(f"/r/{token}?saved=1")


def too_large(reader: Reader, own: Own, largest: int) -> str:
    """Why the party cannot grow: the event's largest party, or the free places, which it says."""
    most = format_number(largest, reader.language)
    if largest >= own.event.largest_party:
        return reader.gettext(AT_MOST, largest=most)
    free = largest - own.registration.party_size
    return reader.ngettext(
        "%(count)s more place is free. You can be at most %(largest)s people.",
        "%(count)s more places are free. You can be at most %(largest)s people.",
        free,
        largest=most,
    )


@router.post("/r/{token}/language")
async def change_language(
    request: Request,
    token: str,
    pages: PagesDep,
    database: DatabaseDep,
    form: FormDep,
) -> Response:
    """Choose the language of our messages to this person."""
    own = await own_registration(request, token)
    language = str(form.get("language", ""))
    if language not in LANGUAGES:
        errors = FormErrors()
        errors.add("language", pages.reader(request).gettext(N_("Choose one of the answers.")))
        return await show_own(request, pages, own, token, 422, errors=errors)
    async with database.begin() as session:
        await people.change_language(session, request.app.state.vault, own.registration.person_id, language)
    return pages.redirect(f"/r/{token}?saved=1")


@router.post("/r/{token}/sharing")
async def change_sharing(
    request: Request,
    token: str,
    pages: PagesDep,
    database: DatabaseDep,
    form: FormDep,
) -> Response:
    """Choose which co-hosts may see who comes; a box that is not ticked is a no."""
    own = await own_registration(request, token)
    agreed = {one: form.get(name) == "yes" for one, name in share_names(own.event).items()}
    async with database.begin() as session:
        await answer(session, own.registration.id, own.event, agreed, datetime.now(UTC))
    return pages.redirect(f"/r/{token}?saved=1")
