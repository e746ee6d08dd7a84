"""A worker process: consumers, relay and timers of one service, with its health on HTTP."""

import asyncio
from asyncio import Task
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import monotonic
from typing import Any

import structlog
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from sqlalchemy import text
from starlette.applications import Starlette

from shared.database.engine import Database
from shared.database.migrations import is_current
from shared.messaging.broker import create_broker
from shared.messaging.consumers import Consumer, attach
from shared.messaging.consumption import Consumption
from shared.messaging.log_epoch import LogEpoch
from shared.messaging.producer import Producer
from shared.messaging.relay import Relay, follow_epoch
from shared.messaging.rewind import follow_partitions
from shared.runtime.health import Check, health_routes
from shared.runtime.timers import Timer, stop_tasks
from shared.settings import Settings

log = structlog.get_logger()

_STUCK_AFTER = 120.0
_KEPT = 5000


class Worker:
    """Everything of a service that is not asked for by a request."""

    def __init__(
        self,
        service: str,
        settings: Settings,
        database: Database,
        consumers: Sequence[Consumer],
        timers: Sequence[Timer] = (),
    ) -> None:
        self.service = service
        self.settings = settings
        self.database = database
        self.consumers = consumers
        self.producer = Producer(settings.kafka)
        self.epoch = LogEpoch(settings.kafka, self.producer)
        self.consumption = Consumption(self.producer, self.epoch)
        self.broker: KafkaBroker = create_broker(settings.kafka, self.consumption, service=service)
        self.relay = Relay(service, database, self.producer)
        for consumer in consumers:
            attach(self.broker, consumer, service, database)
        self.timers = [*timers, *self._own_timers()]
        self._tasks: list[Task[None]] = []
        self._epoch_seen_at = 0.0

    def _own_timers(self) -> list[Timer]:
        parking = [consumer for consumer in self.consumers if consumer.present]
        return [
            Timer("epoch", 1, self._follow_epoch),
            Timer("prune", 60, self._prune),
            *(Timer(f"parked-{c.name}", 0.5, partial(c.retry_parked, self.database)) for c in parking),
            *(Timer(f"overdue-{c.name}", 60, partial(self._fail_overdue, c)) for c in parking),
        ]

    async def _fail_overdue(self, consumer: Consumer) -> None:
        await consumer.fail_overdue(self.database, self.producer, self.service, self.settings.early_limit)

    async def _follow_epoch(self) -> None:
        epoch = await self.epoch.current()
        self._epoch_seen_at = monotonic()
        window = self.settings.replay_window.total_seconds()
        await follow_epoch(self.database, self.service, epoch, window)
        for subscriber in self.broker.subscribers:
            consumer = getattr(subscriber, "consumer", None)
            if consumer is not None:
                await follow_partitions(self.database, consumer, epoch, self.service, self.consumption)

    async def _prune(self) -> int:
        window = self.settings.replay_window.total_seconds()
        async with self.database.begin() as session:
            rows = await session.execute(
                text(
                    """
                    WITH old AS (
                        SELECT id FROM outbox
                        WHERE published_at IS NOT NULL AND created_at < now() - make_interval(secs => :s)
                        ORDER BY created_at LIMIT :n FOR UPDATE SKIP LOCKED
                    ) DELETE FROM outbox USING old WHERE outbox.id = old.id
                    """
                ),
                {"s": window, "n": _KEPT},
            )
            received = await session.execute(
                text(
                    """
                    WITH old AS (
                        SELECT ctid FROM inbox WHERE received_at < now() - make_interval(secs => :s)
                        ORDER BY received_at LIMIT :n FOR UPDATE SKIP LOCKED
                    ) DELETE FROM inbox USING old WHERE inbox.ctid = old.ctid
                    """
                ),
                {"s": window * 3, "n": _KEPT},
            )
        counts: list[Any] = [rows, received]
        return int(max(result.rowcount for result in counts) == _KEPT)

    async def start(self) -> None:
        """Begin; consumers join as soon as the broker answers."""
        self._tasks = [timer.start() for timer in self.timers]
        self._tasks.append(asyncio.create_task(self._start_broker(), name="broker"))
        self.relay.start()

    async def _start_broker(self) -> None:
        while True:
            try:
                return await self.broker.start()
            except (KafkaError, OSError) as error:
                log.warning("worker.broker_away", error=type(error).__name__)
                with suppress(KafkaError, OSError, TimeoutError):
                    await asyncio.wait_for(self.broker.stop(), 5)
                await asyncio.sleep(1)

    async def stop(self) -> None:
        """Stop within the limit: finish the batch at hand, publish nothing new, leave the groups."""
        limit = self.settings.stop_limit.total_seconds()
        await stop_tasks(self._tasks, limit / 4)
        with suppress(KafkaError, TimeoutError, OSError):
            await asyncio.wait_for(self.broker.stop(), limit / 2)
        await self.relay.stop()
        await self.producer.stop(limit / 8)
        with suppress(KafkaError, TimeoutError, OSError):
            await self.epoch.close()
        await self.database.close()

    async def _progresses(self) -> bool:
        """Assigned, and progressed or with nothing to read (aiokafka can get stuck after a rebalance)."""
        if self.consumption.waiting or monotonic() - self.consumption.progressed_at < _STUCK_AFTER:
            return True
        return not await self._lag()

    async def _lag(self) -> int:
        total = 0
        for subscriber in self.broker.subscribers:
            consumer = getattr(subscriber, "consumer", None)
            if consumer is None:
                continue
            for partition in consumer.assignment():
                end = consumer.highwater(partition) or 0
                total += max(0, end - await consumer.position(partition))
        return total

    async def _connected(self) -> bool:
        return monotonic() - self._epoch_seen_at < 15

    async def _database_answers(self) -> bool:
        await self.database.ping()
        return True

    def app(self) -> Starlette:
        """The worker as an ASGI application, so that uvicorn runs it like an api."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            await self.start()
            yield
            await self.stop()

        ready: dict[str, Check] = {
            "database": self._database_answers,
            "schema": partial(is_current, self.service, self.database),
            "broker": self._connected,
        }
        return Starlette(routes=health_routes({"progress": self._progresses}, ready), lifespan=lifespan)
