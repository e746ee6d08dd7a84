"""How the deliveries of an organisation's events stand, for its members."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.notifications.deliveries.model import State
from services.notifications.deliveries.queries import events_with_deliveries, tallies_of_event, title_of_event
from services.notifications.deliveries.reasons import reason_text
from shared.auth.sign_in import MemberDep
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep, PagesDep
from shared.web.problem import Problem
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)
CONSOLE = "/notifications/console"

STATES = {
    State.QUEUED: (N_("Waiting"), "info"),
    State.SENDING: (N_("Being sent"), "info"),
    State.UNKNOWN: (N_("Not certain yet"), "warning"),
    State.SENT: (N_("Sent"), "success"),
    State.DELIVERED: (N_("Arrived"), "success"),
    State.FAILED: (N_("Failed"), "danger"),
    State.SUPPRESSED: (N_("Not sent: the person wants no messages"), "warning"),
    State.EXPIRED: (N_("Not sent: too late to be of use"), "warning"),
}
CHANNELS = {"email": N_("E-mail"), "sms": N_("SMS"), "desk": N_("Desk")}
TEMPLATES = {
    "confirm-number": N_("Question to confirm a number"),
    "confirmation": N_("Confirmation"),
    "waitlist": N_("Waitlist"),
    "offer": N_("Offer of a free place"),
    "offer-expired": N_("Offer is over"),
    "party-changed": N_("Other number of people"),
    "rescheduled": N_("New date"),
    "postponed": N_("Postponed"),
    "changed": N_("Change"),
    "cancelled": N_("Event cancelled"),
    "cancelled-by-person": N_("Cancelled by the person"),
    "cancelled-by-organiser": N_("Cancelled by you"),
    "already-registered": N_("Already registered"),
    "shift-overlaps": N_("Another shift at this time"),
    "pending": N_("The organisation decides"),
    "declined": N_("Declined"),
    "answers-due": N_("Answers that are due"),
    "swap-asked": N_("Question about a swap"),
    "swapped": N_("Shifts were swapped"),
    "swap-ended": N_("Swap does not take place"),
    "hours-signed": N_("Hours signed off"),
    "shift-reminder": N_("Question before a shift"),
    "shift-wanted": N_("Question who could come to a shift"),
    "qualification-ends": N_("A document ends soon"),
    "sms-coming": N_("Answer: is coming to the shift"),
    "certificate-ready": N_("Certificate"),
    "sms-party-size": N_("Answer: group too large"),
    "sms-registration-closed": N_("Answer: registration is closed"),
}


@router.get(CONSOLE)
async def console(
    request: Request,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """The events, and how many messages of each arrived, wait or failed."""
    async with database.read() as session:
        events, last = await events_with_deliveries(session, member.organisation_ids, page)
    language = pages.reader(request).language
    shown = [(event, pick(event.title, language)) for event in events]
    return pages.render(request, "console.html", events=shown, page=page, last=last, base=CONSOLE, personal=True)


@router.get(CONSOLE + "/{event_id}")
async def console_of_event(
    event_id: UUID, request: Request, member: MemberDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """One event's messages by template, channel and state, and the reasons of those that failed."""
    async with database.read() as session:
        found = await title_of_event(session, event_id, member.organisation_ids)
        tallies = await tallies_of_event(session, event_id) if found else []
    if found is None:
        raise Problem(404)
    code, title = found
    return pages.render(
        request,
        "console_event.html",
        code=code,
        title=pick(title, pages.reader(request).language),
        tallies=tallies,
        states=STATES,
        channels=CHANNELS,
        templates=TEMPLATES,
        reason_text=reason_text,
        base=CONSOLE,
        personal=True,
    )
