"""Series of events: begun on Mondays, and read again."""

from datetime import timedelta

from uuid6 import uuid7

from services.events.series.commands import begin_series
from services.events.series.planning import Terms, Window
from services.events.series.queries import series_by_id
from services.events.series.rules import Frequency, Rule

WINDOW = Window(timedelta(weeks=8), 3)
WEEKLY = Rule(Frequency.WEEKLY, (0,))
"""Mondays, as `content()` is on Monday, 5 April."""


def terms(rule=WEEKLY, *skipped, publishes=True):
    return Terms(rule, frozenset(skipped), publishes=publishes)


async def begin(events, member, event_id, terms, key=None):
    async with events.database.begin() as session:
        return await begin_series(session, member, event_id, terms, key or uuid7(), WINDOW, events.now)


async def series_of(events, series_id):
    async with events.database.read() as session:
        return await series_by_id(session, series_id)


async def a_series(events, member, chosen=None, **changes):
    """A published event that repeats: the ids of the series and of its events."""
    event_id = await events.published(member, **changes)
    series_id = await begin(events, member, event_id, chosen or terms())
    return series_id, [one.event.row.id for one in (await series_of(events, series_id)).occurrences]


async def venues(events, ids):
    return [(await events.row(event_id)).venue_name for event_id in ids]
