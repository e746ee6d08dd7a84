"""Noticing that the broker lost its log.

The cluster id does not tell: compose gives it by setting, and the embedded broker's is a pointer. So the log itself
carries a mark: the last record of `teilhabe.log-epoch.v1`. A process that finds the topic empty, or that finds
records gone which it had not read, appends a new mark; every relay that sees a mark it does not know publishes its
window again, and every consumer reads its partitions from the beginning. Inboxes drop what they had.
See docs/decisions/0005-log-epoch.md.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.messaging.producer import Producer

TOPIC = "teilhabe.log-epoch.v1"
_PARTITION = TopicPartition(TOPIC, 0)
_KEY = b"epoch"
_RENEW_AT_MOST_EVERY = timedelta(minutes=5)


class LogEpoch:
    """Reads the mark, and renews it."""

    def __init__(self, bootstrap: str, producer: Producer) -> None:
        self._bootstrap = bootstrap
        self._producer = producer
        self._consumer: AIOKafkaConsumer | None = None
        self._renewed_at = datetime.min.replace(tzinfo=UTC)

    async def current(self) -> str:
        """The mark of the log as it is now, made if there is none. Raises KafkaError or TimeoutError."""
        try:
            return await self._last() or await self._append()
        except BaseException:
            await self.close()
            raise

    async def renew(self) -> None:
        """Say that records are gone. At most every five minutes, so that a log too small cannot cause a storm."""
        now = datetime.now(UTC)
        if now - self._renewed_at >= _RENEW_AT_MOST_EVERY:
            self._renewed_at = now
            await self._append()

    async def close(self) -> None:
        """Leave the broker."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await asyncio.wait_for(consumer.stop(), 5)

    async def _last(self) -> str | None:
        consumer = await self._connected()
        async with asyncio.timeout(10):
            end = (await consumer.end_offsets([_PARTITION]))[_PARTITION]
            if end == 0:
                return None
            consumer.seek(_PARTITION, end - 1)
            record = await consumer.getone()
        return str(record.value.decode())

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=100,
            )
            self._consumer = consumer
            consumer.assign([_PARTITION])
            await consumer.start()
        return self._consumer

    async def _append(self) -> str:
        await self._producer.send_and_wait(TOPIC, uuid4().hex.encode(), _KEY, [])
        return await self._last() or ""
