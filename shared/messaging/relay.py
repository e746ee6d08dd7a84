"""The relay: publishes what the outbox holds.

Load-bearing invariants:
- It reads pending rows, never "ids above the last one seen": a transaction may commit a lower id later.
- One relay owns a shard of the keys at a time, by an advisory lock of the connection that also reads and marks:
  a relay that lost the connection has lost both.
- A key with a message in flight, or one that Kafka refused, is left out of the next round; others go on. So is a
  topic that takes nothing: it is not there, or its partition has no leader.
- Behind a message that failed, no later one of its key is marked: all of them are sent again, in their order.
- Rows stay until they are older than the replay window, and are published again when the log's epoch changes.
- A row is sent only to the log whose epoch the database knew when the row was read: a new log begins with the window,
  in its order, and nothing newer comes before it (docs/decisions/0005).
- A row is marked only if the log is still the one that it was sent to: the mark takes the row of the epoch FOR SHARE,
  a replay takes it for update.
"""

import asyncio
from asyncio import Future, Task
from collections import Counter
from datetime import UTC, datetime
from time import monotonic
from typing import Any, NamedTuple

import asyncpg
import structlog
from aiokafka.errors import KafkaError, ProducerClosed
from aiokafka.structs import RecordMetadata
from sqlalchemy import text

from shared.database.engine import Database
from shared.messaging import metrics
from shared.messaging.limits import within
from shared.messaging.outbox import SHARDS
from shared.messaging.producer import Producer

log = structlog.get_logger()

_LOCKS = 7_263_002
_MEMBERS = 7_263_003
_ROUND = 2000
_BREATH = 200
"""Messages after which the producer gets a moment to send what it has: Kafka works while the rest is queued."""
_IN_FLIGHT = 4000
_REFUSED_WAIT = (0.5, 8.0)
_TOPIC_WAIT = 5.0
_LOG_WAIT = 0.3
"""Seconds until the relay asks again whether Kafka is there, and with the log that the database knows."""
_KEEPALIVE = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""Seconds, and probes: PostgreSQL frees the shards of a relay whose machine is gone after 25 s instead of two hours."""

_PENDING = """
    SELECT id, topic, key, value, (SELECT epoch FROM log_positions WHERE reader = 'relay') AS epoch FROM outbox
    WHERE published_at IS NULL AND shard = ANY($1::smallint[])
      AND NOT (key = ANY($2::text[])) AND NOT (topic = ANY($3::text[]))
    ORDER BY id LIMIT $4
"""
_MARK = """
    WITH log AS (SELECT epoch FROM log_positions WHERE reader = 'relay' FOR SHARE)
    UPDATE outbox SET published_at = now() FROM log WHERE id = ANY($1::bigint[]) AND log.epoch = $2
"""
_KNOWN = text(
    """
    INSERT INTO log_positions AS p (reader, epoch) VALUES ('relay', :epoch)
    ON CONFLICT (reader) DO UPDATE SET reader = p.reader RETURNING p.epoch
    """
)
_FOLLOW = text("UPDATE log_positions SET epoch = :epoch WHERE reader = 'relay'")
_REPLAY = text(
    """
    UPDATE outbox SET published_at = NULL
    WHERE published_at IS NOT NULL AND created_at > now() - make_interval(secs => :seconds)
    """
)
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
        self._closed_topics: dict[str, float] = {}
        self._balanced_at = 0.0
        self._task: Task[None] | None = None

    def start(self) -> None:
        """Begin to relay in the background."""
        self._task = asyncio.create_task(self._run(), name=f"relay-{self._service}")

    @property
    def runs(self) -> bool:
        """Whether the background task is there."""
        return self._task is not None and not self._task.done()

    async def stop(self, limit: float = 5) -> None:
        """Stop at once: what is in flight is published again by the next owner, and dropped by the inboxes."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=limit)

    async def _run(self) -> None:
        while True:
            try:
                await self._own_and_publish()
            except Exception as error:  # noqa: BLE001 - whatever it was, a relay that ends publishes nothing any more
                log.warning("relay.interrupted", service=self._service, error=type(error).__name__)
                await self._producer.reset()
                await asyncio.sleep(1)

    async def _own_and_publish(self) -> None:
        url = self._database.url.replace("+asyncpg", "")
        connection = await asyncpg.connect(url, timeout=5, command_timeout=30, server_settings=_KEEPALIVE)
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
            await within(3, connection.close(timeout=2))

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
        now = monotonic()
        held = [key for key, refused in self._refused.items() if refused.until > now]
        held += {flight.key for flight in self._in_flight.values()}
        closed = [topic for topic, until in self._closed_topics.items() if until > now]
        room = min(_ROUND, _IN_FLIGHT - len(self._in_flight))
        rows = await connection.fetch(_PENDING, self._shards, held, closed, room)
        if rows and rows[0]["epoch"] is not None:
            await (self._send(rows) if await self._producer.leads_to(rows[0]["epoch"]) else asyncio.sleep(_LOG_WAIT))
        if not self._in_flight:
            return 0
        await asyncio.wait([flight.future for flight in self._in_flight.values()], timeout=0.5)
        return await self._mark(connection)

    async def _send(self, rows: list[asyncpg.Record]) -> None:
        blocked: set[str] = set()
        for number, row in enumerate(rows, 1):
            if number % _BREATH == 0:
                await asyncio.sleep(0)
            topic, key = row["topic"], row["key"]
            if key in blocked or topic in blocked:
                continue
            try:
                future = await self._producer.send(topic, row["value"], key.encode(), [], epoch=row["epoch"])
            except TimeoutError:
                self._close_topic(topic)
                blocked |= {topic, key}
            except KafkaError as error:
                self._refuse(topic, key, error)
                blocked.add(key)
            else:
                self._in_flight[row["id"]] = _InFlight(topic, key, row["epoch"], future)

    async def _mark(self, connection: asyncpg.Connection) -> int:
        done = sorted((row_id, flight) for row_id, flight in self._in_flight.items() if flight.future.done())
        published: dict[str, list[int]] = {}
        failed: dict[str, BaseException] = {}
        sent: Counter[str] = Counter()
        for row_id, flight in done:
            del self._in_flight[row_id]
            if flight.key in failed:
                continue
            if (error := _error_of(flight)) is not None:
                failed[flight.key] = error
                self._refuse(flight.topic, flight.key, error)
            else:
                published.setdefault(flight.epoch, []).append(row_id)
                sent[flight.topic] += 1
                self._refused.pop(flight.key, None)
        for topic, count in sent.items():
            metrics.RELAYED.labels(self._service, topic).inc(count)
        if any(not isinstance(error, ProducerClosed) for error in failed.values()):
            await self._producer.reset()
        return sum([await _mark_rows(connection, row_ids, epoch) for epoch, row_ids in published.items()])

    def _close_topic(self, topic: str) -> None:
        self._closed_topics[topic] = monotonic() + _TOPIC_WAIT
        metrics.RELAY_FAILURES.labels(self._service, topic).inc()
        log.warning("relay.topic_takes_nothing", service=self._service, topic=topic)

    def _refuse(self, topic: str, key: str, error: BaseException) -> None:
        if isinstance(error, ProducerClosed):
            return
        first, most = _REFUSED_WAIT
        known = self._refused.get(key)
        wait = min(most, known.wait * 2) if known else first
        self._refused[key] = _Refused(monotonic() + wait, wait)
        metrics.RELAY_FAILURES.labels(self._service, topic).inc()
        log.warning("relay.refused", service=self._service, topic=topic, error=type(error).__name__)


def _error_of(flight: _InFlight) -> BaseException | None:
    return ProducerClosed() if flight.future.cancelled() else flight.future.exception()


async def _mark_rows(connection: asyncpg.Connection, row_ids: list[int], epoch: str) -> int:
    status: str = await connection.execute(_MARK, row_ids, epoch)
    return int(status.rpartition(" ")[2])


async def follow_epoch(database: Database, service: str, epoch: str, window_seconds: float) -> bool:
    """Make the window pending again if the relay did not know this epoch of the log; says whether it did so.

    The new epoch and the pending window are one transaction: a relay that dies in between has neither.
    """
    async with database.read() as session:
        if await session.scalar(text("SELECT epoch FROM log_positions WHERE reader = 'relay'")) == epoch:
            return False
    async with database.begin() as session:
        if await session.scalar(_KNOWN, {"epoch": epoch}) == epoch:
            return False
        await session.execute(_FOLLOW, {"epoch": epoch})
        replayed: Any = await session.execute(_REPLAY, {"seconds": window_seconds})
    metrics.REPLAYS.labels(service).inc()
    log.warning("relay.replay", service=service, rows=replayed.rowcount, at=datetime.now(UTC).isoformat())
    return True
