"""One person at the desk: where they stand, what to say to them, and what they may ask for."""

from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.registrations.asking.queries import may_be_asked
from services.registrations.consents.queries import co_hosts_of
from services.registrations.desk.commands import Desk
from services.registrations.people.model import Means
from services.registrations.qualifications.queries import Holding, holding_of
from services.registrations.registrations import commands, wishes
from services.registrations.registrations.manage import too_large
from services.registrations.registrations.model import State
from services.registrations.registrations.pool import link_token
from services.registrations.registrations.queries import Own, by_id
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, require
from shared.database.engine import WriteSession
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.tickets import code_of
from shared.typesetting.compiling import BusyError
from shared.typesetting.slips import SlipOf, Standing, slip_pdf
from shared.web.forms import FormErrors
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

PERSON = "/registrations/console/events/{event_id}/desk/{registration_id}"


def path_of(event_id: UUID, registration_id: UUID) -> str:
    """The page of a registration for the desk."""
    return PERSON.format(event_id=event_id, registration_id=registration_id)


class Served(NamedTuple):
    """The registration of the person whom `member_id` speaks with; `askable`: who may be asked about shifts.

    `holding` is how it stands with the qualification that the role takes, if it takes one.
    """

    own: Own
    member_id: UUID
    askable: bool
    holding: Holding | None

    @property
    def path(self) -> str:
        """The registration's page for the desk."""
        return path_of(self.own.event.id, self.own.registration.id)

    def desk(self, request: Request, session: WriteSession) -> Desk:
        """What the desk can do for the person."""
        state, event = request.app.state, self.own.event
        now = datetime.now(UTC)
        return Desk(session, state.vault, state.rules, self.member_id, event.organisation_id, event.id, now)


async def served(event_id: UUID, registration_id: UUID, member: MemberDep, database: DatabaseDep) -> Served:
    """The registration, for a member of the event's host who may change it. Raises Problem 404 or 403."""
    async with database.read() as session:
        own = await by_id(session, event_id, registration_id)
        if own is None:
            raise Problem(404)
        require(member.access_to(own.event.organisation_id), Right.DESK)
        askable = await may_be_asked(session, own.registration.person_id, own.event.organisation_id)
        holding = await holding_of(session, own.registration)
    return Served(own, member.person_id, askable, holding)


ServedDep = Annotated[Served, Depends(served)]
"""In the signature of a form's route it follows the member and the form, which are checked in this order."""


def show_person(
    request: Request,
    pages: Pages,
    person: Served,
    template: str = "desk/person.html",
    status: int = 200,
    values: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    """A page about the registration; `values` are what was typed, `more` what is new or wrong."""
    own = person.own
    stands = {"party_size": str(own.registration.party_size), "askable": "yes" if person.askable else ""}
    if person.holding and person.holding.valid_until:
        stands["valid_until"] = person.holding.valid_until.isoformat()
    around = {
        "own": own,
        "event": own.event,
        "registration": own.registration,
        "title": pick(own.event.title, pages.reader(request).language),
        "here": person.path,
        "holding": person.holding,
        "errors": FormErrors(),
        "done": "",
    }
    return pages.render(request, template, status, personal=True, **(around | more), values=stands | (values or {}))


@router.get(PERSON)
async def person_page(request: Request, person: ServedDep, pages: PagesDep, done: str = "") -> Response:
    """Where the registration stands, and what can be done."""
    return show_person(request, pages, person, done=done)


@router.get(PERSON + "/slip.pdf")
async def slip(request: Request, person: ServedDep, pages: PagesDep) -> Response:
    """The slip of paper, in the person's language; small on it is what whoever finds it at the desk reads."""
    own, state = person.own, request.app.state
    if not own.printable:
        return pages.redirect(person.path)
    async with state.database.read() as session:
        hosts = [dict(one.profile.name) for one in await co_hosts_of(session, own.event)]
    paper = SlipOf(
        standing=Standing(own.state.value),
        party_size=own.registration.party_size,
        code=code_of(own.ticket) if own.state is State.CONFIRMED else "",
        address=f"{state.settings.registrations_url.rstrip('/')}/r/{link_token(state.vault, own.registration.id)}",
        position=own.position,
        expires_at=own.registration.expires_at or own.registration.answer_by,
        told_by_desk=own.means is Means.PAPER,
        co_hosts=hosts,
    )
    try:
        content = await slip_pdf(own.event, paper, own.language, pages.reader(request).language)
    except BusyError:
        raise Problem(503, headers={"retry-after": "30"}) from None
    shown = {"content-disposition": f'inline; filename="{own.event.code}-slip.pdf"', "cache-control": "no-store"}
    return Response(content, media_type="application/pdf", headers=shown)


@router.post(PERSON + "/accept")
async def accept(
    request: Request, _member: MemberDep, _form: FormDep, person: ServedDep, pages: PagesDep, database: DatabaseDep
) -> Response:
    """Say yes for the person; where nothing is open any more the page says where things stand."""
    try:
        async with database.begin() as session:
            await person.desk(request, session).accept(person.own)
    except commands.NothingToAnswerError:
        return pages.redirect(person.path)
    return pages.redirect(f"{person.path}?done=accepted")


@router.get(PERSON + "/cancel")
async def cancel_page(request: Request, person: ServedDep, pages: PagesDep) -> Response:
    """Ask once before the place is given away."""
    if not person.own.live:
        return pages.redirect(person.path)
    return show_person(request, pages, person, "desk/cancel.html")


@router.post(PERSON + "/cancel")
async def cancel(
    request: Request, _member: MemberDep, _form: FormDep, person: ServedDep, pages: PagesDep, database: DatabaseDep
) -> Response:
    """Give the place back, or decline the offer, as the person asked."""
    async with database.begin() as session:
        ended = await person.desk(request, session).cancel(person.own)
    return pages.redirect(f"{person.path}?done=cancelled" if ended else person.path)


@router.post(PERSON + "/party")
async def change_party(
    request: Request, _member: MemberDep, form: FormDep, person: ServedDep, pages: PagesDep, database: DatabaseDep
) -> Response:
    """Change how many come; what does not fit is said, and nothing is lost."""
    typed, reader, errors = str(form.get("party_size", "")).strip(), pages.reader(request), FormErrors()
    try:
        size = wishes.party_size(typed)
        async with database.begin() as session:
            await person.desk(request, session).change_party(person.own, size)
    except ValueError:
        errors.add("party_size", reader.gettext(wishes.BAD_PARTY))
    except commands.PartyTooLargeError as error:
        errors.add("party_size", too_large(reader, person.own, error.largest))
    except commands.RegistrationEndedError:
        return pages.redirect(person.path)
    if errors:
        return show_person(request, pages, person, status=422, values={"party_size": typed}, errors=errors)
    return pages.redirect(f"{person.path}?done=changed")
