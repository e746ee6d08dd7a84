"""Where a run stands: PostgreSQL, Apache Kafka and the processes that are measured, all on this machine.

The servers are those of the tests (tests/support), chosen in the same order. What is started here is stopped here.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

import asyncpg

from benchmarks.generator import Outcome, Plan
from deploy.kafka.kafka import free_port
from services.events.settings import EventsSettings
from shared.database.migrations import upgrade
from shared.messaging.topics import create_topics
from shared.runtime.keys import new_keys
from tests.support.brokers import running_broker
from tests.support.databases import DatabaseServer, running_database_server
from tests.support.machine import Machine, Source, look
from tests.support.system import SERVICES, System, answers

_UP_WITHIN = 30.0
_NO_KAFKA = "127.0.0.1:1"


class BenchmarkError(Exception):
    """The run means nothing: answers were wrong, or a part did not start. The text says which."""


@dataclass
class Stand:
    """What the measurements share. `quick` asks for a tenth of the work: good for a look, not for figures."""

    machine: Machine
    server: DatabaseServer
    postgres_log: Path
    folder: Path
    keys: dict[str, str]
    quick: bool

    def count(self, whole: int) -> int:
        """How many requests, messages or rows to use where a full run uses `whole`."""
        return max(1, whole // 10) if self.quick else whole

    @asynccontextmanager
    async def databases(self, *services: str) -> AsyncIterator[dict[str, str]]:
        """Empty databases with the newest schema; service to SQLAlchemy's address. Dropped afterwards."""
        made = {service: self.server.create(service) for service in services}
        try:
            urls = {service: self.server.url(database) for service, database in made.items()}
            for service, url in urls.items():
                await asyncio.to_thread(upgrade, service, url)
            yield urls
        finally:
            for database in made.values():
                self.server.drop(database)

    @contextmanager
    def kafka(self) -> Iterator[str]:
        """An Apache Kafka with empty topics; its address. Raises BenchmarkError where there is none."""
        if not self.machine.has_real_kafka:
            raise BenchmarkError("needs Apache Kafka: " + "; ".join(self.machine.lacks))
        with (
            running_broker(self.machine, self.folder / f"kafka-{free_port()}") as address,
            ThreadPoolExecutor(1) as one,
        ):
            one.submit(asyncio.run, create_topics(address, replication_factor=1)).result()
            yield address

    def events_settings(self, url: str) -> EventsSettings:
        """Settings of the events service with this run's keys."""
        given = {name.removeprefix("TEILHABE_").lower(): value for name, value in self.keys.items()}
        return EventsSettings(TEILHABE_DATABASE_EVENTS=url, environment="test", kafka=_NO_KAFKA, **given)  # type: ignore[arg-type]

    def environment(self, databases: dict[str, str], ports: dict[str, list[int]], kafka: str = "") -> dict[str, str]:
        """What the processes are told; services without a database or a port get one that leads nowhere."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEILHABE_")}
        nowhere = "postgresql+asyncpg://nowhere"
        return inherited | {
            "TEILHABE_ENVIRONMENT": "test",
            "TEILHABE_KAFKA": kafka or _NO_KAFKA,
            "TEILHABE_STATE": "/nonexistent",
            "PYTHONPATH": str(Path(__file__).parents[1]),
            **{f"TEILHABE_DATABASE_{s.upper()}": databases.get(s, nowhere) for s in SERVICES},
            **{f"TEILHABE_{s.upper()}_URL": f"http://127.0.0.1:{ports.get(s, [1])[0]}" for s in SERVICES},
            **self.keys,
        }

    @contextmanager
    def system(
        self, databases: dict[str, str], *, apis: dict[str, int], kafka: str = "", **more: str
    ) -> Iterator[System]:
        """Room for processes of the services: `apis` says how many ports each service's api has."""
        ports = {service: [free_port() for _ in range(count)] for service, count in apis.items()}
        folder = self.folder / f"logs-{free_port()}"
        folder.mkdir()
        system = System(self.environment(databases, ports, kafka) | more, folder, ports)
        try:
            yield system
        finally:
            system.stop()

    @contextmanager
    def apis(self, databases: dict[str, str], service: str, count: int = 1) -> Iterator[System]:
        """The api processes of one service alone, without its worker."""
        with self.system(databases, apis={service: count}) as system:
            for number in range(count):
                system.start(service, "api", number)
            system.wait_until_ready()
            yield system

    async def load(self, plan: Plan) -> Outcome:
        """Run the plan in a process of its own. Raises BenchmarkError unless every answer was right."""
        file = self.folder / f"plan-{free_port()}.json"
        file.write_text(json.dumps(asdict(plan)))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.generator", str(file), stdout=subprocess.PIPE
        )
        try:
            printed, _ = await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        if process.returncode:
            raise BenchmarkError("the generator failed")
        outcome = Outcome(**json.loads(printed))
        if outcome.wrong:
            raise BenchmarkError(f"{outcome.wrong} of {plan.count} answers were wrong, such as:\n{outcome.example}")
        return outcome


@asynccontextmanager
async def running_stand(folder: Path, *, quick: bool) -> AsyncIterator[Stand]:
    """PostgreSQL from its wheel, for as long as the block lasts."""
    machine = look()
    machine.database = Source.EMBEDDED
    postgres = folder / "postgres"
    with running_database_server(machine, postgres) as server:
        yield Stand(machine, server, postgres / "postgresql.log", folder, new_keys("bench"), quick)


@contextmanager
def program(module: str, port: int, folder: Path) -> Iterator[None]:
    """A program of this package that serves on a port, until the block ends."""
    with (folder / f"{module}.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", module, str(port)], stdout=log, stderr=log)  # noqa: S603
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz")
        yield
    finally:
        process.terminate()
        process.wait(10)


def wait_for(url: str) -> None:
    """Return when the address answers 200. Raises BenchmarkError after half a minute."""
    import time

    deadline = time.monotonic() + _UP_WITHIN
    while not answers(url):
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{url} does not answer")
        time.sleep(0.05)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """A raw connection to the database of an address of SQLAlchemy's."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


def percentile(values: list[float], percent: int) -> float:
    """The value below which `percent` per cent of the values lie."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
