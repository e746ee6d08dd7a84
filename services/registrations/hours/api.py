"""Hours for programs: the same as the pages, in minutes."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from services.registrations.events.access import hosted_event
from services.registrations.hours.commands import Signing, sign_off
from services.registrations.hours.model import MOST_MINUTES
from services.registrations.hours.queries import Worked, worked_by_shift
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, now_of
from shared.runtime.api import DatabaseDep
from shared.web.documented import answers

router = APIRouter(prefix="/registrations/api/events/{event_id}/hours", tags=["hours"])

MOST_AT_ONCE = 500
_FAILURES = answers(
    s400="The body or a header cannot be read",
    s401="Nobody is signed in",
    s403="The role does not allow it, or a foreign page sent the request",
    s404="There is no such event for this member",
    s413="The body is too large",
    s422="A value does not fit",
    s503="The database is away; `Retry-After` says for how many seconds to wait",
)


class HoursBody(BaseModel):
    """One person in one shift, in minutes."""

    registration_id: UUID
    session_id: UUID
    places_id: UUID = Field(description="the role in the shift")
    name: str | None
    came_at: datetime | None
    left_at: datetime | None
    proposed: int | None = Field(description="from check-in and check-out, in quarters of an hour")
    claimed: int | None = Field(description="as the person says")
    signed: int | None = Field(description="as it was signed off")

    @classmethod
    def of(cls, one: Worked) -> "HoursBody":
        """The person as a program sees them."""
        return cls(
            registration_id=one.id,
            session_id=one.post.session.id,
            places_id=one.post.id,
            name=one.name,
            came_at=one.came_at,
            left_at=one.left_at,
            proposed=one.proposed,
            claimed=one.claimed,
            signed=one.signed,
        )


class Signed(BaseModel):
    """So many minutes for one registration; 0 for who did not come."""

    model_config = ConfigDict(extra="forbid")

    registration_id: UUID
    minutes: int = Field(ge=0, le=MOST_MINUTES)


class SignedBody(BaseModel):
    """For how many registrations that was something new."""

    changed: int


@router.get("", responses=_FAILURES)
async def hours(event_id: UUID, member: MemberDep, database: DatabaseDep) -> list[HoursBody]:
    """Who has a place in which shift, and the hours as they stand."""
    async with database.read() as session:
        offer = await hosted_event(session, member, event_id, Right.DESK)
        shifts = await worked_by_shift(session, offer.event)
    return [HoursBody.of(one) for _, people in shifts for one in people]


class Signatures(BaseModel):
    """What is signed off, each registration once."""

    model_config = ConfigDict(extra="forbid")

    hours: list[Signed] = Field(min_length=1, max_length=MOST_AT_ONCE)


@router.post("", responses=_FAILURES)
async def sign(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, body: Signatures
) -> SignedBody:
    """Sign off; the same again changes nothing, and nobody is told twice."""
    minutes = {one.registration_id: one.minutes for one in body.hours}
    async with database.begin() as session:
        offer = await hosted_event(session, member, event_id, Right.EDIT)
        signing = Signing(member.person_id, offer.event, now_of(request))
        return SignedBody(changed=await sign_off(session, request.app.state.vault, signing, minutes))
