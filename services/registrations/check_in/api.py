"""Check-in for programs, and for the desk's own page while it has no connection.

Each change has a key and can be sent again; a change that waited on a device says how long ago it happened.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from pydantic import AwareDatetime, BaseModel, Field

from services.registrations.check_in import commands
from services.registrations.check_in.finding import Place, count_miss, find, place_of
from services.registrations.check_in.model import Result
from services.registrations.check_in.queries import PartyHere, all_parties, came_by_session
from services.registrations.registrations.model import LIVE, State
from shared.auth.sign_in import MemberDep
from shared.contracts.events import Session
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep
from shared.tickets import read_ticket
from shared.web.documented import answers
from shared.web.problem import Problem

router = APIRouter(prefix="/registrations/api/events/{event_id}/check-in", tags=["check-in"])

READING = answers(
    s400="A header cannot be read.",
    s401="Nobody is signed in.",
    s403="The member's role may not check in, or a foreign site's page sent the request.",
    s404="There is no such event of the member's organisations, no such session of it, or nobody has this code.",
    s422="A value does not fit.",
    s503="The database is away; `Retry-After` says for how many seconds to wait.",
)
CHANGING = READING | answers(
    s409="It cannot be done: the party has no place (`state`) or is not here, or two share the code (`ticket-needed`).",
    s413="The body is too large.",
    s429="Too many unknown codes; `Retry-After` says for how many seconds to wait.",
)
_AMBIGUOUS = N_("Two parties have this code. Scan the QR code, or look for the name.")

Key = Annotated[UUID, Header(alias="Idempotency-Key", description="the same again changes nothing more")]


class SessionBody(BaseModel):
    """One session, in people."""

    session: UUID
    starts_at: datetime
    ends_at: datetime
    expected: int = Field(description="people who have a place")
    came: int = Field(description="people of them who were checked in")
    walk_ins: int = Field(description="people who came without registering")

    @classmethod
    def of(cls, session: Session, **numbers: int) -> "SessionBody":
        """The session with its numbers."""
        return cls(session=session.id, starts_at=session.starts_at, ends_at=session.ends_at, **numbers)


class PartyBody(BaseModel):
    """One party at one session. Whose registration has ended has no name here."""

    ticket: str = Field(examples=["482913551204"], description="the code's six digits, and six more")
    name: str | None
    party_size: int
    state: State
    came: int = Field(description="0 while it is not here")
    since: datetime | None

    @classmethod
    def of(cls, party: PartyHere) -> "PartyBody":
        """The party as a program sees it."""
        name = party.name if party.state in LIVE else None
        return cls(
            ticket=party.ticket,
            name=name,
            party_size=party.party_size,
            state=party.state,
            came=party.came,
            since=party.since,
        )


class ListBody(BaseModel):
    """The parties of one session; `next` is the `since` of the next reading, which then brings what changed."""

    session: SessionBody
    parties: list[PartyBody]
    next: datetime


class Change(BaseModel):
    """What every change says."""

    session: UUID | None = Field(None, description="today's session unless it is said")
    seconds_ago: float = Field(0, ge=0, le=604_800, description="how long the change waited on the device")


class PartyChange(Change):
    """A change of one party."""

    code: str = Field(min_length=1, max_length=300, description="six digits, a ticket, or what the QR code says")


class CheckIn(PartyChange):
    """A party is here."""

    came: int | None = Field(None, ge=1, le=1000, description="how many of the party; all unless it is said")
    change: bool = Field(default=False, description="make the number of a party that is here already another")


class WalkIns(Change):
    """People who came without registering; a negative number takes a mistake back."""

    people: int = Field(ge=-1000, le=1000)


class HereBody(BaseModel):
    """What came of it. `already`: an earlier check-in stands, with these figures."""

    result: Result
    ticket: str
    party_size: int
    came: int
    since: datetime | None
    left: datetime | None = None


class WalkInsBody(BaseModel):
    """How many people are counted now."""

    walk_ins: int


@router.get("", responses=READING)
async def numbers(event_id: UUID, member: MemberDep, database: DatabaseDep) -> list[SessionBody]:
    """How many came, by session."""
    async with database.read() as session:
        place = await place_of(session, member, event_id, None)
        found = await came_by_session(session, place.event)
    return [SessionBody.of(one.session, expected=one.expected, came=one.came, walk_ins=one.walk_ins) for one in found]


@router.get("/parties", responses=READING)
async def parties(
    event_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    session: UUID | None = None,
    since: Annotated[AwareDatetime | None, Query(description="`next` of the reading before")] = None,
) -> ListBody:
    """The list of one session, or what changed on it."""
    async with database.read() as reading:
        place = await place_of(reading, member, event_id, session)
        found, next_since = await all_parties(reading, place.event, place.session.id, since)
        counted = await came_by_session(reading, place.event)
    own = next(one for one in counted if one.session.id == place.session.id)
    return ListBody(
        session=SessionBody.of(own.session, expected=own.expected, came=own.came, walk_ins=own.walk_ins),
        parties=[PartyBody.of(party) for party in found],
        next=next_since,
    )


@router.post("", responses=CHANGING)
async def check_in(
    request: Request, event_id: UUID, body: CheckIn, member: MemberDep, database: DatabaseDep, idempotency_key: Key
) -> HereBody:
    """The party is here."""
    place, party = await _party(request, member, event_id, body)
    desk = place.desk(idempotency_key, body.seconds_ago)
    try:
        async with database.begin() as session:
            here = await commands.check_in(session, desk, party.id, body.came, change=body.change)
    except commands.NoPlaceError as error:
        raise Problem(409, "no-place", state=error.state.value, ticket=party.ticket) from error
    except commands.WrongNumberError as error:
        raise Problem(409, "too-many", party_size=error.most, ticket=party.ticket) from error
    return _here(party, here)


@router.post("/undo", responses=CHANGING)
async def undo(
    request: Request, event_id: UUID, body: PartyChange, member: MemberDep, database: DatabaseDep, idempotency_key: Key
) -> HereBody:
    """The party is not here after all."""
    place, party = await _party(request, member, event_id, body)
    async with database.begin() as session:
        here = await commands.undo(session, place.desk(idempotency_key, body.seconds_ago), party.id)
    return _here(party, here)


@router.post("/left", responses=CHANGING)
async def left(
    request: Request, event_id: UUID, body: PartyChange, member: MemberDep, database: DatabaseDep, idempotency_key: Key
) -> HereBody:
    """The volunteer leaves the shift; who left already left then."""
    place, party = await _party(request, member, event_id, body)
    desk = place.desk(idempotency_key, body.seconds_ago)
    try:
        async with database.begin() as session:
            here = await commands.check_out(session, desk, party.id)
    except commands.NotHereError as error:
        raise Problem(409, "not-here", ticket=party.ticket) from error
    return _here(party, here)


@router.post("/walk-ins", responses=CHANGING)
async def walk_ins(
    event_id: UUID, body: WalkIns, member: MemberDep, database: DatabaseDep, idempotency_key: Key
) -> WalkInsBody:
    """Count people who came without registering; never below none."""
    async with database.read() as session:
        place = await place_of(session, member, event_id, body.session)
    desk = place.desk(idempotency_key, body.seconds_ago)
    if body.people == 0:
        raise Problem(422, "invalid")
    async with database.begin() as session:
        return WalkInsBody(walk_ins=await commands.count_walk_ins(session, desk, body.people))


async def _party(request: Request, member: Any, event_id: UUID, body: PartyChange) -> tuple[Place, PartyHere]:
    """The one party that the code names. Raises Problem: 404, 409 where two share a short code, 429."""
    state = request.app.state
    async with state.database.read() as session:
        place = await place_of(session, member, event_id, body.session)
        found = await find(session, place, body.code) if read_ticket(body.code) else None
    if found is None or not found.parties:
        other = found.other_shift if found else None
        if other is None:
            await count_miss(state.database, state.limits, member)
        shift = str(other.session.id) if other else None
        raise Problem(404, "code-unknown", event=found.other_event if found else None, shift=shift)
    if len(found.parties) > 1:
        raise Problem(409, "ticket-needed", explanation=state.pages.reader(request).gettext(_AMBIGUOUS))
    return place, found.parties[0]


def _here(party: PartyHere, here: commands.Here) -> HereBody:
    return HereBody(
        result=here.result,
        ticket=party.ticket,
        party_size=party.party_size,
        came=here.came,
        since=here.since,
        left=here.left,
    )
