"""The one way to send to Kafka: idempotent, acknowledged by all replicas, in order per key.

Load-bearing invariants:
- A future that `send` returned always ends, whatever becomes of the producer: whoever waits for it holds back a key.
- With `read_epoch`, a record goes only over a connection that was made before the log's epoch was read and found to be
  the one that it is for: never to a log that came after, whatever aiokafka sends again by itself. Nor does a producer
  id go there: Kafka gives the same ones out again, and takes one's messages for repetitions of the other's.
- Nothing waits for ever: a hanging broker costs a connection `_CONNECT`, and a place in the queue `_QUEUE` seconds.
"""

import asyncio
import random
from asyncio import Future, Task
from collections.abc import Awaitable, Callable
from functools import lru_cache

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed
from aiokafka.partitioner import murmur2
from aiokafka.structs import RecordMetadata

from shared.messaging.connections import look_at_each, mend_connections
from shared.messaging.limits import within

Headers = list[tuple[str, bytes]]
ReadEpoch = Callable[[], Awaitable[str | None]]

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

    def __init__(self, bootstrap: str, read_epoch: ReadEpoch | None = None) -> None:
        mend_connections()
        self._bootstrap = bootstrap
        self._read_epoch = read_epoch
        self._epoch: str | None = None
        self._end: Task[None] | None = None
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
        if self._read_epoch is not None:
            look_at_each(producer.client, self._leads_to_one_log(producer, self._read_epoch))
        try:
            async with asyncio.timeout(_CONNECT):
                await producer.start()
        except BaseException:
            await _drop(producer)
            raise
        return producer

    def _leads_to_one_log(self, producer: AIOKafkaProducer, read_epoch: ReadEpoch) -> Callable[[], Awaitable[bool]]:
        """The first connection says which log it is; with one to another log the producer is at its end."""
        first: list[str | None] = []

        async def is_right() -> bool:
            try:
                epoch = await read_epoch()
            except (KafkaError, TimeoutError, OSError):
                return False
            if not first:
                first.append(epoch)
                self._epoch = epoch
            elif epoch != first[0] and self._producer is producer:
                self._end = asyncio.create_task(self.reset())
            return epoch == first[0]

        return is_right

    async def leads_to(self, epoch: str) -> bool:
        """Whether there is a connection, and to the log of this epoch; if to another, the next try connects anew."""
        if self._read_epoch is None:
            return True
        try:
            await self._started()
        except (KafkaError, TimeoutError):
            return False
        if self._epoch != epoch:
            await self.reset()
        return self._epoch == epoch

    async def send(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Headers, *, epoch: str | None = None
    ) -> Future[RecordMetadata]:
        """Queue one record, for the log of this epoch alone if one is given; the future ends when all replicas have it.

        Raises KafkaError at once if it cannot, and TimeoutError if there is no such topic or no room in the queue.
        """
        producer = self._producer or await self._started()
        if epoch is not None and self._read_epoch is not None and self._epoch != epoch:
            raise ProducerClosed
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
