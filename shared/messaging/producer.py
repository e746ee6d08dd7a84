"""The one way to send to Kafka: idempotent, acknowledged by all replicas, in order per key.

Load-bearing invariants:
- A future that `send` returned always ends, whatever becomes of the producer: whoever waits for it holds back a key.
- Nothing waits for ever: a hanging broker costs a connection `_CONNECT`, and a place in the queue `_QUEUE` seconds.
"""

import asyncio
import random
from asyncio import Future
from functools import lru_cache

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed
from aiokafka.partitioner import murmur2
from aiokafka.structs import RecordMetadata

from shared.messaging.connections import break_cleanly
from shared.messaging.limits import within

Headers = list[tuple[str, bytes]]

_REQUEST = 20_000
"""Milliseconds for one request. What timed out is sent again with its old sequence number, for as long as it takes."""
_CONNECT = 15.0
_QUEUE = 2.0


@lru_cache(maxsize=10_000)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def _partition(key: bytes | None, partitions: list[int], _available: list[int]) -> int:
    """Where Kafka's own partitioner puts the key. Its murmur2 is pure Python here, and keys come again and again."""
    return partitions[_hash(key) % len(partitions)] if key is not None else random.choice(partitions)


class Producer:
    """An aiokafka producer that can be made anew after an error that it does not recover from."""

    def __init__(self, bootstrap: str) -> None:
        break_cleanly()
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    async def _started(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                self._producer = await self._start()
            return self._producer

    async def _start(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            enable_idempotence=True,
            acks="all",
            request_timeout_ms=_REQUEST,
            max_batch_size=131_072,
            max_request_size=2_097_152,
            linger_ms=0,
            metadata_max_age_ms=30_000,
            partitioner=_partition,
        )
        try:
            async with asyncio.timeout(_CONNECT):
                await producer.start()
        except BaseException:
            await _drop(producer)
            raise
        return producer

    async def send(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Headers
    ) -> Future[RecordMetadata]:
        """Queue one record; the future ends when all replicas have it.

        Raises KafkaError at once if it cannot, and TimeoutError if there is no such topic or no room in the queue.
        """
        producer = self._producer or await self._started()
        async with asyncio.timeout(_QUEUE):
            future: Future[RecordMetadata] = await producer.send(topic, value=value, key=key, headers=headers)
        return future

    async def send_and_wait(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Headers
    ) -> RecordMetadata:
        """Send one record and wait until all replicas have it. Raises KafkaError or TimeoutError."""
        return await (await self.send(topic, value, key, headers))

    async def reset(self) -> None:
        """Drop the connection and what is queued, whose futures end with ProducerClosed; the next send begins anew."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _drop(producer)

    async def stop(self, limit: float = 5) -> None:
        """Flush for at most `limit` seconds, then drop."""
        producer, self._producer = self._producer, None
        if producer is not None and not await within(limit, producer.stop()):
            await _drop(producer)


async def _drop(producer: AIOKafkaProducer) -> None:
    """The own stop of aiokafka would flush what must be dropped, and its cancelled sender forgets the futures."""
    producer._closed = True  # noqa: SLF001
    producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
    await within(2, producer._sender.close())  # noqa: SLF001
    await within(2, producer.client.close())
