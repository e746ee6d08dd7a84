"""The one way to send to Kafka: idempotent, acknowledged by all replicas, in order per key."""

import asyncio
from asyncio import Future
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

Headers = list[tuple[str, bytes]]

_GIVE_UP = 300_000
"""Milliseconds. Long, so that a broker that is gone for a while delays a round rather than splits it."""


class Producer:
    """An aiokafka producer that can be made anew after an error that it does not recover from."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    async def _started(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    enable_idempotence=True,
                    acks="all",
                    request_timeout_ms=_GIVE_UP,
                    max_batch_size=131_072,
                    max_request_size=2_097_152,
                    linger_ms=0,
                    metadata_max_age_ms=30_000,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def send(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Headers
    ) -> Future[RecordMetadata]:
        """Queue one record; the future ends when all replicas have it. Raises KafkaError at once if it cannot."""
        producer = await self._started()
        future: Future[RecordMetadata] = await producer.send(topic, value=value, key=key, headers=headers)
        return future

    async def send_and_wait(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Headers
    ) -> RecordMetadata:
        """Send one record and wait until all replicas have it. Raises KafkaError."""
        return await (await self.send(topic, value, key, headers))

    async def reset(self) -> None:
        """Drop the connection and what is queued; the next send begins anew."""
        async with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            producer._closed = True  # noqa: SLF001 - aiokafka's own stop would flush what must be dropped
            with suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(producer._sender.close(), 2)  # noqa: SLF001
                await asyncio.wait_for(producer.client.close(), 2)

    async def stop(self, limit: float = 5) -> None:
        """Flush for at most `limit` seconds, then drop."""
        if self._producer is None:
            return
        with suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(self._producer.stop(), limit)
        self._producer = None
