"""The button of the plan that asks who could come, and the switches by which people agree to it or take it back."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.asking.commands import NightError, ask_who_could_come, change_askable
from services.registrations.desk.person import PERSON, ServedDep
from services.registrations.events.access import hosted_event
from services.registrations.people.model import Means
from services.registrations.registrations.manage import own_registration
from services.registrations.registrations.model import State
from services.registrations.shifts.console import PLAN
from shared.auth.audit import record
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, now_of
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.shifts import posts_of

router = APIRouter(include_in_schema=False)


@router.post(PLAN + "/ask")
async def ask(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, form: FormDep
) -> Response:
    """Ask who could come to this role in a shift; nobody, where it is gone. Raises Problem: 404, 403."""
    plan = PLAN.format(event_id=event_id)
    async with database.read() as session:
        offer = await hosted_event(session, member, event_id, Right.EDIT)
    post = next((post for post in posts_of(offer.event) if str(post.number) == form.get("post")), None)
    if post is None:
        return pages.redirect(f"{plan}?asked=0")
    try:
        async with database.begin() as session:
            wanted, now = post.staffing.wanted, now_of(request)
            asked = await ask_who_could_come(session, request.app.state.vault, post.id, wanted, now)
            if asked:
                await record(
                    session,
                    "shift.help-asked",
                    person_id=member.person_id,
                    organisation_id=offer.event.organisation_id,
                    event_id=event_id,
                    subject_id=post.id,
                    after={"people": asked},
                )
    except NightError:
        return pages.redirect(plan)
    return pages.redirect(f"{plan}?asked={asked}")


@router.post("/r/{token}/askable")
async def change_own(request: Request, token: str, pages: PagesDep, database: DatabaseDep, form: FormDep) -> Response:
    """Choose whether one may be asked; a box that is not ticked is a no."""
    own = await own_registration(request, token)
    if own.state is State.HELD:
        return pages.redirect(f"/r/{token}")
    async with database.begin() as session:
        agreed = form.get("askable") == "yes"
        await change_askable(session, own.registration.id, datetime.now(UTC), agreed=agreed)
    return pages.redirect(f"/r/{token}?saved=1")


@router.post(PERSON + "/askable")
async def change_for_person(
    request: Request, _member: MemberDep, form: FormDep, person: ServedDep, pages: PagesDep, database: DatabaseDep
) -> Response:
    """The same as the person tells the desk."""
    own = person.own
    if own.state is State.HELD or own.means is Means.PAPER:
        return pages.redirect(person.path)
    async with database.begin() as session:
        await person.desk(request, session).change_askable(own, agreed=form.get("askable") == "yes")
    return pages.redirect(f"{person.path}?done=changed")
