"""The system under attack: its processes, its database server, its broker and its providers, each to be broken."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import asyncpg

from deploy.kafka.kafka import LocalKafka, free_port
from shared.database.migrations import upgrade
from shared.embedded.broker import EmbeddedBroker
from shared.embedded.postgres import EmbeddedPostgres
from shared.messaging.topics import create_topics
from tests.faults.nursery import Nursery
from tests.faults.provider import Provider
from tests.support.databases import DatabaseServer
from tests.support.system import SERVICES, System, environment_of

_ALEMBIC = threading.Lock()
"""Alembic's context is one for the whole process, and houses may be built at the same time."""
SMS_UNKNOWN_WAIT = 8.0
PROVIDER_TIMEOUT = 1.5
OFFER_TIME, HOLD_TIME = 6, 6
SETTINGS = {
    "TEILHABE_LEASE": "PT4S",
    "TEILHABE_SMS_UNKNOWN_WAIT": f"PT{SMS_UNKNOWN_WAIT:g}S",
    "TEILHABE_OFFER_TIME": f"PT{OFFER_TIME}S",
    "TEILHABE_HOLD_TIME": f"PT{HOLD_TIME}S",
}


QUICK_RETURN = {"broker.session.timeout.ms": "1000", "broker.heartbeat.interval.ms": "200"}
"""A Kafka that was killed comes back when its former self is given up: after 1 s instead of 3."""


def noon_zone() -> str:
    """A time zone in which it is noon now: no deadline waits for the morning there."""
    west = datetime.now(UTC).hour - 12
    return "UTC" if west == 0 else f"Etc/GMT{west:+d}"


@dataclass
class Crash:
    """One fault, and the monotonic time at which it began."""

    kind: str
    at: float


CRASH: ContextVar[Crash] = ContextVar("CRASH")
"""The one that the running task carries out."""


class _Lock(asyncio.Lock):
    """Notes that a crash begins when it has got hold of what it breaks."""

    async def acquire(self) -> bool:
        got = await super().acquire()
        if crash := CRASH.get(None):
            crash.at = time.monotonic()
        return got


@dataclass
class House:
    """Everything that runs. `locks` keep two faults from the same part."""

    folder: Path
    embedded: bool
    postgres: EmbeddedPostgres
    server: DatabaseServer
    broker: LocalKafka | EmbeddedBroker
    provider: Provider
    system: System
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    ended_alone: list[str] = field(default_factory=list)

    def lock(self, part: str) -> asyncio.Lock:
        return self.locks.setdefault(part, _Lock())

    def processes(self) -> list[str]:
        """The names of the processes that run all the time."""
        apis = [f"{s}-api-{n}" for s in SERVICES for n in range(len(self.system.ports[s]))]
        return [*apis, *(f"{service}-worker-0" for service in SERVICES)]

    def start(self, name: str) -> None:
        service, process, number = name.split("-")
        self.system.start(service, process, int(number))

    def kill(self, *names: str) -> None:
        """SIGKILL, all before the first is waited for."""
        for name in names:
            self.system.processes[name].kill()
        for name in names:
            self.system.processes.pop(name).wait(60)
            self.system.health.pop(name)

    async def supervise(self) -> None:
        """Start again at once what ended by itself, and remember that it did."""
        while True:
            for name, process in list(self.system.processes.items()):
                if process.poll() is not None and not self.lock(name).locked():
                    self.ended_alone.append(name)
                    self.start(name)
            await asyncio.sleep(0.2)

    @asynccontextmanager
    async def connected(self, service: str) -> AsyncIterator[asyncpg.Connection]:
        """A connection to a service's database, given up afterwards whether or not the database is still there."""
        url = self.system.database(service).replace("+asyncpg", "")
        connection = await asyncpg.connect(url, timeout=5)
        try:
            yield connection
        finally:
            connection.terminate()


@asynccontextmanager
async def running_house(folder: Path, *, embedded: bool = False, quick: bool = True, control: str = ""):
    """Start everything; `quick` forks the processes and shortens retries, `control` switches a guard off."""
    postgres = EmbeddedPostgres(folder / "postgres")
    broker = _broker(folder / "broker", embedded=embedded, quick=quick)
    provider = Provider(PROVIDER_TIMEOUT)
    changes = [*(["brisk"] if quick else []), *([control] if control else [])]
    nursery = Nursery(*changes) if changes else None
    await asyncio.gather(asyncio.to_thread(postgres.start), asyncio.to_thread(broker.start), provider.start())
    try:
        if not embedded:
            await create_topics(broker.address, replication_factor=1)
        server = DatabaseServer(postgres.libpq_url("postgres"))
        system = await asyncio.to_thread(_system, folder, broker.address, server, provider)
        if nursery:
            system.launch = partial(nursery.launch, system.environment)
        house = House(folder, embedded, postgres, server, broker, provider, system)
        try:
            if control == "lock":
                await _drop_check(house)
            for name in house.processes():
                house.start(name)
            await asyncio.to_thread(system.wait_until_ready)
            yield house
        finally:
            await asyncio.to_thread(_stop, house)
    finally:
        if nursery:
            nursery.close()
        await provider.stop()
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(postgres.stop)


def _broker(folder: Path, *, embedded: bool, quick: bool) -> LocalKafka | EmbeddedBroker:
    if embedded:
        return EmbeddedBroker(folder, free_port())
    return LocalKafka(folder, settings=QUICK_RETURN if quick else None)


def _system(folder: Path, kafka: str, server: DatabaseServer, provider: Provider) -> System:
    ports = {service: [free_port()] for service in SERVICES}
    ports["registrations"].append(free_port())
    databases = {service: server.create(service) for service in SERVICES}
    with _ALEMBIC:
        for service, database in databases.items():
            upgrade(service, server.url(database))
    environment = environment_of(kafka, server, databases, ports) | SETTINGS | provider.settings
    return System(environment, folder, ports)


def _stop(house: House) -> None:
    for process in house.system.processes.values():
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)
    house.kill(*house.system.processes)


async def _drop_check(house: House) -> None:
    async with house.connected("registrations") as connection:
        await connection.execute("ALTER TABLE places DROP CONSTRAINT ck_places_not_oversold")
