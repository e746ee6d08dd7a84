"""Change the rule of a series: first what would happen to each of its events, then that, if the organiser means it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from itertools import takewhile
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.events.events.cancelling import cancel_event
from services.events.events.commands import edit_event
from services.events.events.describing import content_of
from services.events.events.drafting import EventContent
from services.events.events.model import State
from services.events.events.rescheduling import reschedule_event
from services.events.series.commands import audit_series, fill, locked_series, said
from services.events.series.model import SeriesRow
from services.events.series.planning import Planned, Terms, Window, on_day, planned
from services.events.series.queries import Occurrence, Series, lock_events, with_occurrences
from shared.auth.members import Member
from shared.database.engine import WriteSession

_DELETE = [
    text(f"DELETE FROM {table} WHERE {column} = :id")  # noqa: S608 - names of ours
    for table, column in (
        ("event_versions", "event_id"),
        ("event_texts", "event_id"),
        ("sessions", "event_id"),
        ("places", "event_id"),
        ("events", "id"),
    )
]


class Fate(StrEnum):
    """What a change of the rule does to an event that there is."""

    KEPT = "kept"
    MOVED = "moved"
    """The same day at another time; whoever is registered is told."""
    DROPPED = "dropped"
    """A draft on a day that the rule has no longer: it is deleted."""
    CANCELLED = "cancelled"
    """Public, on such a day, and nobody is registered."""
    LEFT = "left"
    """On such a day, and somebody is registered: it takes place, and no longer belongs to the series."""


class Judged(NamedTuple):
    """An event, and what becomes of it."""

    occurrence: Occurrence
    fate: Fate


@dataclass(frozen=True)
class Plan:
    """What would happen: to the events that there are and are to come, and which ones are made now."""

    judged: list[Judged]
    new: list[Planned]

    def of(self, fate: Fate) -> list[Occurrence]:
        """The events with this fate."""
        return [one.occurrence for one in self.judged if one.fate is fate]

    @property
    def digest(self) -> str:
        """The same for the same plan: what was confirmed is what is done."""
        lines = [f"{one.occurrence.event.row.id} {one.fate}" for one in self.judged]
        lines += [one.starts_at.isoformat() for one in self.new]
        return sha256("\n".join(lines).encode()).hexdigest()[:24]


class SeriesEndedError(Exception):
    """The series has ended."""


class OtherPlanError(Exception):
    """Since the organiser saw the plan somebody registered, or an event changed."""


@dataclass(frozen=True)
class Change:
    """What a series is to be: its terms, and what its next events are made from."""

    terms: Terms
    content: EventContent


class Confirmed(NamedTuple):
    """The plan that the organiser saw, and why what it cancels does not take place."""

    digest: str
    reason: str


def plan_change(series: Series, change: Change, window: Window, now: datetime) -> Plan:
    """What the change would do."""
    first, terms = series.row.first_date, change.terms
    wanted = planned(terms.rule, change.content, first, terms.skipped, now, window)
    last = max((one.day for one in series.occurrences), default=first)
    days = set(takewhile(lambda day: day <= last, terms.rule.days(first))) - terms.skipped
    judged = [Judged(one, _fate(one, days, series, change.content, now)) for one in series.to_come(now)]
    held = {one.day for one in series.occurrences} - {one.occurrence.day for one in judged if one.fate in _GOING}
    return Plan(judged, [one for one in wanted if one.day not in held])


_GOING = {Fate.DROPPED, Fate.CANCELLED, Fate.LEFT}


def _fate(one: Occurrence, days: Collection[date], series: Series, content: EventContent, now: datetime) -> Fate:
    row = one.event.row
    if one.day in days:
        return Fate.MOVED if _times_change(one, series, content, now) else Fate.KEPT
    if one.event.taken or one.event.waiting:
        return Fate.LEFT
    return Fate.DROPPED if row.state == State.DRAFT else Fate.CANCELLED


def _times_change(one: Occurrence, series: Series, content: EventContent, now: datetime) -> bool:
    """Whether the event's times are those that the series gave it, and others now. A postponed one has none."""
    first, own = series.row.first_date, content_of(one.event)
    given = on_day(series.content, first, one.day).sessions
    wanted = on_day(content, first, one.day).sessions
    return own.sessions == given != wanted and wanted[0].starts_at > now and one.event.row.state != State.POSTPONED


async def change_series(
    session: WriteSession,
    member: Member,
    series_id: UUID,
    change: Change,
    confirmed: Confirmed,
    window: Window,
    now: datetime,
) -> None:
    """The series is as the change says, and its events become what the plan said that the organiser confirmed.

    Raises UnknownSeriesError, SeriesEndedError, OtherPlanError where the plan is another one by now, IncompleteError
    where something is cancelled without a reason.
    """
    row = await locked_series(session, member, series_id)
    if row.ended_at is not None:
        raise SeriesEndedError
    await lock_events(session, series_id)
    series = await with_occurrences(session, row)
    plan = plan_change(series, change, window, now)
    if plan.digest != confirmed.digest:
        raise OtherPlanError
    before, old, terms = said(row), series.content, change.terms
    await _let_go(session, member, plan, confirmed.reason, now)
    row.rule, row.skipped, row.publishes = terms.rule.text(), sorted(terms.skipped), terms.publishes
    row.content, row.version = change.content.stored(), row.version + 1
    session.add(row)
    for one in plan.of(Fate.MOVED):
        await _move(session, member, one, row, change.content, now)
    if old.sessions != change.content.sessions:
        _give_times(session, [one.occurrence for one in plan.judged if one.fate not in _GOING], change.content)
    await session.flush()
    await audit_series(session, member, "series.changed", row, before, said(row))
    await fill(session, row, window, now)


async def _let_go(session: WriteSession, member: Member, plan: Plan, reason: str, now: datetime) -> None:
    """What is on a day that the rule has no longer belongs to the series no longer."""
    for one in plan.of(Fate.CANCELLED):
        row = one.event.row
        await cancel_event(session, member, row.id, {row.main_language: reason}, row.version, now)
        await session.delete(one.row)
    for one in plan.of(Fate.LEFT):
        await session.delete(one.row)
    for one in plan.of(Fate.DROPPED):
        await _drop(session, one)
    await session.flush()


async def _drop(session: WriteSession, one: Occurrence) -> None:
    """Delete the draft; one that something else speaks of stays, by itself."""
    await session.delete(one.row)
    await session.flush()
    try:
        async with session.begin_nested():
            for statement in _DELETE:
                await session.execute(statement, {"id": one.event.row.id})
    except IntegrityError:
        return


async def _move(
    session: WriteSession, member: Member, one: Occurrence, series: SeriesRow, content: EventContent, now: datetime
) -> None:
    event, there = one.event, on_day(content, series.first_date, one.day)
    own = content_of(event)
    if event.row.state == State.DRAFT:
        dates = {"time_zone": there.time_zone, "sessions": there.sessions}
        await edit_event(session, member, event.row.id, own.model_copy(update=dates), event.row.version, now)
    else:
        zone, version = there.time_zone, event.row.version
        await reschedule_event(session, member, event.row.id, zone, there.sessions, version, now)


def _give_times(session: WriteSession, occurrences: list[Occurrence], content: EventContent) -> None:
    """What the series gave its events has the new times too."""
    stored = content.stored()
    times = {"sessions": stored["sessions"], "time_zone": stored["time_zone"]}
    for one in occurrences:
        one.row.given = one.row.given | times
        session.add(one.row)
