"""Reading events for those who are told of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.contracts.events import EventState
from shared.database.engine import ReadSession


@dataclass(frozen=True)
class KnownEvent:
    """An event at its newest version, and what its organisation is called in which language."""

    state: EventState
    version: int
    organisation: Mapping[str, str]


_EVENTS = (
    text(
        """
        SELECT e.id, e.version, e.state, o.name FROM events e
        LEFT JOIN organisations o ON o.id = e.organisation_id
        WHERE e.id = ANY(:ids)
        """
    )
    .bindparams(bindparam("ids", type_=ARRAY(Uuid)))
    .columns(id=Uuid, state=JSONB, name=JSONB)
)


async def events_by_id(session: ReadSession, ids: set[UUID]) -> dict[UUID, KnownEvent]:
    """Those of the events that we know, in one statement."""
    if not ids:
        return {}
    rows: Any = await session.execute(_EVENTS, {"ids": list(ids)})
    return {row.id: KnownEvent(EventState.model_validate(row.state), row.version, row.name or {}) for row in rows}
