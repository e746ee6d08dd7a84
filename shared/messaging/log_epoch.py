"""Noticing that the broker lost its log.

The cluster id does not tell: compose gives it by setting, and the embedded broker's is a pointer. So the log itself
carries a mark: the last record of `teilhabe.log-epoch.v1`. A process that finds the topic empty appends a mark, and so
does one that finds records gone which it had not read; every relay that sees a mark it does not know publishes its
window again, and every consumer reads its partitions from the beginning. Inboxes drop what they had.
See docs/decisions/0005-log-epoch.md.

Load-bearing invariants:
- A loss that was noticed is answered by a mark that is younger than the noticing, by whichever process wrote it.
- Such marks are at least five minutes apart, whoever writes them: a log too small cannot cause a storm.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.messaging.limits import within
from shared.messaging.producer import Headers, Producer

TOPIC = "teilhabe.log-epoch.v1"
_PARTITION = TopicPartition(TOPIC, 0)
_KEY = b"epoch"
_RENEWAL = "renewal"
_RENEW_AT_MOST_EVERY = timedelta(minutes=5)


class _Mark(NamedTuple):
    epoch: str
    at: datetime
    is_renewal: bool


class LogEpoch:
    """Reads the mark, and renews it."""

    def __init__(self, bootstrap: str, producer: Producer) -> None:
        self._bootstrap = bootstrap
        self._producer = producer
        self._consumer: AIOKafkaConsumer | None = None
        self._lost_at: datetime | None = None

    async def current(self) -> str:
        """The mark of the log as it is now, made if there is none or if it is time to renew it.

        Raises KafkaError or TimeoutError.
        """
        try:
            mark = await self._last()
            if mark is None:
                return await self._append([])
            if self._must_renew(mark):
                return await self._append([(_RENEWAL, b"1")])
        except BaseException:
            await self.close()
            raise
        return mark.epoch

    async def renew(self) -> None:
        """Say that records are gone; the next call of `current` that may renews the mark."""
        self._lost_at = datetime.now(UTC)

    def _must_renew(self, mark: _Mark) -> bool:
        if self._lost_at is None:
            return False
        if mark.is_renewal and mark.at > self._lost_at:
            self._lost_at = None
            return False
        return not mark.is_renewal or datetime.now(UTC) - mark.at >= _RENEW_AT_MOST_EVERY

    async def close(self) -> None:
        """Leave the broker, within 5 s."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await within(5, consumer.stop())

    async def _last(self) -> _Mark | None:
        async with asyncio.timeout(10):
            if self._consumer is None:
                self._consumer = _consumer(self._bootstrap)
                await self._consumer.start()
            return await _last_of(self._consumer)

    async def _append(self, headers: Headers) -> str:
        await self._producer.send_and_wait(TOPIC, uuid4().hex.encode(), _KEY, headers)
        mark = await self._last()
        return mark.epoch if mark else ""


async def read_epoch(bootstrap: str) -> str | None:
    """The mark as it is now, read over a connection of its own; None if the log has none.

    Raises KafkaError or TimeoutError.
    """
    consumer = _consumer(bootstrap)
    try:
        async with asyncio.timeout(10):
            await consumer.start()
            mark = await _last_of(consumer)
    finally:
        await within(5, consumer.stop())
    return mark.epoch if mark else None


def _consumer(bootstrap: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )
    consumer.assign([_PARTITION])
    return consumer


async def _last_of(consumer: AIOKafkaConsumer) -> _Mark | None:
    end = (await consumer.end_offsets([_PARTITION]))[_PARTITION]
    if end == 0:
        return None
    consumer.seek(_PARTITION, end - 1)
    record = await consumer.getone()
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return _Mark(record.value.decode(), at, any(name == _RENEWAL for name, _ in record.headers))
