"""Reading the call list: whom the desk has to tell what, and what was told."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.notifications.deliveries.model import State
from shared.database.engine import ReadSession
from shared.i18n.folding import fold

AT_MOST = 2000
"""Entries that a list looks at, the open ones that end first or the ended ones that ended last."""
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Call:
    """One entry. `until` is when it is too late; `teller` the name of who told the person, if that is known."""

    id: UUID
    person_id: UUID
    event_id: UUID
    registration_id: UUID | None
    code: str
    template: str
    data: dict[str, Any]
    state: str
    since: datetime
    until: datetime | None
    ended_at: datetime | None
    told_by: UUID | None
    teller: str | None
    name: str | None
    reach: str | None
    language: str | None

    @property
    def told(self) -> bool:
        """Whether somebody of the desk told the person."""
        return self.state == State.DELIVERED


@dataclass(frozen=True)
class Person:
    """Everything that is open for one person, in the order in which it happened: one call tells it all."""

    calls: Sequence[Call]

    @property
    def last(self) -> Call:
        """The newest entry; who tells it has told the others."""
        return self.calls[-1]

    @property
    def urgency(self) -> tuple[datetime, datetime]:
        """What ends first comes first, then what has waited longest."""
        return min(call.until or _NEVER for call in self.calls), self.calls[0].since


_UNTIL = "coalesce(d.expires_at, CAST(d.data ->> 'until' AS timestamptz))"
"""A new date tells of an offer too, which then has its time anew."""
_CALLS = """
    SELECT d.id, d.person_id, d.event_id, d.registration_id, e.state ->> 'code' AS code, d.template, d.data, d.state,
        d.created_at AS since, {until} AS until, d.ended_at, d.told_by, m.name AS teller, c.name, c.reach,
        c.language
    FROM deliveries d JOIN events e ON e.id = d.event_id
    LEFT JOIN contacts c ON c.person_id = d.person_id LEFT JOIN contacts m ON m.person_id = d.told_by
    WHERE d.channel = 'desk' AND e.organisation_id = ANY(:organisations) AND (d.state = 'queued') = :open
      AND (CAST(:event AS uuid) IS NULL OR d.event_id = :event)
    ORDER BY {order} LIMIT :most
"""


def _statement(order: str) -> Any:
    return (
        text(_CALLS.format(order=order, until=_UNTIL))
        .bindparams(bindparam("organisations", type_=ARRAY(Uuid)), bindparam("event", type_=Uuid))
        .columns(id=Uuid, person_id=Uuid, event_id=Uuid, registration_id=Uuid, told_by=Uuid, data=JSONB)
    )


_OPEN = _statement(f"{_UNTIL} NULLS LAST, d.created_at")
_ENDED = _statement("d.ended_at DESC, d.id DESC")


async def open_calls(
    session: ReadSession, organisations: Collection[UUID], event_id: UUID | None, words: str = ""
) -> list[Person]:
    """Whom the desks of these organisations have to tell something, the most urgent first.

    `words` are looked for in names and codes of events, whatever their spelling.
    """
    values = {"organisations": list(organisations), "open": True, "event": event_id, "most": AT_MOST}
    found = filter(_sought(words), [Call(**row._mapping) for row in await session.execute(_OPEN, values)])  # noqa: SLF001 - public in SQLAlchemy
    in_order = sorted(found, key=lambda call: (call.person_id, call.id))
    people = [Person(list(calls)) for _, calls in groupby(in_order, key=lambda call: call.person_id)]
    return sorted(people, key=lambda person: person.urgency)


async def ended_calls(
    session: ReadSession, organisations: Collection[UUID], event_id: UUID | None, words: str = ""
) -> list[Call]:
    """What was told, or came too late, the newest first."""
    values = {"organisations": list(organisations), "open": False, "event": event_id, "most": AT_MOST}
    return list(filter(_sought(words), [Call(**row._mapping) for row in await session.execute(_ENDED, values)]))  # noqa: SLF001 - public in SQLAlchemy


def _sought(words: str) -> Callable[[Call], bool]:
    wanted = fold(words).split()

    def fits(call: Call) -> bool:
        text = f" {fold(call.name or '')} {fold(call.code)}"
        return all(f" {word}" in text for word in wanted)

    return fits


async def host_of_call(session: ReadSession, delivery_id: UUID) -> UUID | None:
    """The organisation whose event the entry is about; None for what is no entry of a call list."""
    host = await session.execute(
        text(
            "SELECT e.organisation_id FROM deliveries d JOIN events e ON e.id = d.event_id"
            " WHERE d.id = :id AND d.channel = 'desk'"
        ).columns(organisation_id=Uuid),
        {"id": delivery_id},
    )
    found: UUID | None = host.scalar_one_or_none()
    return found
