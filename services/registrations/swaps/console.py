"""Swaps for the coordinator: ask two people, see what they say, take the question back."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.events.access import hosted_event
from services.registrations.events.queries import Offer
from services.registrations.registrations.console import about_list
from services.registrations.registrations.listing import Line, Order, Wanted, all_of
from services.registrations.registrations.model import State
from services.registrations.swaps.commands import Asking, CannotSwapError, NothingAskedError, ask, withdraw
from services.registrations.swaps.queries import swaps_of
from services.registrations.swaps.wording import BADGES, CANNOT, CHOOSE_TWO, OUTCOMES
from shared.auth.members import Member
from shared.auth.rights import Access, Right
from shared.auth.sign_in import MemberDep, now_of, require
from shared.database.engine import Database, ReadSession
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.shifts import posts_of
from shared.web.forms import FormErrors

router = APIRouter(include_in_schema=False)
SWAPS = "/registrations/console/events/{event_id}/swaps"


async def _hosted(session: ReadSession, member: Member, event_id: UUID) -> tuple[Offer, Access]:
    """Raises Problem: 404 for what is not the member's own, 403 for who makes no events."""
    offer = await hosted_event(session, member, event_id, Right.EDIT)
    return offer, require(member.access_to(offer.event.organisation_id), Right.EDIT)


async def _on_shifts(session: ReadSession, access: Access, offer: Offer, now: datetime) -> list[Line]:
    """Who has a place in a shift that is still to come, by the shift and the name."""
    order = {post.id: place for place, post in enumerate(posts_of(offer.event)) if post.session.starts_at > now}
    found: list[Line] = []
    wanted = Wanted(state=State.CONFIRMED.value, sort=Order.NAME)
    async for lines in all_of(session, access, offer.event.id, wanted):
        found += [line for line in lines if line.places_id in order]
    return sorted(found, key=lambda line: order[line.places_id])


@router.get(SWAPS)
async def swaps_page(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, first: str = ""
) -> Response:
    """Who is asked to swap with whom, and the form that asks two more; `first` is one of them."""
    return await _page(request, pages, database, member, event_id, {"first": first})


async def _page(
    request: Request,
    pages: PagesDep,
    database: Database,
    member: Member,
    event_id: UUID,
    values: Mapping[str, str],
    errors: FormErrors | None = None,
) -> Response:
    now = now_of(request)
    async with database.read() as session:
        offer, access = await _hosted(session, member, event_id)
        people = await _on_shifts(session, access, offer, now)
        swaps = await swaps_of(session, event_id)
    context: dict[str, Any] = about_list(request, offer, access) | {"people": people, "swaps": swaps, "values": values}
    context |= {"errors": errors or FormErrors(), "outcomes": OUTCOMES, "outcome_badges": BADGES}
    return pages.render(request, "swaps/console.html", 422 if errors else 200, personal=True, **context)


@router.post(SWAPS)
async def ask_two(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, form: FormDep
) -> Response:
    """Ask both; what stands in the way is said."""
    values = {name: str(form.get(name, "")) for name in ("first", "second")}
    reader, errors = pages.reader(request), FormErrors()
    try:
        first, second = (UUID(values[name]) for name in ("first", "second"))
        async with database.begin() as session:
            offer, _ = await _hosted(session, member, event_id)
            asking = Asking(member.person_id, offer.event.organisation_id, event_id, now_of(request))
            await ask(session, request.app.state.vault, asking, first, second)
    except ValueError:
        errors.add("second", reader.gettext(CHOOSE_TWO))
    except CannotSwapError:
        errors.add("second", reader.gettext(CANNOT))
    if errors:
        return await _page(request, pages, database, member, event_id, values, errors)
    return pages.redirect(SWAPS.format(event_id=event_id))


@router.post(SWAPS + "/{swap_id}/withdraw")
async def take_back(
    request: Request,
    event_id: UUID,
    swap_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    _form: FormDep,
) -> Response:
    """The question is taken back; of one that has ended nothing changes."""
    with suppress(NothingAskedError):
        async with database.begin() as session:
            offer, _ = await _hosted(session, member, event_id)
            asking = Asking(member.person_id, offer.event.organisation_id, event_id, now_of(request))
            await withdraw(session, request.app.state.vault, asking, swap_id)
    return pages.redirect(SWAPS.format(event_id=event_id))
