"""A tiny service for the tests of the messaging: a table of effects, one contract, and a topic of its own each time."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from time import monotonic
from typing import ClassVar, Literal
from uuid import UUID, uuid4, uuid5

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy import BigInteger, Column, Identity, Index, MetaData, Table, Text, text

from shared.contracts.base import LocalizedText, Message
from shared.database.engine import Database, service_metadata
from shared.messaging.consumers import Consumer
from shared.messaging.outbox import publish
from shared.messaging.tables import add_messaging_tables
from shared.messaging.topics import Topic, create_topics, dead_letter_topic
from shared.runtime.health import Check
from shared.runtime.worker import Worker
from shared.settings import Settings

SETTINGS = {
    "environment": "test",
    "contact_keys": "k1:a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    "link_key": "l" * 32,
    "token_public_key": "none",
}
PARTITIONS = 4
_NAMESPACE = UUID("6f0f4f7c-6d0a-4a7e-9d39-2f1c2a4b7d10")


class Stepped(Message):
    """Step `number` of an aggregate."""

    topic: ClassVar[str] = "test.steps.v1"
    type: Literal["Stepped"] = "Stepped"
    number: int
    note: str = ""
    words: LocalizedText = {}


def metadata() -> MetaData:
    """Outbox, inbox and the rest; `aggregates` to lock and `effects` to count."""
    tables = service_metadata()
    add_messaging_tables(tables)
    Table("aggregates", tables, Column("key", Text, primary_key=True), Column("version", BigInteger, nullable=False))
    effects = Table(
        "effects",
        tables,
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("key", Text, nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("note", Text, nullable=False),
    )
    Index("ix_effects_key", effects.c.key)
    return tables


async def migrate(url: str) -> None:
    """Make the tables."""
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata().create_all)
    await database.close()


def contract(topic: str) -> type[Stepped]:
    """The contract, on a topic of the test's own."""
    return type("Stepped", (Stepped,), {"topic": topic, "__module__": __name__, "__doc__": Stepped.__doc__})


async def no_migrations() -> bool:
    """The tiny service makes its tables itself."""
    return False


class Service:
    """One name, one database, one topic and its dead letters; any number of workers."""

    def __init__(self, kafka: str, url: str, name: str = "", topic: str = "") -> None:
        self.kafka = kafka
        self.url = url
        self.name = name or f"test-{uuid4().hex[:8]}"
        self.topic = topic or f"test.{self.name}.v1"
        self.contract = contract(self.topic)
        self.database = Database(url, connections=10)
        self.dead = dead_letter_topic(self.topic, self.name)

    async def create(self, partitions: int = PARTITIONS) -> "Service":
        """Make the tables and the topics."""
        await migrate(self.url)
        await self.create_topics(partitions)
        return self

    async def create_topics(self, partitions: int = PARTITIONS) -> None:
        """Make the topics, with the log's mark."""
        topics = [Topic(self.topic, partitions, {}), Topic(self.dead, 1, {"max.message.bytes": "2097152"})]
        mark = Topic("teilhabe.log-epoch.v1", 1, {"cleanup.policy": "compact"})
        await create_topics(self.kafka, replication_factor=1, topics=[*topics, mark])

    def settings(self, **more) -> Settings:
        return Settings(kafka=self.kafka, **SETTINGS | more)

    def consumer(self, **more) -> Consumer:
        fields = {"name": "effects", "topic": self.topic, "contract": self.contract, "apply": apply}
        return Consumer(**fields | more)

    def worker(self, *consumers: Consumer, behind: Check = no_migrations, **settings) -> Worker:
        database = Database(self.url, connections=10)
        return Worker(self.name, self.settings(**settings), database, consumers, behind=behind)

    def message(self, key: UUID, number: int, **more) -> Stepped:
        return self.contract(aggregate_id=key, aggregate_version=number, number=number, **more)

    async def step(self, key: UUID, number: int, **more) -> Stepped:
        """Commit one message."""
        message = self.message(key, number, **more)
        async with self.database.begin() as session:
            await publish(session, message)
        return message

    async def steps(self, key: UUID, count: int, first: int = 1) -> None:
        """Commit `count` messages of a key in one transaction."""
        async with self.database.begin() as session:
            await publish(session, *(self.message(key, first + n) for n in range(count)))

    async def effects(self, key: UUID | None = None) -> list[int]:
        """The numbers that took effect, in the order in which they did."""
        chosen = text("SELECT number FROM effects WHERE CAST(:key AS text) IS NULL OR key = :key ORDER BY id")
        async with self.database.read() as session:
            rows = await session.execute(chosen, {"key": None if key is None else str(key)})
            return list(rows.scalars())

    async def pending(self) -> int:
        """Rows that no relay has published."""
        return await self.scalar("SELECT count(*) FROM outbox WHERE published_at IS NULL")

    async def scalar(self, statement: str, **values):
        async with self.database.begin() as session:
            return (await session.execute(text(statement), values)).scalar_one_or_none()

    async def close(self) -> None:
        await self.database.close()


async def apply(session, messages) -> None:
    """Write one effect for each message, in one statement."""
    await session.execute(
        text(
            "INSERT INTO effects (key, number, note) SELECT key, number, note FROM unnest("
            "CAST(:keys AS text[]), CAST(:numbers AS bigint[]), CAST(:notes AS text[])) WITH ORDINALITY"
            " AS row (key, number, note, place) ORDER BY place"
        ),
        {
            "keys": [str(message.aggregate_id) for message in messages],
            "numbers": [message.number for message in messages],
            "notes": [message.note for message in messages],
        },
    )


def key(name: str) -> UUID:
    """A key that is the same in each process."""
    return uuid5(_NAMESPACE, name)


async def send(service, *messages):
    """Write messages, or raw values, to the topic as they are."""
    producer = AIOKafkaProducer(bootstrap_servers=service.kafka, max_request_size=2_000_000)
    await producer.start()
    for message in messages:
        value = message if isinstance(message, bytes) else message.model_dump_json().encode()
        await producer.send_and_wait(service.topic, value, key=b"one key")
    await producer.stop()


async def has_effects(service, count):
    return len(await service.effects()) >= count


async def committed(service, count):
    """The consumer of the service has committed `count` records."""
    admin = AIOKafkaAdminClient(bootstrap_servers=service.kafka)
    await admin.start()
    offsets = await admin.list_consumer_group_offsets(f"{service.topic}.{service.name}")
    await admin.close()
    return sum(max(0, offset.offset) for offset in offsets.values()) >= count


@asynccontextmanager
async def running(*workers):
    """Workers that run inside the block and stop behind it."""
    for worker in workers:
        await worker.start()
    try:
        yield workers
    finally:
        await asyncio.gather(*(worker.stop() for worker in workers))


async def until(condition, within: float = 30.0, every: float = 0.05) -> float:
    """Wait until an async condition holds; the seconds that it took. Fails after `within` seconds."""
    start = monotonic()
    while True:
        last = await condition()
        if last:
            return monotonic() - start
        if monotonic() - start > within:
            raise AssertionError(f"not after {within} s: {condition!r} is {last!r}")
        await asyncio.sleep(every)


async def never(condition, during: float) -> None:
    """A negative control: the condition does not come to hold."""
    end = monotonic() + during
    while monotonic() < end:
        assert not await condition()
        await asyncio.sleep(0.1)


class Program:
    """A part of the tiny service in a process of its own, to kill."""

    def __init__(self, what: str, service: Service, **more: str) -> None:
        arguments = [what, service.kafka, service.url, service.name, service.topic]
        arguments += [f"{name}={value}" for name, value in more.items()]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.messaging_process", *arguments],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    async def line(self) -> str:
        """The next line that it prints."""
        return (await asyncio.to_thread(self.process.stdout.readline)).decode().strip()

    def kill(self) -> None:
        """SIGKILL."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def terminate(self) -> None:
        """SIGTERM."""
        self.process.terminate()

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.kill()
