"""The relay: publishes what the outbox holds.

Load-bearing invariants:
- It reads pending rows, never "ids above the last one seen": a transaction may commit a lower id later.
- One relay owns a shard of the keys at a time, by an advisory lock of the connection that also reads and marks:
  a relay that lost the connection has lost both.
- A key with a message in flight, or one that Kafka refused, is left out of the next round; others go on.
- Rows stay until they are older than the replay window, and are published again when the log's epoch changes.
- A row is marked only if the log is still the one that it was sent to: the mark takes the row of the epoch FOR SHARE,
  a replay takes it for update.
"""

import asyncio
from asyncio import Future, Task
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import NamedTuple

import asyncpg
import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from shared.database.engine import Database
from shared.messaging import metrics
from shared.messaging.outbox import SHARDS
from shared.messaging.producer import Producer

log = structlog.get_logger()

_LOCKS = 7_263_002
_MEMBERS = 7_263_003
_ROUND = 1000
_IN_FLIGHT = 4000
_REFUSED_WAIT = (0.5, 30.0)

_PENDING = """
    SELECT id, topic, key, value, (SELECT epoch FROM log_positions WHERE reader = 'relay') AS epoch FROM outbox
    WHERE published_at IS NULL AND shard = ANY($1::smallint[])
      AND NOT (key = ANY($2::text[])) AND NOT (id = ANY($3::bigint[]))
    ORDER BY id LIMIT $4
"""
_MARK = """
    WITH log AS (SELECT epoch FROM log_positions WHERE reader = 'relay' FOR SHARE)
    UPDATE outbox SET published_at = now() FROM log WHERE id = ANY($1::bigint[]) AND log.epoch = $2
"""
_OLDEST = "SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM outbox WHERE published_at IS NULL"


class _InFlight(NamedTuple):
    topic: str
    key: str
    epoch: str
    future: Future[RecordMetadata]


class _Refused(NamedTuple):
    until: float
    wait: float


class Relay:
    """Publishes one service's outbox; any number of them share the work."""

    def __init__(self, service: str, database: Database, producer: Producer, *, poll: float = 0.02) -> None:
        """`poll` is the pause in seconds when nothing is pending."""
        self._service = service
        self._database = database
        self._producer = producer
        self._poll = poll
        self._shards: list[int] = []
        self._in_flight: dict[int, _InFlight] = {}
        self._refused: dict[str, _Refused] = {}
        self._balanced_at = 0.0
        self._task: Task[None] | None = None

    def start(self) -> None:
        """Begin to relay in the background."""
        self._task = asyncio.create_task(self._run(), name=f"relay-{self._service}")

    async def stop(self) -> None:
        """Stop at once: what is in flight is published again by the next owner, and dropped by the inboxes."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._own_and_publish()
            except (
                KafkaError,
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                TimeoutError,
            ) as error:
                log.warning("relay.interrupted", service=self._service, error=type(error).__name__)
                await self._producer.reset()
                await asyncio.sleep(1)

    async def _own_and_publish(self) -> None:
        connection = await asyncpg.connect(self._database.url.replace("+asyncpg", ""), timeout=5, command_timeout=30)
        self._shards, self._in_flight, self._balanced_at = [], {}, 0.0
        try:
            await connection.execute("SELECT pg_advisory_lock_shared($1, 0)", _MEMBERS)
            while True:
                if monotonic() - self._balanced_at > 2:
                    await self._balance(connection)
                if not await self.publish_round(connection):
                    await asyncio.sleep(self._poll)
        finally:
            metrics.RELAY_SHARDS.labels(self._service).set(0)
            await _quickly(connection.close(timeout=2))

    async def _balance(self, connection: asyncpg.Connection) -> None:
        members = await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            _MEMBERS,
        )
        share = -(-SHARDS // max(1, members))
        while len(self._shards) > share and not self._in_flight:
            await connection.execute("SELECT pg_advisory_unlock($1, $2)", _LOCKS, self._shards.pop())
        for shard in (s for s in range(SHARDS) if s not in self._shards):
            if len(self._shards) >= share:
                break
            if await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", _LOCKS, shard):
                self._shards.append(shard)
        metrics.RELAY_SHARDS.labels(self._service).set(len(self._shards))
        metrics.RELAY_LAG.labels(self._service).set(await connection.fetchval(_OLDEST))
        self._balanced_at = monotonic()

    async def publish_round(self, connection: asyncpg.Connection) -> int:
        """Send what is pending and mark what Kafka has; returns how many were marked."""
        held = [key for key, refused in self._refused.items() if refused.until > monotonic()]
        held += {flight.key for flight in self._in_flight.values()}
        room = min(_ROUND, _IN_FLIGHT - len(self._in_flight))
        rows = await connection.fetch(_PENDING, self._shards, held, list(self._in_flight), room)
        await self._send(rows)
        if not self._in_flight:
            return 0
        await asyncio.wait([flight.future for flight in self._in_flight.values()], timeout=0.5)
        return await self._mark(connection)

    async def _send(self, rows: list[asyncpg.Record]) -> None:
        blocked: set[str] = set()
        for row in rows:
            key = row["key"]
            if key in blocked or row["epoch"] is None:
                continue
            try:
                future = await self._producer.send(row["topic"], row["value"], key.encode(), [])
            except KafkaError as error:
                self._refuse(row["topic"], key, error)
                blocked.add(key)
            else:
                self._in_flight[row["id"]] = _InFlight(row["topic"], key, row["epoch"], future)

    async def _mark(self, connection: asyncpg.Connection) -> int:
        done = {row_id: flight for row_id, flight in self._in_flight.items() if flight.future.done()}
        published: dict[str, list[int]] = {}
        for row_id, flight in done.items():
            del self._in_flight[row_id]
            error = None if flight.future.cancelled() else flight.future.exception()
            if flight.future.cancelled() or error is not None:
                self._refuse(flight.topic, flight.key, error)
            else:
                published.setdefault(flight.epoch, []).append(row_id)
                self._refused.pop(flight.key, None)
                metrics.RELAYED.labels(self._service, flight.topic).inc()
        for epoch, row_ids in published.items():
            await connection.execute(_MARK, row_ids, epoch)
        count = sum(map(len, published.values()))
        if len(done) > count:
            await self._producer.reset()
        return count

    def _refuse(self, topic: str, key: str, error: BaseException | None) -> None:
        first, most = _REFUSED_WAIT
        known = self._refused.get(key)
        wait = min(most, known.wait * 2) if known else first
        self._refused[key] = _Refused(monotonic() + wait, wait)
        metrics.RELAY_FAILURES.labels(self._service, topic).inc()
        log.warning("relay.refused", service=self._service, topic=topic, error=type(error).__name__)


async def _quickly(closing: Awaitable[None]) -> None:
    with suppress(OSError, asyncpg.InterfaceError, asyncpg.PostgresError, TimeoutError):
        await closing


async def follow_epoch(database: Database, service: str, epoch: str, window_seconds: float) -> bool:
    """Make the window pending again if the relay did not know this epoch of the log; says whether it did so."""
    async with database.engine.begin() as transaction:
        raw = (await transaction.get_raw_connection()).driver_connection
        assert raw is not None  # noqa: S101 - an open transaction has a connection
        known = await raw.fetchval(
            """
            INSERT INTO log_positions AS p (reader, epoch) VALUES ('relay', $1)
            ON CONFLICT (reader) DO UPDATE SET reader = p.reader RETURNING p.epoch
            """,
            epoch,
        )
        if known == epoch:
            return False
        await raw.execute("UPDATE log_positions SET epoch = $1 WHERE reader = 'relay'", epoch)
        count = await raw.execute(
            """
            UPDATE outbox SET published_at = NULL
            WHERE published_at IS NOT NULL AND created_at > now() - make_interval(secs => $1)
            """,
            window_seconds,
        )
    metrics.REPLAYS.labels(service).inc()
    log.warning("relay.replay", service=service, rows=count, at=datetime.now(UTC).isoformat())
    return True
