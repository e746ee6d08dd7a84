"""Reading events for those who are told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.auth.members import Profile, profiles_of
from shared.contracts.events import EventState
from shared.database.engine import ReadSession


@dataclass(frozen=True)
class KnownEvent:
    """An event at its newest version, and what its organisation is called in which language."""

    state: EventState
    version: int
    organisation: Mapping[str, str]
    co_hosts: Sequence[Profile] = ()


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
    """Those of the events that we know, in one statement, and one more where any is hosted together."""
    if not ids:
        return {}
    rows: Any = (await session.execute(_EVENTS, {"ids": list(ids)})).all()
    states = {row.id: EventState.model_validate(row.state) for row in rows}
    profiles = await profiles_of(session, {one.organisation_id for state in states.values() for one in state.co_hosts})
    together = {
        event_id: [profiles[one.organisation_id] for one in state.co_hosts if one.organisation_id in profiles]
        for event_id, state in states.items()
    }
    return {row.id: KnownEvent(states[row.id], row.version, row.name or {}, together[row.id]) for row in rows}
