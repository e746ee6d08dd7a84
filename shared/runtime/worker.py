"""A worker process: consumers, relay and timers of one service, with its health on HTTP."""

import asyncio
from asyncio import Task
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any

import structlog
from faststream.kafka import KafkaBroker
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette

from shared.database.engine import Database
from shared.database.migrations import is_behind, is_current
from shared.messaging import inbox
from shared.messaging.broker import create_broker
from shared.messaging.consumers import Consumer, attach
from shared.messaging.consumption import Consumption
from shared.messaging.limits import within
from shared.messaging.log_epoch import LogEpoch, read_epoch
from shared.messaging.producer import Producer
from shared.messaging.relay import Relay, follow_epoch
from shared.messaging.rewind import follow_partitions
from shared.runtime.health import Check, health_routes
from shared.runtime.progress import Progress
from shared.runtime.timers import Timer, stop_tasks
from shared.settings import Settings

log = structlog.get_logger()

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
        behind: Check | None = None,
    ) -> None:
        """`behind` says whether tables are still missing; the service's own migrations are asked if nothing else is.

        Raises ValueError for two consumers of one topic: as members of one group each would see but half of it.
        """
        topics = [consumer.topic for consumer in consumers]
        if len(topics) != len(set(topics)):
            raise ValueError(f"{service} has two consumers of one topic: {topics}")
        self.service = service
        self.settings = settings
        self.database = database
        self.consumers = consumers
        self.producer = Producer(settings.kafka, partial(read_epoch, settings.kafka))
        self.epoch = LogEpoch(settings.kafka, self.producer)
        self.consumption = Consumption(self.producer, self.epoch, ping=database.ping)
        self.broker: KafkaBroker = create_broker(
            settings.kafka, self.consumption, service=service, graceful=settings.stop_limit.total_seconds() / 4
        )
        self.progress = Progress(self.broker, self.consumption)
        self.relay = Relay(service, database, self.producer)
        for consumer in consumers:
            attach(self.broker, consumer, service, database)
        self._behind: Check = behind or partial(is_behind, service, database)
        self.timers = [*timers, *self._own_timers()]
        self._tasks: list[Task[None]] = []
        self._epoch_seen_at = 0.0
        self._epoch_seen = asyncio.Event()

    def _own_timers(self) -> list[Timer]:
        parking = [consumer for consumer in self.consumers if consumer.present]
        return [
            Timer("epoch", 1, self._follow_epoch, longest=3),
            Timer("prune", 60, self._prune),
            *(Timer(f"parked-{c.name}", 0.5, partial(self._retry_parked, c), wake=c.parked) for c in parking),
            *(Timer(f"overdue-{c.name}", 60, partial(self._fail_overdue, c)) for c in parking),
        ]

    async def _retry_parked(self, consumer: Consumer) -> None:
        await consumer.retry_parked(self.database, self.producer, self.service)

    async def _fail_overdue(self, consumer: Consumer) -> int:
        return await consumer.fail_overdue(self.database, self.producer, self.service, self.settings.early_limit)

    async def _follow_epoch(self) -> None:
        epoch = await self.epoch.current()
        self._epoch_seen_at = monotonic()
        self._epoch_seen.set()
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
                {"s": max(window * 3, inbox.KEPT.total_seconds()), "n": _KEPT},
            )
        counts: list[Any] = [rows, received]
        return int(max(result.rowcount for result in counts) == _KEPT)

    async def start(self) -> None:
        """Begin; consumers join as soon as the broker answers."""
        self._tasks = [timer.start() for timer in self.timers]
        self._tasks.append(asyncio.create_task(self._start_broker(), name="broker"))
        self.relay.start()

    async def _start_broker(self) -> None:
        """Join the groups as soon as the log's mark was read and the tables are there.

        Before, there is no broker to join them at, and a record would be set aside for want of a table.
        """
        await self._epoch_seen.wait()
        while True:
            if not await self._schema_is_behind():
                try:
                    return await self.broker.start()
                except Exception as error:  # noqa: BLE001 - whatever it was, a worker that gives up consumes nothing
                    log.warning("worker.broker_away", error=type(error).__name__)
                    await within(5, self.broker.stop())
            await asyncio.sleep(1)

    async def _schema_is_behind(self) -> bool:
        try:
            behind = await self._behind()
        except (SQLAlchemyError, OSError) as error:
            log.warning("worker.database_away", error=type(error).__name__)
            return True
        if behind:
            log.warning("worker.schema_behind", service=self.service)
        return behind

    async def stop(self) -> None:
        """Stop within nine tenths of the limit: finish the batch at hand, publish nothing new, leave the groups."""
        limit = self.settings.stop_limit.total_seconds()
        await stop_tasks(self._tasks, limit * 0.1)
        await within(limit * 0.45, self.broker.stop())
        await self.relay.stop(limit * 0.1)
        await self.producer.stop(limit * 0.1)
        await within(limit * 0.05, self.epoch.close())
        await within(limit * 0.1, self.database.close())

    async def _progresses(self) -> bool:
        """No consumer is stuck, and the relay is there. A broker that is away is no reason to start anew."""
        if not self.relay.runs:
            return False
        stuck = await self.progress.stuck()
        return not stuck or not await self._connected()

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
