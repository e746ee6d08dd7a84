"""Reading events for those who are told of them."""

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
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
    pictures: Sequence[tuple[Mapping[str, str], bytes]] = ()
    """The logos of all who host it, the organisation's first, each with what that one is called."""


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

_PICTURES = (
    text(
        """
        SELECT id, name, profile ->> 'picture' AS picture FROM organisations
        WHERE id = ANY(:ids) AND profile ->> 'picture' IS NOT NULL
        """
    )
    .bindparams(bindparam("ids", type_=ARRAY(Uuid)))
    .columns(id=Uuid, name=JSONB)
)


async def events_by_id(session: ReadSession, ids: set[UUID]) -> dict[UUID, KnownEvent]:
    """Those of the events that we know, with who hosts them."""
    if not ids:
        return {}
    rows: Any = (await session.execute(_EVENTS, {"ids": list(ids)})).all()
    states = {row.id: EventState.model_validate(row.state) for row in rows}
    profiles = await profiles_of(session, {one.organisation_id for state in states.values() for one in state.co_hosts})
    together = {
        event_id: [profiles[one.organisation_id] for one in state.co_hosts if one.organisation_id in profiles]
        for event_id, state in states.items()
    }
    pictures = await _pictures(session, states.values())
    return {
        row.id: KnownEvent(
            states[row.id],
            row.version,
            row.name or {},
            together[row.id],
            [pictures[id_] for id_ in _hosts(states[row.id]) if id_ in pictures],
        )
        for row in rows
    }


def _hosts(state: EventState) -> list[UUID]:
    return [state.organisation_id, *(one.organisation_id for one in state.co_hosts)]


async def _pictures(session: ReadSession, states: Iterable[EventState]) -> dict[UUID, tuple[Mapping[str, str], bytes]]:
    hosts = {host for state in states for host in _hosts(state)}
    rows: Any = await session.execute(_PICTURES, {"ids": list(hosts)})
    return {row.id: (row.name, b64decode(row.picture + "==")) for row in rows}
