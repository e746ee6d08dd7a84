"""Read invitations to co-host."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.events.co_hosts.model import CoHostRow, State
from services.events.events.model import EventRow, EventTextRow
from services.events.events.model import State as EventState
from services.events.organisations.model import OrganisationRow
from shared.database.engine import ReadSession


class OpenInvitation(NamedTuple):
    """That a host waits for an answer; `title` is in the event's main language."""

    event_id: UUID
    title: str
    language: str
    host: dict[str, str]


async def open_invitations(session: ReadSession, organisation_ids: Collection[UUID]) -> list[OpenInvitation]:
    """What these organisations are asked to co-host and have not answered, the oldest first."""
    main = (col(EventTextRow.event_id) == col(EventRow.id)) & (
        col(EventTextRow.language) == col(EventRow.main_language)
    )
    query = (
        select(col(EventRow.id), col(EventTextRow.title), col(EventTextRow.language), col(OrganisationRow.name))
        .join(CoHostRow, col(CoHostRow.event_id) == col(EventRow.id))
        .join(EventTextRow, main)
        .join(OrganisationRow, col(OrganisationRow.id) == col(EventRow.organisation_id))
        .where(
            col(CoHostRow.organisation_id).in_(organisation_ids),
            col(CoHostRow.state) == State.INVITED.value,
            col(EventRow.state) != EventState.CANCELLED.value,
        )
        .order_by(col(CoHostRow.changed_at))
    )
    return [OpenInvitation(*row) for row in await session.execute(query)]
