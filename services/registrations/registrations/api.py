"""Registrations for programs: the same engine, in JSON."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import PydanticCustomError

from services.registrations.events.queries import offer_of
from services.registrations.registrations import commands
from services.registrations.registrations.admission import Admitted, AlreadyRegistered, Refused
from services.registrations.registrations.model import State
from services.registrations.registrations.queries import by_token
from services.registrations.registrations.reminders import send_link_again
from services.registrations.registrations.wishes import RegistrationRequest
from shared.contracts.registrations import EndedBy
from shared.runtime.api import DatabaseDep
from shared.web.problem import Problem

router = APIRouter(prefix="/registrations/api", tags=["registrations"])


class ProblemBody(BaseModel):
    """An error as RFC 9457 describes it."""

    type: str
    title: str
    status: int
    detail: str


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"model": ProblemBody, "content": {"application/problem+json": {}}, "description": "Problem"}
        for status in statuses
    }


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


class PartyBody(BaseModel):
    """How many people come."""

    party_size: int = Field(ge=1, le=1000)


@router.get("/events/{event_id}/places", responses=_problems(404))
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


@router.post("/events/{event_id}/registrations", status_code=201, responses=_problems(400, 404, 409, 413, 422, 503))
async def register(
    request: Request,
    response: Response,
    event_id: UUID,
    body: RegistrationRequest,
    database: DatabaseDep,
    idempotency_key: Annotated[UUID | None, Header(description="the same key is the same registration")] = None,
) -> DecisionBody:
    """Register a party; decided when this answers."""
    state = request.app.state
    try:
        wish = body.wish(state.settings, idempotency_key)
    except PydanticCustomError as error:
        raise Problem(422, f"{error.type}-not-valid", errors=[{"pointer": f"#/{error.type}"}]) from None
    async with database.read() as session:
        offer = await offer_of(session, event_id)
    if offer is None:
        raise Problem(404, "event-unknown")
    decision = await state.writer.submit(offer.pool.id, wish)
    if isinstance(decision, Refused):
        raise Problem(409, decision.reason.value, largest_party=decision.largest_party)
    if isinstance(decision, AlreadyRegistered):
        async with database.begin() as session:
            await send_link_again(session, state.vault, event_id, decision, datetime.now(UTC))
    if wish.ask_owner:
        return DecisionBody(result="asked", party_size=wish.party_size)
    if isinstance(decision, AlreadyRegistered):
        response.status_code = 200
        return DecisionBody(result="already-registered", party_size=wish.party_size)
    return _admitted(state.settings.registrations_url, decision)


def _admitted(base: str, decision: Admitted) -> DecisionBody:
    return DecisionBody(
        result=decision.state.value,
        party_size=decision.party_size,
        position=decision.position,
        link=f"{base}/r/{decision.token}",
    )


@router.get("/own/{token}", responses=_problems(404))
async def own(token: str, database: DatabaseDep) -> OwnBody:
    """The registration that a link's secret leads to."""
    async with database.read() as session:
        found = await by_token(session, token)
    if found is None:
        raise Problem(404, "link-unknown")
    row = found.registration
    return OwnBody(
        event_id=row.event_id,
        state=found.state,
        party_size=row.party_size,
        position=found.position,
        expires_at=row.expires_at,
    )


async def _id_of(request: Request, token: str) -> UUID:
    async with request.app.state.database.read() as session:
        found = await by_token(session, token)
    if found is None:
        raise Problem(404, "link-unknown")
    return found.registration.id


@router.put("/own/{token}/party", status_code=204, responses=_problems(404, 409, 422))
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


@router.post("/own/{token}/accept", status_code=204, responses=_problems(404, 409))
async def accept(request: Request, token: str, database: DatabaseDep) -> None:
    """Take the offered places."""
    registration_id, state = await _id_of(request, token), request.app.state
    try:
        async with database.begin() as session:
            await commands.accept(session, state.vault, state.rules, registration_id, datetime.now(UTC))
    except commands.NothingToAnswerError as error:
        raise Problem(409, "nothing-to-answer", state=error.state.value) from error


@router.delete("/own/{token}", status_code=204, responses=_problems(404))
async def cancel(request: Request, token: str, database: DatabaseDep) -> None:
    """Cancel the registration; doing it again changes nothing."""
    registration_id, state = await _id_of(request, token), request.app.state
    async with database.begin() as session:
        await commands.cancel(session, state.vault, state.rules, registration_id, EndedBy.PERSON, datetime.now(UTC))
