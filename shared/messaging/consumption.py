"""How a batch of records is handled: together, else one by one; retried, else set aside; then acknowledged.

Load-bearing invariants:
- Offsets are committed after the handler's transaction, by this module alone.
- A record that cannot be read or handled goes to its dead-letter topic at once; its neighbours are handled.
- A transient error of one record is retried inside a budget. An outage of the service's own database is nobody's
  fault: the consumer waits for it, however long, and no record is set aside (docs/decisions/0006).
- Records gone from the log before they were read renew the log's epoch, so that the relays publish them again.
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
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.messaging import metrics
from shared.messaging.dead_letters import reason_of, set_aside
from shared.messaging.log_epoch import LogEpoch
from shared.messaging.producer import Producer

log = structlog.get_logger()

Record: TypeAlias = "ConsumerRecord[bytes, bytes]"
Handle = Callable[[Sequence[Record]], Awaitable[Any]]

RETRY_BUDGET = 20.0
"""Seconds for which one record's transient errors are retried."""

_TRANSIENT_STATES = ("40", "53", "55P03", "57014")
_OUTAGE_STATES = ("08", "57P", "53300")


def is_outage(error: BaseException) -> bool:
    """Whether the database cannot be reached: no connection, shutting down, or no more connections."""
    if isinstance(error, (OSError, PoolTimeoutError, TimeoutError, asyncpg.InterfaceError, InterfaceError)):
        return True
    return _state(error).startswith(_OUTAGE_STATES) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def is_transient(error: BaseException) -> bool:
    """Whether the same record may succeed a moment later: deadlock, serialization, lock or statement timeout."""
    return isinstance(error, OperationalError) or _state(error).startswith(_TRANSIENT_STATES)


def _state(error: BaseException) -> str:
    original = getattr(error, "orig", error)
    return str(getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or "")


def _pause(attempt: int) -> float:
    return min(10.0, 0.05 * 2.0 ** min(attempt, 10)) * random.uniform(0.5, 1.5)


class Consumption:
    """The policy above, for one worker process."""

    def __init__(self, producer: Producer, epoch: LogEpoch, budget: float = RETRY_BUDGET) -> None:
        self._producer = producer
        self._epoch = epoch
        self._budget = budget
        self._next_offset: dict[TopicPartition, int] = {}
        self.progressed_at = monotonic()
        self.waiting: set[tuple[str, str]] = set()

    async def process(self, records: Sequence[Record], group: str, handle: Handle, consumer: Any) -> None:
        """Handle all records, whatever it takes; returns when each is handled or set aside."""
        await self._notice_loss(records, consumer)
        topic = records[0].topic
        with metrics.HANDLING.labels(group, topic).time():
            try:
                await self._through_outages(records, group, handle)
            except Exception:  # noqa: BLE001 - any failure of a batch is looked at record by record
                metrics.ONE_BY_ONE.labels(group, topic).inc()
                for record in records:
                    await self._one(record, group, handle)
        metrics.CONSUMED.labels(group, topic).inc(len(records))
        self.progressed_at = monotonic()

    async def _one(self, record: Record, group: str, handle: Handle) -> None:
        deadline = monotonic() + self._budget
        attempt = 0
        while True:
            try:
                return await self._through_outages([record], group, handle)
            except Exception as error:  # noqa: BLE001 - what it was decides below
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
                if not is_outage(error):
                    raise
                log.warning("consume.database_away", group=group, topic=where[1], error=reason_of(error))
                self._wait_state(where, waiting=True)
                await asyncio.sleep(_pause(attempt))
                attempt += 1
            else:
                return self._wait_state(where, waiting=False)

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

    async def _notice_loss(self, records: Sequence[Record], consumer: Any) -> None:
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            expected = self._next_offset.get(partition)
            self._next_offset[partition] = record.offset + 1
            if expected is not None and record.offset > expected:
                start = (await consumer.beginning_offsets([partition]))[partition]
                if start > expected:
                    log.error("consume.records_lost", topic=record.topic, partition=record.partition)
                    await self._epoch.renew()

    def rewound(self, partition: TopicPartition) -> None:
        """The partition is read from the beginning again."""
        self._next_offset.pop(partition, None)


def consumption_middleware(consumption: Consumption, group: str) -> Any:
    """The FastStream middleware that hands each batch to the policy."""

    class ConsumptionMiddleware(BaseMiddleware[Any, Any]):
        async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: Any) -> None:
            subscriber = self.context.get_local("handler_")
            records = [record for record in msg.raw_message if record.value is not None]

            async def handle(some: Sequence[Record]) -> None:
                part = copy.copy(msg)
                part.raw_message = tuple(some)
                await call_next(part)

            if records:
                await consumption.process(records, group, handle, subscriber.consumer)
            await _commit(subscriber.consumer, group)

    return ConsumptionMiddleware


async def _commit(consumer: Any, group: str) -> None:
    try:
        await consumer.commit()
    except KafkaError as error:
        # What was handled comes again and the inbox drops it.
        log.warning("consume.commit_failed", group=group, error=type(error).__name__)
