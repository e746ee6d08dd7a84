"""The timer's part: series whose events are to be looked after."""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select, text, update
from sqlmodel import col

from services.events.series.commands import LOOK_EVERY, fill
from services.events.series.model import SeriesRow
from services.events.series.planning import Window
from shared.database.engine import Database, WriteSession

log = structlog.get_logger()

_DUE = text("SELECT id FROM series WHERE ended_at IS NULL AND due_at <= :now ORDER BY due_at LIMIT :most")
_MOST = 20


async def fill_due(database: Database, window: Window, now: datetime) -> int:
    """Make what is missing in the series that are due, each in a transaction of its own; returns how many there were.

    A series that fails is left for an hour, so that it holds up no other; then the failure is raised.
    """
    async with database.read() as session:
        due = list((await session.execute(_DUE, {"now": now, "most": _MOST})).scalars())
    failure: Exception | None = None
    for series_id in due:
        try:
            async with database.begin() as session:
                await _fill_one(session, series_id, window, now)
        except Exception as error:  # noqa: BLE001 - the others are not to wait for this one
            log.warning("series.failed", series_id=str(series_id), error=type(error).__name__)
            failure = error
            async with database.begin() as session:
                later = update(SeriesRow).where(col(SeriesRow.id) == series_id).values(due_at=now + LOOK_EVERY)
                await session.execute(later)
    if failure:
        raise failure
    return len(due)


async def _fill_one(session: WriteSession, series_id: UUID, window: Window, now: datetime) -> None:
    """Nothing where another process has the series in its hands, or had it a moment ago."""
    series = (await session.execute(_locking(_due_one(series_id, now)))).scalar_one_or_none()
    if series is not None:
        await fill(session, series, window, now)


def _due_one(series_id: UUID, now: datetime) -> Any:
    is_it = col(SeriesRow.id) == series_id
    return select(SeriesRow).where(is_it, col(SeriesRow.ended_at).is_(None), col(SeriesRow.due_at) <= now)


def _locking(query: Any) -> Any:
    return query.with_for_update(skip_locked=True)
