"""Check-in at the door: one page for a phone or a laptop at the desk, which works without scripts too."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.registrations.check_in import commands
from services.registrations.check_in.finding import Found, Place, count_miss, find, place_of
from services.registrations.check_in.model import Result
from services.registrations.check_in.queries import (
    MOST_MATCHES,
    CameInSession,
    PartyHere,
    by_ticket,
    came_by_session,
)
from services.registrations.events.queries import known_codes
from services.registrations.registrations.wishes import BAD_PARTY, party_size
from shared.auth.members import Member
from shared.auth.sign_in import MemberDep
from shared.database.engine import Database
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.tickets import read_ticket
from shared.web.forms import FormErrors, request_key
from shared.web.headers import security_headers
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

PATH = "/registrations/console/events/{event_id}/check-in"
WORKER = "check-in-worker.js"
AT_MOST = N_("The party is registered with %(most)s people. Count more people as “came without registering”.")


@dataclass(frozen=True)
class View:
    """One answer of the page: what was looked for, what came of it, and what was wrong with the answer."""

    wanted: str = ""
    found: Found | None = None
    done: str = ""
    errors: FormErrors | None = None
    typed: str = ""
    status: int = 200


@router.get(PATH)
async def check_in_page(
    request: Request,
    event_id: UUID,
    member: MemberDep,
    pages: PagesDep,
    database: DatabaseDep,
    session: UUID | None = None,
    code: Annotated[str, Query(max_length=64)] = "",
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The desk's page; with `code` it shows that party. A name never stands in the address."""
    place = await _place(database, member, event_id, session)
    found = await _find(request, database, place, code) if read_ticket(code) else None
    return await _page(request, pages, database, place, View(found=found, done=done))


@router.get("/registrations/at/{code}/{ticket}")
async def scanned(
    request: Request, code: str, ticket: str, member: MemberDep, pages: PagesDep, database: DatabaseDep
) -> Response:
    """Where a QR code leads that was scanned with the phone's own camera: to the desk, for who may work there."""
    if not (code.isascii() and code.isalnum()):
        raise Problem(404)
    async with database.read() as session:
        known = await known_codes(session, [code[:64]])
    event_id = known.get(code)
    if event_id is None:
        raise Problem(404)
    place = await _place(database, member, event_id, None)
    wanted = ticket if read_ticket(ticket) else ""
    found = await _find(request, database, place, wanted) if wanted else Found([], by_code=True)
    return await _page(request, pages, database, place, View(found=found))


@router.post(PATH)
async def search(
    request: Request, event_id: UUID, member: MemberDep, pages: PagesDep, database: DatabaseDep, form: FormDep
) -> Response:
    """Look for a name or a code. By POST, for a name has no place in an address."""
    place = await _place(database, member, event_id, _session(form.get("session")))
    wanted = str(form.get("search", "")).strip()
    found = await _find(request, database, place, wanted) if wanted else None
    return await _page(request, pages, database, place, View(wanted, found))


@router.post(PATH + "/party")
async def check_party_in(
    request: Request, event_id: UUID, member: MemberDep, pages: PagesDep, database: DatabaseDep, form: FormDep
) -> Response:
    """The party is here, or another number of it."""
    place, party = await _party(database, member, event_id, form)
    desk, typed = place.desk(request_key(form)), str(form.get("came", "")).strip()
    errors = FormErrors()
    try:
        came, change = party_size(typed) if typed else None, form.get("change") == "yes"
        async with database.begin() as session:
            here = await commands.check_in(session, desk, party.id, came, change=change)
        return _back(pages, place, party, here.result)
    except commands.WrongNumberError as error:
        errors.add("came", pages.reader(request).gettext(AT_MOST, most=error.most))
    except ValueError:
        errors.add("came", pages.reader(request).gettext(BAD_PARTY))
    except commands.NoPlaceError:
        return _back(pages, place, party, Result.NOTHING)
    view = View(found=Found([party], by_code=True), errors=errors, typed=typed, status=422)
    return await _page(request, pages, database, place, view)


@router.post(PATH + "/undo")
async def undo(event_id: UUID, member: MemberDep, pages: PagesDep, database: DatabaseDep, form: FormDep) -> Response:
    """The party is not here after all."""
    place, party = await _party(database, member, event_id, form)
    async with database.begin() as session:
        here = await commands.undo(session, place.desk(request_key(form)), party.id)
    return _back(pages, place, party, here.result)


@router.post(PATH + "/walk-ins")
async def walk_ins(
    event_id: UUID, member: MemberDep, pages: PagesDep, database: DatabaseDep, form: FormDep
) -> Response:
    """One more person came without a registration, or one was counted by mistake."""
    place = await _place(database, member, event_id, _session(form.get("session")))
    people = {"more": 1, "fewer": -1}.get(str(form.get("people", "")))
    if people is not None:
        async with database.begin() as session:
            await commands.count_walk_ins(session, place.desk(request_key(form)), people)
    return pages.redirect(f"{_path(place)}?session={place.session.id}#walk-ins")


@router.get(PATH + "/worker.js")
async def worker(event_id: UUID, member: MemberDep, pages: PagesDep, database: DatabaseDep) -> Response:
    """The script that gives the page back while there is no connection; for this page alone."""
    place = await _place(database, member, event_id, None)
    answer = Response(pages.assets.assets[WORKER].body, media_type="text/javascript")
    answer.headers["service-worker-allowed"] = _path(place)
    return answer


async def _place(database: Database, member: Member, event_id: UUID, session_id: UUID | None) -> Place:
    async with database.read() as session:
        return await place_of(session, member, event_id, session_id)


async def _party(database: Database, member: Member, event_id: UUID, form: Any) -> tuple[Place, PartyHere]:
    """The party that a form is about. Raises Problem 404 where it is gone or was never there."""
    async with database.read() as session:
        place = await place_of(session, member, event_id, _session(form.get("session")))
        parties = await by_ticket(session, place.event, place.session.id, str(form.get("ticket", "")))
    if len(parties) != 1:
        raise Problem(404)
    return place, parties[0]


def _session(given: Any) -> UUID | None:
    """The session that a form names. Raises Problem 404 for what is no id."""
    try:
        return UUID(str(given)) if given else None
    except ValueError:
        raise Problem(404) from None


async def _find(request: Request, database: Database, place: Place, wanted: str) -> Found:
    async with database.read() as session:
        found = await find(session, place, wanted)
    if found.by_code and not (found.parties or found.other_event or found.other_shift):
        await count_miss(database, request.app.state.limits, place.member)
    return found


def _path(place: Place) -> str:
    return PATH.format(event_id=place.event.id)


def _back(pages: Pages, place: Place, party: PartyHere, result: Result) -> Response:
    return pages.redirect(f"{_path(place)}?session={place.session.id}&code={party.ticket}&done={result.value}")


async def _page(request: Request, pages: Pages, database: Database, place: Place, view: View) -> Response:
    async with database.read() as session:
        numbers = await came_by_session(session, place.event)
    answer = pages.render(
        request,
        "check_in/check_in.html",
        view.status,
        personal=True,
        event=place.event,
        title=pick(place.event.title, pages.reader(request).language),
        session=place.session,
        numbers=_of(numbers, place),
        all_numbers=numbers,
        view=view,
        parties=view.found.parties[:MOST_MATCHES] if view.found else [],
        more=bool(view.found and len(view.found.parties) > MOST_MATCHES),
        errors=view.errors or FormErrors(),
        here=_path(place),
        api=f"/registrations/api/events/{place.event.id}/check-in",
    )
    allow_camera(answer, pages)
    return answer


def _of(numbers: list[CameInSession], place: Place) -> CameInSession:
    return next(one for one in numbers if one.session.id == place.session.id)


def allow_camera(answer: Response, pages: Pages) -> None:
    """This page alone may ask for the camera."""
    everywhere = dict(security_headers(pages.urls))[b"permissions-policy"].decode()
    answer.headers["permissions-policy"] = everywhere.replace("camera=()", "camera=(self)")
