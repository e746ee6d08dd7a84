"""How the deliveries of an event stand, for programs."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from services.notifications.deliveries.queries import tallies_of_event, title_of_event
from shared.auth.sign_in import MemberDep
from shared.runtime.api import DatabaseDep
from shared.web.documented import answers
from shared.web.problem import Problem

router = APIRouter(tags=["deliveries"])

ERRORS = answers(
    s401="Nobody is signed in.",
    s403="Who is signed in belongs to no organisation, or a foreign site's page sent the request.",
    s404="There is no such event among those of the member's organisations.",
    s422="The id of the event is none.",
    s503="The database is away; `Retry-After` says for how many seconds to wait.",
)


class DeliveryCount(BaseModel):
    """How many deliveries stand the same way. `reason` is a code, such as `smtp-550` or `21211`."""

    template: str
    channel: str
    state: str
    reason: str | None
    count: int


class EventDeliveries(BaseModel):
    """The deliveries of one event, counted. Nothing here says who was written to."""

    event_id: UUID
    deliveries: list[DeliveryCount]


@router.get("/notifications/api/events/{event_id}/deliveries", responses=ERRORS)
async def event_deliveries(event_id: UUID, member: MemberDep, database: DatabaseDep) -> EventDeliveries:
    """Counts by template, channel, state and reason. 404 for an event of another organisation."""
    async with database.read() as session:
        if await title_of_event(session, event_id, member.organisation_ids) is None:
            raise Problem(404)
        tallies = await tallies_of_event(session, event_id)
    counts = [DeliveryCount.model_validate(tally, from_attributes=True) for tally in tallies]
    return EventDeliveries(event_id=event_id, deliveries=counts)
