"""How a batch of records is handled: together, else one by one; retried, else set aside; then acknowledged.

Load-bearing invariants:
- Offsets are committed after the handler's transaction, by this module alone.
- A record that cannot be read or handled goes to its dead-letter topic at once; its neighbours are handled.
- A transient error of one record is retried inside a budget. An outage of the service's own database is nobody's
  fault: the consumer waits for it, however long, and no record is set aside (docs/decisions/0006). What looks like an
  outage while the database answers is the handler's own trouble, and transient.
- Records gone from the log before they were read renew the log's epoch, so that the relays publish them again.
- No error leaves the middleware: FastStream would pass over it, and the next commit over the records.
- A dead letter that was replayed for another service's sake is not ours to handle.
"""

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, TypeAlias

import asyncpg
import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import BaseMiddleware
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.messaging import metrics
from shared.messaging.dead_letters import reason_of, set_aside
from shared.messaging.dlq import REPLAYED_FOR
from shared.messaging.log_epoch import LogEpoch
from shared.messaging.losses import LossWatch
from shared.messaging.producer import Producer

log = structlog.get_logger()

Record: TypeAlias = "ConsumerRecord[bytes, bytes]"
Handle = Callable[[Sequence[Record]], Awaitable[Any]]
Ping = Callable[[], Awaitable[None]]

RETRY_BUDGET = 20.0
"""Seconds for which one record's transient errors are retried."""

_TRANSIENT_STATES = ("40", "55P03", "57014", "25P03")
_OUTAGE_STATES = ("08", "53", "57P", "58", "25006")
_BELIEVED = 3
"""Attempts after which an outage is believed only if the database does not answer either."""


def is_outage(error: BaseException) -> bool:
    """Whether the database cannot work: no connection, shutting down, read-only, or out of disk, memory or slots.

    A value that the driver cannot encode is the message's fault, although its error is an InterfaceError as well.
    """
    if isinstance(error, asyncpg.DataError):
        return False
    if isinstance(error, (OSError, PoolTimeoutError, TimeoutError, asyncpg.InterfaceError)):
        return True
    return _state(error).startswith(_OUTAGE_STATES) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def is_transient(error: BaseException) -> bool:
    """Whether the same record may succeed a moment later: deadlock, serialization, lock or statement timeout."""
    return is_outage(error) or _state(error).startswith(_TRANSIENT_STATES)


def _state(error: BaseException) -> str:
    original = getattr(error, "orig", error)
    return str(getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or "")


def _pause(attempt: int) -> float:
    return min(10.0, 0.05 * 2.0 ** min(attempt, 10)) * random.uniform(0.5, 1.5)


class Consumption:
    """The policy above, for one worker process."""

    def __init__(
        self, producer: Producer, epoch: LogEpoch, budget: float = RETRY_BUDGET, ping: Ping | None = None
    ) -> None:
        """`ping` raises if the service's database does not answer."""
        self._producer = producer
        self._epoch = epoch
        self._budget = budget
        self._ping = ping
        self._losses = LossWatch()
        self.progressed_at: dict[str, float] = {}
        self.handling_since: dict[str, float] = {}
        self.waiting: set[tuple[str, str]] = set()

    async def process(self, records: Sequence[Record], group: str, handle: Handle, consumer: Any) -> None:
        """Handle all records, whatever it takes; returns when each is handled or set aside."""
        topic = records[0].topic
        self.handling_since[topic] = monotonic()
        if await self._losses.happened(records, consumer):
            log.error("consume.records_lost", group=group, topic=topic)
            await self._epoch.renew()
        with metrics.HANDLING.labels(group, topic).time():
            await self._together_or_singly(records, group, handle)
        metrics.CONSUMED.labels(group, topic).inc(len(records))
        self.progressed_at[topic] = monotonic()
        del self.handling_since[topic]

    async def _together_or_singly(self, records: Sequence[Record], group: str, handle: Handle) -> None:
        topic = records[0].topic
        try:
            await self._through_outages(records, group, handle)
        except Exception:  # noqa: BLE001 - any failure of a batch is looked at record by record
            metrics.ONE_BY_ONE.labels(group, topic).inc()
            for record in records:
                await self._one(record, group, handle)
                self.handling_since[topic] = monotonic()

    async def _one(self, record: Record, group: str, handle: Handle) -> None:
        deadline: float | None = None
        attempt = 0
        while True:
            try:
                return await self._through_outages([record], group, handle)
            except Exception as error:  # noqa: BLE001 - what it was decides below
                deadline = deadline or monotonic() + self._budget
                if not is_transient(error) or monotonic() > deadline:
                    return await self._dead(record, group, error)
                metrics.RETRIES.labels(group, record.topic).inc()
                await asyncio.sleep(_pause(attempt))
                attempt += 1

    async def _through_outages(self, records: Sequence[Record], group: str, handle: Handle) -> None:
        where = (group, records[0].topic)
        attempt = 0
        while True:
            try:
                await handle(records)
            except Exception as error:
                if not is_outage(error) or (attempt >= _BELIEVED and await self._database_answers()):
                    self._wait_state(where, waiting=False)
                    raise
                log.warning("consume.database_away", group=group, topic=where[1], error=reason_of(error))
                self._wait_state(where, waiting=True)
                await asyncio.sleep(_pause(attempt))
                attempt += 1
            else:
                return self._wait_state(where, waiting=False)

    async def _database_answers(self) -> bool:
        if self._ping is None:
            return False
        try:
            await self._ping()
        except Exception:  # noqa: BLE001 - whatever it says, it does not answer
            return False
        return True

    def _wait_state(self, where: tuple[str, str], *, waiting: bool) -> None:
        (self.waiting.add if waiting else self.waiting.discard)(where)
        metrics.OUTAGES.labels(*where).set(int(waiting))

    async def _dead(self, record: Record, group: str, error: BaseException) -> None:
        log.error(
            "consume.dead_letter",
            group=group,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=reason_of(error),
        )
        attempt = 0
        while True:
            try:
                return await set_aside(self._producer, record, group, error)
            except (KafkaError, OSError) as trouble:
                log.warning("consume.dead_letter_delayed", group=group, error=type(trouble).__name__)
                await self._producer.reset()
                await asyncio.sleep(_pause(attempt))
                attempt += 1

    def rewound(self, partition: TopicPartition) -> None:
        """The partition is read from the beginning again."""
        self._losses.forget(partition)


def consumption_middleware(consumption: Consumption, group: str) -> Any:
    """The FastStream middleware that hands each batch to the policy."""

    class ConsumptionMiddleware(BaseMiddleware[Any, Any]):
        async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: Any) -> None:
            consumer = self.context.get_local("handler_").consumer
            records = [record for record in msg.raw_message if _is_for(record, group)]

            async def handle(some: Sequence[Record]) -> None:
                part = copy.copy(msg)
                part.raw_message = tuple(some)
                await call_next(part)

            if records:
                await _until_done(lambda: consumption.process(records, group, handle, consumer), group)
            await _commit(consumer, group)

    return ConsumptionMiddleware


def _is_for(record: Record, group: str) -> bool:
    """A tombstone says nothing to a consumer, and a letter replayed for another group nothing to this one."""
    if record.value is None:
        return False
    return all(name != REPLAYED_FOR or value in {b"", group.encode()} for name, value in record.headers)


async def _until_done(work: Callable[[], Awaitable[None]], group: str) -> None:
    attempt = 0
    while True:
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - see the last but one invariant
            log.error("consume.interrupted", group=group, error=type(error).__name__)  # noqa: TRY400 - no content
            await asyncio.sleep(_pause(attempt))
            attempt += 1


async def _commit(consumer: Any, group: str) -> None:
    try:
        await consumer.commit()
    except KafkaError as error:
        # What was handled comes again and the inbox drops it.
        log.warning("consume.commit_failed", group=group, error=type(error).__name__)
