"""Open lists that update by themselves: one stream of server-sent events per page.

A stream says only that the list changed, with the pool's figures; the page then asks for the list again, as anybody
would. One statement a second asks for all events that somebody of this process looks at, so that any number of
processes hear of a change of any other. Streams are counted: beyond the limit the page works as it does without.
"""

import asyncio
import json
from asyncio import Task
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from prometheus_client import Gauge
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from shared.database.engine import Database, ReadSession

log = structlog.get_logger()

MOST = 500
MOST_OF_ONE = 12
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
OPEN = Gauge("teilhabe_live_lists", "Lists that are open and update by themselves")


class TooManyStreamsError(Exception):
    """No further stream: this process, or this person, has as many as there may be."""


class Standing(NamedTuple):
    """How an event's list stands; `version` grows with each change of it."""

    version: int
    capacity: int
    taken: int
    waiting: int

    def as_event(self) -> bytes:
        """As a stream says it."""
        return f"event: standing\ndata: {json.dumps(self._asdict())}\n\n".encode()


_STANDINGS = text(
    """
    SELECT p.event_id, sum(p.version)::bigint + coalesce(max(l.version), 0) AS version,
           sum(p.capacity) AS capacity, sum(p.taken) AS taken, sum(p.waiting) AS waiting
    FROM places p LEFT JOIN list_versions l ON l.event_id = p.event_id
    WHERE p.event_id = ANY(:ids) GROUP BY p.event_id
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))


async def standings_of(session: ReadSession, event_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """How the lists of these events stand."""
    rows: Any = await session.execute(_STANDINGS, {"ids": list(event_ids)})
    return {row.event_id: Standing(row.version, row.capacity, row.taken, row.waiting) for row in rows}


async def standing_of(session: ReadSession, event_id: UUID) -> Standing | None:
    """How the list of one event stands."""
    return (await standings_of(session, [event_id])).get(event_id)


class LiveLists:
    """The open streams of one process."""

    def __init__(self, database: Database, longest: timedelta) -> None:
        self.longest = longest.total_seconds()
        """Seconds until the browser has to open a stream anew."""
        self.every = 1.0
        """Seconds between two looks at the database."""
        self.check_every = 15.0
        """Seconds after which a stream asks whether it may go on, and says that it is still there."""
        self._database = database
        self._looks_at: Counter[UUID] = Counter()
        self._of_person: Counter[UUID] = Counter()
        self._standings: dict[UUID, Standing] = {}
        self._looking: Task[None] | None = None
        self._looked = asyncio.Event()

    @property
    def open(self) -> int:
        """How many streams there are."""
        return self._looks_at.total()

    def admit(self, person_id: UUID) -> None:
        """Raise TooManyStreamsError where this person may not open one more."""
        if self.open >= MOST or self._of_person[person_id] >= MOST_OF_ONE:
            raise TooManyStreamsError

    async def stream(
        self, event_id: UUID, person_id: UUID, allowed: Callable[[], Awaitable[bool]], stops: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        """The bytes of one stream, until its time is over, the process stops, or it is not allowed any more."""
        self._enter(event_id, person_id)
        try:
            async for part in self._parts(event_id, allowed, stops):
                yield part
        finally:
            self._leave(event_id, person_id)

    async def _parts(
        self, event_id: UUID, allowed: Callable[[], Awaitable[bool]], stops: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        clock = asyncio.get_running_loop().time
        began = checked = clock()
        said: Standing | None = None
        yield b"retry: 3000\n\n"
        while not stops():
            if clock() - checked >= self.check_every:
                if not await allowed():
                    yield b"event: end\ndata: {}\n\n"
                    return
                checked = clock()
                yield b": still here\n\n"
            standing = self._standings.get(event_id)
            if standing and standing != said:
                yield standing.as_event()
                said = standing
            if clock() - began >= self.longest:
                return
            await self._next_look()

    async def _next_look(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.every):
                await self._looked.wait()

    def _enter(self, event_id: UUID, person_id: UUID) -> None:
        self._looks_at[event_id] += 1
        self._of_person[person_id] += 1
        OPEN.set(self.open)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="live-lists")

    def _leave(self, event_id: UUID, person_id: UUID) -> None:
        for counted, key in ((self._looks_at, event_id), (self._of_person, person_id)):
            counted[key] -= 1
            if not counted[key]:
                del counted[key]
        if event_id not in self._looks_at:
            self._standings.pop(event_id, None)
        if not self._looks_at and self._looking:
            self._looking.cancel()
            self._looking = None
        OPEN.set(self.open)

    async def _look(self) -> None:
        while True:
            try:
                await self._look_once()
            except Exception as error:  # noqa: BLE001 - lists go on when the database is there again
                log.warning("live.failed", error=type(error).__name__)
            self._looked.set()
            self._looked = asyncio.Event()
            await asyncio.sleep(self.every)

    async def _look_once(self) -> None:
        async with self._database.read() as session:
            found = await standings_of(session, list(self._looks_at))
        self._standings |= {event_id: standing for event_id, standing in found.items() if event_id in self._looks_at}
