"""Edit one event of a series, and with it the others that the organiser means."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from pydantic import ValidationError
from sqlmodel import col, select

from services.events.events.checking import IncompleteError
from services.events.events.commands import edit_event, locked
from services.events.events.describing import content_of
from services.events.events.drafting import EventContent
from services.events.events.scheduling import TimeFarError
from services.events.series.fields import Fields, as_on_day, as_on_first, changed_fields, fields_of, with_fields
from services.events.series.model import OccurrenceRow, SeriesRow
from services.events.series.queries import Occurrence, content_of_series, lock_events, with_occurrences
from shared.auth.members import Member
from shared.database.engine import WriteSession


class Scope(StrEnum):
    """Which events of a series an edit is for."""

    THIS = "this"
    LATER = "later"
    ALL = "all"

    @classmethod
    def of(cls, typed: str) -> "Scope":
        """What a form says; this one alone where it says nothing that we know."""
        return cls(typed) if typed in set(cls) else cls.THIS


class Spread(NamedTuple):
    """How many other events took the change over, and how many could not: something would be missing there."""

    changed: int = 0
    refused: int = 0


async def edit_occurrences(
    session: WriteSession,
    member: Member,
    event_id: UUID,
    content: EventContent,
    version: int,
    scope: Scope,
    now: datetime,
) -> Spread:
    """The event is as `content` says, and what that changes is changed in the others of `scope` too.

    A field that was changed by hand in one of those stays as it is there. Events that have begun, are over or
    cancelled stay as they are; dates are each event's own. The events that the series makes next take the change
    over. Raises what `edit_event` raises for this event; another one that cannot take the change is left out.
    """
    series = None if scope is Scope.THIS else await _locked_series_of(session, event_id)
    if series is not None:
        await lock_events(session, series.id)
    before = content_of(await locked(session, member, event_id))
    await edit_event(session, member, event_id, content, version, now)
    if series is None:
        return Spread()
    found = await with_occurrences(session, series)
    this = next(one for one in found.occurrences if one.event.row.id == event_id)
    changes = _on_first(before, content, series, this)
    if not changes:
        return Spread()
    others = [one for one in found.to_come(now) if one.day != this.day and (scope is Scope.ALL or one.day > this.day)]
    try:
        series.content = with_fields(content_of_series(series), changes).stored()
        _give(session, this, changes)
    except ValidationError:
        return Spread(refused=len(others))
    session.add(series)
    taken = [await _take_over(session, member, series, one, changes, now) for one in others]
    return Spread(taken.count(True), taken.count(False))


async def _locked_series_of(session: WriteSession, event_id: UUID) -> SeriesRow | None:
    query = (
        select(SeriesRow)
        .join(OccurrenceRow, col(OccurrenceRow.series_id) == col(SeriesRow.id))
        .where(col(OccurrenceRow.event_id) == event_id)
        .with_for_update(of=SeriesRow)
    )
    return (await session.execute(query)).scalar_one_or_none()


def _on_first(before: EventContent, after: EventContent, series: SeriesRow, this: Occurrence) -> Fields:
    old, new = (as_on_first(content, series.first_date, this.day) for content in (before, after))
    return changed_fields(old, new)


async def _take_over(
    session: WriteSession, member: Member, series: SeriesRow, one: Occurrence, changes: Fields, now: datetime
) -> bool | None:
    """Whether the event has the change now; None where all of it was changed by hand there."""
    own, first = content_of(one.event), series.first_date
    current, given = fields_of(as_on_first(own, first, one.day)), fields_of(one.given)
    wanted = {name: value for name, value in changes.items() if current.get(name, "") == given.get(name, "")}
    if not wanted:
        return None
    try:
        content = as_on_day(with_fields(as_on_first(own, first, one.day), wanted), first, one.day, own)
        await edit_event(session, member, one.event.row.id, content, one.event.row.version, now)
    except (IncompleteError, ValidationError, TimeFarError):
        return False
    _give(session, one, wanted)
    return True


def _give(session: WriteSession, one: Occurrence, changes: Fields) -> None:
    one.row.given = with_fields(one.given, changes).stored()
    session.add(one.row)
