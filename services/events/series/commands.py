"""Begin and end a series, and make the events that it is to have by now. The commands never commit.

Locks are taken in one order: the series, then its events. A series makes a day's event once: its row is locked, and
the table of occurrences has one row for each day.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from uuid6 import uuid7

from services.events.events.auditing import Deputy
from services.events.events.checking import SESSIONS, IncompleteError, Missing, what_is_missing
from services.events.events.commands import WrongStateError, create_event, locked
from services.events.events.describing import content_of
from services.events.events.duplicating import moved
from services.events.events.model import State
from services.events.events.publishing import publish_event
from services.events.series.model import OccurrenceRow, SeriesRow
from services.events.series.planning import Terms, Window, first_day, planned
from services.events.series.queries import content_of_series, series_of_event
from services.events.series.rules import Rule
from shared.auth.audit import Details, record
from shared.auth.members import Member, Membership
from shared.auth.rights import Right
from shared.contracts.organisations import Role
from shared.database.engine import WriteSession

LOOK_EVERY = timedelta(hours=1)


class InSeriesError(Exception):
    """The event belongs to a series already."""

    def __init__(self, series_id: UUID) -> None:
        super().__init__(series_id)
        self.series_id = series_id


class UnknownSeriesError(Exception):
    """There is no such series, or the member may not change it."""


async def begin_series(
    session: WriteSession,
    member: Member,
    event_id: UUID,
    terms: Terms,
    request_key: UUID,
    window: Window,
    now: datetime,
) -> UUID:
    """The event repeats: its series has the events of the window from now on; returns its id.

    The event itself is the first of them if the rule has its day, and stays by itself otherwise. The same key again
    returns the series that it made. Raises UnknownEventError, WrongStateError for a postponed or cancelled event,
    IncompleteError for one without a date, InSeriesError.
    """
    if (series_id := await _made_before(session, member, request_key)) is not None:
        return series_id
    event = await locked(session, member, event_id)
    if event.row.state not in {State.DRAFT, State.PUBLISHED}:
        raise WrongStateError(event.row.state)
    if (earlier := await series_of_event(session, event_id)) is not None:
        raise InSeriesError(earlier.id)
    own = content_of(event)
    if not own.sessions:
        raise IncompleteError([Missing("starts-1", SESSIONS)])
    content, first = moved(own, 0), first_day(own)
    series = SeriesRow(
        id=uuid7(),
        organisation_id=event.row.organisation_id,
        rule=terms.rule.text(),
        first_date=first,
        skipped=sorted(terms.skipped),
        publishes=terms.publishes,
        content=content.stored(),
        created_by=member.person_id,
        request_key=request_key,
        created_at=now,
        due_at=now,
    )
    session.add(series)
    await session.flush()
    if next(iter(terms.rule.days(first)), None) == first and first not in terms.skipped:
        session.add(OccurrenceRow(series_id=series.id, day=first, event_id=event_id, given=content.stored()))
        await session.flush()
    await audit_series(session, member, "series.begun", series, {}, said(series))
    await fill(session, series, window, now)
    return series.id


async def _made_before(session: WriteSession, member: Member, request_key: UUID) -> UUID | None:
    query = select(col(SeriesRow.id)).where(
        col(SeriesRow.created_by) == member.person_id, col(SeriesRow.request_key) == request_key
    )
    return (await session.execute(query)).scalar_one_or_none()


async def locked_series(session: WriteSession, member: Member, series_id: UUID) -> SeriesRow:
    """The series, which nobody else changes until this transaction ends. Raises UnknownSeriesError."""
    query = select(SeriesRow).where(
        col(SeriesRow.id) == series_id,
        col(SeriesRow.organisation_id).in_(member.organisations_where(Right.EDIT)),
    )
    series = (await session.execute(query.with_for_update())).scalar_one_or_none()
    if series is None:
        raise UnknownSeriesError
    return series


async def end_series(session: WriteSession, member: Member, series_id: UUID, now: datetime) -> None:
    """No more events are made; those that there are stay. Ending again changes nothing. Raises UnknownSeriesError."""
    series = await locked_series(session, member, series_id)
    if series.ended_at is None:
        series.ended_at = now
        session.add(series)
        await audit_series(session, member, "series.ended", series, {}, {})


async def fill(session: WriteSession, series: SeriesRow, window: Window, now: datetime) -> list[UUID]:
    """Make the events of the window that are not there yet; returns their ids. The series is locked by the caller.

    They are published if the series says so and nothing is missing, else they are drafts.
    """
    if series.ended_at is not None:
        return []
    rows = await session.execute(select(col(OccurrenceRow.day)).where(col(OccurrenceRow.series_id) == series.id))
    there = set(rows.scalars())
    content, deputy = content_of_series(series), _deputy(series)
    wanted = planned(Rule.parse(series.rule), content, series.first_date, series.skipped, now, window)
    made = []
    for one in wanted:
        if one.day in there:
            continue
        event_id = await create_event(session, deputy, series.organisation_id, one.content, uuid7(), now)
        session.add(OccurrenceRow(series_id=series.id, day=one.day, event_id=event_id, given=series.content))
        await session.flush()
        if series.publishes and not what_is_missing(one.content, now):
            await publish_event(session, deputy, event_id, 1, now)
        made.append(event_id)
    series.due_at = now + LOOK_EVERY
    session.add(series)
    return made


def _deputy(series: SeriesRow) -> Deputy:
    """Acts for the organisation, whether or not who began the series still belongs to it."""
    organisation_id = series.organisation_id
    return Deputy(series.created_by, {organisation_id: Membership(organisation_id, Role.ORGANISER, {})})


def said(series: SeriesRow) -> Details:
    """What the log of changes is told of a series."""
    days = " ".join(day.isoformat() for day in series.skipped)
    times = content_of_series(series).sessions
    told: Details = {"rule": series.rule, "publishes": series.publishes, "skipped": days}
    return told | {"starts-1": times[0].starts_at.isoformat(), "ends-1": times[0].ends_at.isoformat()}


async def audit_series(
    session: WriteSession, member: Member, action: str, series: SeriesRow, before: Details, after: Details
) -> None:
    """Tell the log of changes who did this to the series."""
    await record(
        session,
        action,
        person_id=member.person_id,
        organisation_id=series.organisation_id,
        subject_id=series.id,
        before=before,
        after=after,
    )
