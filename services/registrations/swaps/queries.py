"""Reading swaps: what one person is asked, and those of an event."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from services.registrations.registrations.queries import event_at
from services.registrations.swaps.model import Outcome
from shared.contracts.events import EventState
from shared.database.engine import ReadSession


class Question(NamedTuple):
    """The other one's shift, as the person would know it; `agreed`: they said yes, and the other has not answered."""

    other: EventState
    expires_at: datetime
    agreed: bool


class Swap(NamedTuple):
    """Two registrations in two shifts. `outcome` is None while somebody has to answer, by `expires_at`."""

    id: UUID
    first_id: UUID
    second_id: UUID
    first_name: str | None
    second_name: str | None
    first_places: UUID
    second_places: UUID
    first_agreed: bool
    second_agreed: bool
    expires_at: datetime
    outcome: Outcome | None


_QUESTION = text(
    """
    SELECT CASE WHEN first_id = :id THEN second_places ELSE first_places END AS other, expires_at,
           CASE WHEN first_id = :id THEN first_agreed_at ELSE second_agreed_at END IS NOT NULL AS agreed
    FROM swaps WHERE ended_at IS NULL AND (first_id = :id OR second_id = :id)
    """
)
_OF_EVENT = text(
    """
    SELECT s.id, s.first_id, s.second_id, one.name, other.name, s.first_places, s.second_places,
           s.first_agreed_at IS NOT NULL, s.second_agreed_at IS NOT NULL, s.expires_at, s.outcome
    FROM swaps s JOIN registrations one ON one.id = s.first_id JOIN registrations other ON other.id = s.second_id
    WHERE s.event_id = :event ORDER BY s.id DESC LIMIT :most
    """
)
MOST_SHOWN = 100


async def question_of(session: ReadSession, registration_id: UUID) -> Question | None:
    """What this registration is asked just now."""
    row = (await session.execute(_QUESTION, {"id": registration_id})).one_or_none()
    other = await event_at(session, row.other) if row else None
    return Question(other, row.expires_at, row.agreed) if row and other else None


async def swaps_of(session: ReadSession, event_id: UUID) -> list[Swap]:
    """The newest hundred of an event, the newest first."""
    rows = await session.execute(_OF_EVENT, {"event": event_id, "most": MOST_SHOWN})
    found = [Swap(*row) for row in rows]
    return [one._replace(outcome=Outcome(one.outcome) if one.outcome else None) for one in found]
