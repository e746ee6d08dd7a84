"""Reading series."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.events.events.drafting import EventContent
from services.events.events.model import EventRow, State
from services.events.events.queries import WholeEvent, whole
from services.events.series.model import OccurrenceRow, SeriesRow
from services.events.series.rules import Rule
from shared.database.engine import ReadSession, WriteSession

MOST_OTHERS = 6


class Occurrence(NamedTuple):
    """An event of a series, and the day that the rule has it on."""

    row: OccurrenceRow
    event: WholeEvent

    @property
    def day(self) -> date:
        """The day of the rule; the event itself may have been moved."""
        return self.row.day

    @property
    def given(self) -> EventContent:
        """What the series wrote into it, as if it were on the first day."""
        return EventContent.model_validate(self.row.given)


@dataclass(frozen=True)
class Series:
    """A series as pages show it: its rule, and its events in the order of their days."""

    row: SeriesRow
    occurrences: list[Occurrence]

    @property
    def rule(self) -> Rule:
        """When it repeats."""
        return Rule.parse(self.row.rule)

    @property
    def content(self) -> EventContent:
        """What the next events are made from."""
        return content_of_series(self.row)

    def to_come(self, now: datetime) -> list[Occurrence]:
        """The events that can still be changed: not over, not begun, not cancelled."""
        return [one for one in self.occurrences if _is_to_come(one.event, now)]


def _is_to_come(event: WholeEvent, now: datetime) -> bool:
    row = event.row
    if row.state in {State.CANCELLED, State.POSTPONED}:
        return row.state == State.POSTPONED
    return row.starts_at is None or row.starts_at > now


def content_of_series(row: SeriesRow) -> EventContent:
    """What the next events are made from, as if they were on the first day."""
    return EventContent.model_validate(row.content)


async def series_by_id(session: ReadSession, series_id: UUID) -> Series | None:
    """The series with all its events: a constant number of statements."""
    row = await session.get(SeriesRow, series_id)
    return await with_occurrences(session, row) if row else None


async def with_occurrences(session: ReadSession, row: SeriesRow) -> Series:
    """The series with all its events."""
    query = (
        select(OccurrenceRow, EventRow)
        .join(EventRow, col(EventRow.id) == col(OccurrenceRow.event_id))
        .where(col(OccurrenceRow.series_id) == row.id)
        .order_by(col(OccurrenceRow.day))
    )
    pairs = list(await session.execute(query))
    events = await whole(session, [event for _, event in pairs]) if pairs else []
    return Series(row, [Occurrence(pair[0], event) for pair, event in zip(pairs, events, strict=True)])


async def lock_events(session: WriteSession, series_id: UUID) -> None:
    """Nobody else changes an event of the series until this transaction ends. The series is locked by the caller."""
    query = (
        select(col(EventRow.id))
        .join(OccurrenceRow, col(OccurrenceRow.event_id) == col(EventRow.id))
        .where(col(OccurrenceRow.series_id) == series_id)
        .order_by(col(EventRow.id))
    )
    await session.execute(query.with_for_update(of=EventRow))


async def series_of_event(session: ReadSession, event_id: UUID) -> SeriesRow | None:
    """The series that the event belongs to."""
    query = (
        select(SeriesRow)
        .join(OccurrenceRow, col(OccurrenceRow.series_id) == col(SeriesRow.id))
        .where(col(OccurrenceRow.event_id) == event_id)
    )
    return (await session.execute(query)).scalar_one_or_none()


class OtherDate(NamedTuple):
    """Another public event of the same series."""

    code: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str


async def other_dates(session: ReadSession, series: SeriesRow, event_id: UUID, now: datetime) -> list[OtherDate]:
    """The next public events of the series but for this one."""
    code, starts, ends = col(EventRow.code), col(EventRow.starts_at), col(EventRow.ends_at)
    query = (
        select(code, starts, ends, col(EventRow.time_zone))
        .join(OccurrenceRow, col(OccurrenceRow.event_id) == col(EventRow.id))
        .where(col(OccurrenceRow.series_id) == series.id, col(EventRow.id) != event_id)
        .where(col(EventRow.state) == State.PUBLISHED, starts > now)
        .order_by(starts)
        .limit(MOST_OTHERS)
    )
    rows: Any = await session.execute(query)
    return [OtherDate(*row) for row in rows]


async def series_of_organisations(session: ReadSession, organisation_ids: Collection[UUID]) -> list[SeriesRow]:
    """The organisations' series that go on, the newest first."""
    query = (
        select(SeriesRow)
        .where(col(SeriesRow.organisation_id).in_(organisation_ids), col(SeriesRow.ended_at).is_(None))
        .order_by(col(SeriesRow.created_at).desc())
    )
    return list((await session.execute(query)).scalars())
