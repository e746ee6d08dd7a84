"""Registrations for programs: the same engine, in JSON."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import PydanticCustomError

from services.registrations.consents.commands import answer, asking
from services.registrations.consents.queries import questions_of
from services.registrations.events.queries import offer_of
from services.registrations.registrations import commands
from services.registrations.registrations.admission import Admitted, AlreadyRegistered, Refusal, Refused
from services.registrations.registrations.form import AT_MOST, WRONG_CONTACT
from services.registrations.registrations.limits import GUESSES, count_wish
from services.registrations.registrations.model import State
from services.registrations.registrations.queries import Own, by_token
from services.registrations.registrations.reminders import remind
from services.registrations.registrations.wishes import RegistrationRequest
from shared.contracts.base import LocalizedText
from shared.contracts.events import EventState, Scope
from shared.contracts.registrations import EndedBy
from shared.database.engine import Database
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep
from shared.web.documented import ProblemBody
from shared.web.problem import Problem

REFUSALS = {
    Refusal.NOT_OPEN: N_("Registration has not begun"),
    Refusal.CLOSED: N_("Registration is over"),
    Refusal.POSTPONED: N_("This event is postponed"),
    Refusal.CANCELLED: N_("This event does not take place"),
    Refusal.PARTY_TOO_LARGE: AT_MOST,
    Refusal.OVERLAPS: N_("There is another shift at this time"),
}

router = APIRouter(prefix="/registrations/api", tags=["registrations"])


WHAT_WENT_WRONG = {
    400: "The body or a header cannot be read",
    404: "There is no such event, or no registration behind this link",
    409: "It cannot be done as things stand",
    413: "The body is too large",
    422: "A value does not fit",
    429: "Too many tries; `Retry-After` says for how many seconds to wait",
    503: "The database is away; `Retry-After` says for how many seconds to wait",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The failures of a route. `default` keeps FastAPI from describing errors that are never sent."""
    content = {"application/problem+json": {"schema": ProblemBody.model_json_schema()}}
    known: dict[int | str, dict[str, Any]] = {
        status: {"content": content, "description": WHAT_WENT_WRONG[status]} for status in (*statuses, 503)
    }
    return {**known, "default": {"content": content, "description": "Another problem"}}


class PlacesBody(BaseModel):
    """How full an event is."""

    event_id: UUID
    capacity: int
    taken: int = Field(description="people confirmed, offered and held")
    waiting: int
    free: int


class DecisionBody(BaseModel):
    """What came of a registration. `link` is the secret address of the person's own page.

    For a phone number there is no link and no state but `asked`: its owner gets an SMS and decides.
    """

    result: str = Field(examples=["confirmed", "waitlisted", "asked", "already-registered"])
    party_size: int
    position: int | None = None
    link: str | None = None


class OwnBody(BaseModel):
    """A registration as its person sees it."""

    event_id: UUID
    state: State
    party_size: int
    position: int | None
    expires_at: datetime | None


class SharedBody(BaseModel):
    """What one co-host asks to see of this party, and what it sees."""

    organisation_id: UUID
    name: LocalizedText
    asks: Scope
    sees: Scope


class ShareBody(BaseModel):
    """The co-hosts that may see what they ask for; every other sees nothing of this party."""

    share_with: list[UUID] = Field(max_length=50)


class PartyBody(BaseModel):
    """How many people come."""

    party_size: int = Field(ge=1, le=1000)


@router.get("/events/{event_id}/places", responses=_problems(404, 422))
async def places(event_id: UUID, database: DatabaseDep) -> PlacesBody:
    """How many places there are, and how many are taken."""
    async with database.read() as session:
        offer = await offer_of(session, event_id)
    if offer is None:
        raise Problem(404, "event-unknown")
    pool = offer.pool
    return PlacesBody(
        event_id=event_id, capacity=pool.capacity, taken=pool.taken, waiting=pool.waiting, free=offer.free
    )


ALREADY: dict[int | str, dict[str, Any]] = {200: {"model": DecisionBody, "description": "Was registered already"}}


@router.post(
    "/events/{event_id}/registrations", status_code=201, responses=ALREADY | _problems(400, 404, 409, 413, 422, 429)
)
async def register(
    request: Request,
    response: Response,
    event_id: UUID,
    body: RegistrationRequest,
    idempotency_key: Annotated[UUID | None, Header(description="the same key is the same registration")] = None,
) -> DecisionBody:
    """Register a party; decided when this answers."""
    state = request.app.state
    database: Database = state.database
    try:
        wish = body.wish(state.settings, idempotency_key, await _event_to_share(database, event_id, body))
    except PydanticCustomError as error:
        raise _bad_contact(request, error) from None
    pool_id = await state.pool_ids.of(database, event_id, body.places_id)
    if pool_id is None:
        raise Problem(404, "event-unknown")
    await count_wish(request, wish)
    decision = await state.writer.submit(pool_id, wish)
    if isinstance(decision, Refused):
        raise _refused(request, decision)
    if isinstance(decision, AlreadyRegistered):
        await remind(database, state.vault, state.limits, event_id, decision)
    if wish.ask_owner:
        return DecisionBody(result="asked", party_size=wish.party_size)
    if isinstance(decision, AlreadyRegistered):
        response.status_code = 200
        return DecisionBody(result="already-registered", party_size=wish.party_size)
    return _admitted(state.settings.registrations_url, decision)


async def _event_to_share(database: Database, event_id: UUID, body: RegistrationRequest) -> EventState | None:
    """The event where the wish says with whom to share: its co-hosts are looked up for those wishes alone."""
    if not body.share_with:
        return None
    async with database.read() as session:
        offer = await offer_of(session, event_id)
    return offer.event if offer else None


def _bad_contact(request: Request, error: PydanticCustomError) -> Problem:
    _ = request.app.state.pages.reader(request).gettext
    field = "email" if error.type == "email" else "phone"
    return Problem(422, "invalid", errors=[{"pointer": f"#/{field}", "detail": _(WRONG_CONTACT[error.type])}])


def _refused(request: Request, refused: Refused) -> Problem:
    title = request.app.state.pages.reader(request).gettext(REFUSALS[refused.reason], largest=refused.largest_party)
    return Problem(409, refused.reason.value, title, title, largest_party=refused.largest_party)


def _admitted(base: str, decision: Admitted) -> DecisionBody:
    return DecisionBody(
        result=decision.state.value,
        party_size=decision.party_size,
        position=decision.position,
        link=f"{base}/r/{decision.token}",
    )


@router.get("/own/{token}", responses=_problems(404, 429))
async def own(request: Request, token: str) -> OwnBody:
    """The registration that a link's secret leads to."""
    found = await _behind(request, token)
    row = found.registration
    return OwnBody(
        event_id=row.event_id,
        state=found.state,
        party_size=row.party_size,
        position=found.position,
        expires_at=row.expires_at,
    )


async def _behind(request: Request, token: str) -> Own:
    async with request.app.state.database.read() as session:
        found = await by_token(session, token)
    if found is None:
        await request.app.state.limits.count_miss(request, GUESSES)
        raise Problem(404, "link-unknown")
    return found


async def _id_of(request: Request, token: str) -> UUID:
    return (await _behind(request, token)).registration.id


@router.put("/own/{token}/party", status_code=204, responses=_problems(400, 404, 409, 413, 422, 429))
async def change_party(request: Request, token: str, body: PartyBody, database: DatabaseDep) -> None:
    """Change how many people come."""
    registration_id, state = await _id_of(request, token), request.app.state
    try:
        async with database.begin() as session:
            await commands.change_party(
                session, state.vault, state.rules, registration_id, body.party_size, datetime.now(UTC)
            )
    except commands.PartyTooLargeError as error:
        raise Problem(409, "party-too-large", largest_party=error.largest) from error
    except commands.RegistrationEndedError as error:
        raise Problem(409, "registration-ended") from error


@router.post("/own/{token}/accept", status_code=204, responses=_problems(404, 409, 429))
async def accept(request: Request, token: str, database: DatabaseDep) -> None:
    """Take the offered places."""
    registration_id, state = await _id_of(request, token), request.app.state
    try:
        async with database.begin() as session:
            await commands.accept(session, state.vault, state.rules, registration_id, datetime.now(UTC))
    except commands.NothingToAnswerError as error:
        raise Problem(409, "nothing-to-answer", state=error.state.value) from error
    except commands.OverlapsError as error:
        raise Problem(409, Refusal.OVERLAPS.value) from error


@router.delete("/own/{token}", status_code=204, responses=_problems(404, 429))
async def cancel(request: Request, token: str, database: DatabaseDep) -> None:
    """Cancel the registration; doing it again changes nothing."""
    registration_id, state = await _id_of(request, token), request.app.state
    async with database.begin() as session:
        await commands.cancel(session, state.vault, state.rules, registration_id, EndedBy.PERSON, datetime.now(UTC))


@router.get("/own/{token}/sharing", responses=_problems(404, 429))
async def sharing(request: Request, token: str, database: DatabaseDep) -> list[SharedBody]:
    """Which co-hosts ask to see who comes, and what they see of this party."""
    found = await _behind(request, token)
    async with database.read() as session:
        asked = await questions_of(session, found.event, found.registration.id)
    return [
        SharedBody(organisation_id=one.profile.id, name=dict(one.profile.name), asks=one.co_host.scope, sees=one.sees)
        for one in asked
    ]


@router.put("/own/{token}/sharing", status_code=204, responses=_problems(400, 404, 413, 422, 429))
async def share(request: Request, token: str, body: ShareBody, database: DatabaseDep) -> None:
    """Change which co-hosts see this party."""
    found, yes = await _behind(request, token), set(body.share_with)
    agreed = {one.organisation_id: one.organisation_id in yes for one in asking(found.event)}
    async with database.begin() as session:
        await answer(session, found.registration.id, found.event, agreed, datetime.now(UTC))
