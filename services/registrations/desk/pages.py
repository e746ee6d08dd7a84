"""The desk registers somebody who calls or stands there."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.consents.queries import co_hosts_of
from services.registrations.desk.commands import Desk
from services.registrations.desk.form import desk_channel, read_desk_wish
from services.registrations.desk.person import path_of
from services.registrations.events.access import hosted_event
from services.registrations.events.queries import Offer
from services.registrations.registrations.admission import Admitted, Decision, Refusal, Refused, Wish
from services.registrations.registrations.console import post_names
from services.registrations.registrations.form import AT_MOST, share_names
from services.registrations.registrations.limits import count_wish
from services.registrations.registrations.pages import about, language_options
from services.registrations.registrations.queries import event_at
from services.registrations.shifts.overlaps import Elsewhere
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep
from shared.database.engine import Database
from shared.i18n.catalogues import N_
from shared.i18n.formats import format_range
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors, request_key
from shared.web.limits import TooManyTriesError
from shared.web.pages import Pages
from shared.web.problems import TEXTS
from shared.web.reader import Reader
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

CHOOSE = N_("Choose a shift.")
HAS_ANOTHER = N_("The person has another shift at this time: %(what)s.")
REGISTER = "/registrations/console/events/{event_id}/register"


async def desk_of(database: Database, event_id: UUID, member: Member) -> Offer:
    """The event, for a member of its host who may register people. Raises Problem 404 or 403."""
    async with database.read() as session:
        return await hosted_event(session, member, event_id, Right.DESK)


@router.get(REGISTER)
async def form_page(
    request: Request, event_id: UUID, member: MemberDep, pages: PagesDep, database: DatabaseDep
) -> Response:
    """The form, or why nobody can be registered now."""
    offer = await desk_of(database, event_id, member)
    return await _form(request, pages, offer, {"party_size": "1", "channel": ""}, FormErrors())


async def _form(request: Request, pages: Pages, offer: Offer, values: dict[str, str], errors: FormErrors) -> Response:
    """The form with what was typed; the field of the chosen way of contact is the one that is seen."""
    now = datetime.now(UTC)
    shut = offer.cancelled or offer.postponed or offer.closed(now) or offer.not_open_yet(now)
    shown = values | {"channel": desk_channel(values) or ""}
    context = about(request, offer) | {"values": shown, "errors": errors, "languages": language_options()}
    async with request.app.state.database.read() as session:
        hosts = await co_hosts_of(session, offer.event)
    context |= {"co_hosts": hosts, "share_names": share_names(offer.event)}
    names = post_names(offer.event, pages.reader(request))
    context["posts"] = [
        (post.number, names[post.id], max(0, pool.capacity - pool.taken)) for post, pool in offer.posts(now)
    ]
    status = 422 if errors else 200
    return pages.render(request, "desk/register.html", status, personal=True, shut=shut, now=now, **context)


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


@router.post(REGISTER)
async def register(
    request: Request, event_id: UUID, member: MemberDep, pages: PagesDep, database: DatabaseDep, form: FormDep
) -> Response:
    """Decide at once, and lead to the page of what came of it."""
    offer = await desk_of(database, event_id, member)
    values = {name: str(value) for name, value in form.items()}
    reader, settings = pages.reader(request), request.app.state.settings
    pool_id = chosen_pool(offer, values.get("post", ""))
    wish, errors = read_desk_wish(values, request_key(form), settings, offer.event, reader, member.person_id)
    if pool_id is None:
        wish = None
        errors.add("post", reader.gettext(CHOOSE))
    if wish is None or pool_id is None:
        return await _form(request, pages, offer, values, errors)
    try:
        await count_wish(request, wish)
    except TooManyTriesError as error:
        return await _form_later(request, pages, offer, values, error)
    decision = await _decide(request, database, member, offer, pool_id, wish)
    if not isinstance(decision, Refused):
        done = "registered" if isinstance(decision, Admitted) else "already"
        return pages.redirect(f"{path_of(event_id, decision.id)}?done={done}")
    if decision.reason is Refusal.PARTY_TOO_LARGE:
        errors.add("party_size", reader.gettext(AT_MOST, largest=decision.largest_party))
        return await _form(request, pages, offer, values, errors)
    if decision.other:
        errors.add("post", await _elsewhere(database, decision.other, reader))
        return await _form(request, pages, offer, values, errors)
    return pages.redirect(REGISTER.format(event_id=event_id))


def chosen_pool(offer: Offer, typed: str) -> UUID | None:
    """The pool that is meant: of an event with shifts, that of the role and shift that was chosen, if any was."""
    if not offer.event.shifts:
        return offer.pool.id
    return next((post.id for post, _ in offer.posts(datetime.now(UTC)) if str(post.number) == typed), None)


async def _elsewhere(database: Database, other: Elsewhere, reader: Reader) -> str:
    """What the desk reads out: which shift the person has at this time."""
    async with database.read() as session:
        event = await event_at(session, other.places_id)
    if event is None:
        return reader.gettext(HAS_ANOTHER, what="–")
    times = event.sessions[0]
    when = format_range(times.starts_at, times.ends_at, reader.language, event.time_zone)
    return reader.gettext(HAS_ANOTHER, what=f"{pick(event.title, reader.language).text}, {when}")


async def _decide(
    request: Request, database: Database, member: Member, offer: Offer, pool_id: UUID, wish: Wish
) -> Decision:
    """In a transaction of its own: one wish of the desk, and its line in the audit log."""
    state, event = request.app.state, offer.event
    async with database.begin() as session:
        now = datetime.now(UTC)
        desk = Desk(session, state.vault, state.rules, member.person_id, event.organisation_id, event.id, now)
        return await desk.register(pool_id, wish)
