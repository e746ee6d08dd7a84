"""What organisers may know of deliveries: how many, by which channel, and why some failed. Never to whom."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.database.engine import ReadSession

OF_ONE_PAGE = 50


@dataclass(frozen=True)
class Tally:
    """How many deliveries of an event stand the same way. `reason` is the code of what went wrong, if anything did."""

    template: str
    channel: str
    state: str
    reason: str | None
    count: int


@dataclass(frozen=True)
class EventTally:
    """An event of one of the member's organisations, and how its deliveries stand."""

    id: UUID
    code: str
    title: Mapping[str, str]
    total: int
    arrived: int
    waiting: int
    failed: int


_EVENTS = (
    text(
        """
        SELECT e.id, e.state->>'code' AS code, e.state->'title' AS title,
            count(d.id) AS total,
            count(d.id) FILTER (WHERE d.state IN ('sent', 'delivered')) AS arrived,
            count(d.id) FILTER (WHERE d.state IN ('queued', 'sending', 'unknown')) AS waiting,
            count(d.id) FILTER (WHERE d.state IN ('failed', 'suppressed', 'expired')) AS failed
        FROM events e LEFT JOIN deliveries d ON d.event_id = e.id
        WHERE e.organisation_id = ANY(:organisations)
        GROUP BY e.id ORDER BY max(d.created_at) DESC NULLS LAST, e.id LIMIT :most OFFSET :skip
        """
    )
    .bindparams(bindparam("organisations", type_=ARRAY(Uuid)))
    .columns(id=Uuid, title=JSONB)
)
_COUNT = text("SELECT count(*) FROM events WHERE organisation_id = ANY(:organisations)").bindparams(
    bindparam("organisations", type_=ARRAY(Uuid))
)
_ONE = (
    text(
        "SELECT id, state->>'code' AS code, state->'title' AS title FROM events"
        " WHERE id = :id AND organisation_id = ANY(:organisations)"
    )
    .bindparams(bindparam("organisations", type_=ARRAY(Uuid)), bindparam("id", type_=Uuid))
    .columns(id=Uuid, title=JSONB)
)
_TALLIES = text(
    """
    SELECT template, channel, state, CASE WHEN state IN ('sent', 'delivered') THEN NULL ELSE error_code END AS reason,
        count(*) AS count
    FROM deliveries WHERE event_id = :id GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """
).bindparams(bindparam("id", type_=Uuid))


async def events_with_deliveries(
    session: ReadSession, organisations: Collection[UUID], page: int
) -> tuple[list[EventTally], int]:
    """One page (from 1) of the organisations' events, last written to first, and how many pages there are."""
    values: dict[str, Any] = {"organisations": list(organisations)}
    rows = await session.execute(_EVENTS, {**values, "most": OF_ONE_PAGE, "skip": (page - 1) * OF_ONE_PAGE})
    count = (await session.execute(_COUNT, values)).scalar_one()
    return [EventTally(**row._mapping) for row in rows], max(1, -(-count // OF_ONE_PAGE))  # noqa: SLF001 - public in SQLAlchemy


async def title_of_event(
    session: ReadSession, event_id: UUID, organisations: Collection[UUID]
) -> tuple[str, Mapping[str, str]] | None:
    """The code and the title; nothing if the event is not one of these organisations'."""
    rows = await session.execute(_ONE, {"id": event_id, "organisations": list(organisations)})
    row = rows.one_or_none()
    return (row.code, row.title) if row else None


async def tallies_of_event(session: ReadSession, event_id: UUID) -> list[Tally]:
    """How the event's deliveries stand."""
    rows = await session.execute(_TALLIES, {"id": event_id})
    return [Tally(**row._mapping) for row in rows]  # noqa: SLF001 - public in SQLAlchemy


_OLDEST = text(
    """
    SELECT channel, extract(epoch FROM CAST(:now AS timestamptz) - min(next_attempt_at)) AS seconds FROM deliveries
    WHERE state IN ('queued', 'unknown') AND next_attempt_at <= :now AND channel <> 'desk' GROUP BY channel
    """
)


async def seconds_overdue(session: ReadSession, now: datetime) -> dict[str, float]:
    """For how many seconds the oldest delivery that is due has waited, per channel that has one.

    The call list is not among them: people work on it, in their hours.
    """
    rows = await session.execute(_OLDEST, {"now": now})
    return {row.channel: float(row.seconds) for row in rows}
