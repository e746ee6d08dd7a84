"""What we learn of events from their topic."""

from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.notifications.events.model import EventRow
from shared.contracts.events import EventMessage, checked
from shared.database.engine import WriteSession
from shared.messaging.consumers import Consumer


def consumers() -> list[Consumer]:
    """The consumer that keeps what events are."""
    return [Consumer("events", "teilhabe.events.v1", EventMessage, keep_events)]


async def keep_events(session: WriteSession, messages: list[EventMessage]) -> None:
    """Keep the newest state of each event; an older one than we have changes nothing.

    Raises ContradictoryEventError.
    """
    newest: dict[UUID, dict[str, Any]] = {}
    for message in messages:
        known = newest.get(message.aggregate_id)
        if known is None or known["version"] <= message.aggregate_version:
            newest[message.aggregate_id] = _row(message)
    statement = insert(EventRow).values(list(newest.values()))
    changed = {column.name: column for column in statement.excluded if not column.primary_key}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_=changed, where=col(EventRow.version) < statement.excluded.version
        )
    )


def _row(message: EventMessage) -> dict[str, Any]:
    event = checked(message)
    return {
        "id": event.id,
        "version": message.aggregate_version,
        "organisation_id": event.organisation_id,
        "status": event.status,
        "state": event.model_dump(mode="json"),
    }
