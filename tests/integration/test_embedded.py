"""The embedded broker and the embedded PostgreSQL, each as `make up` uses it."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shared.embedded.broker import BrokerError, EmbeddedBroker, command
from shared.embedded.postgres import EmbeddedPostgres, PostgresError
from shared.messaging.topics import all_topics, consumer_group, create_topics
from tests.support.kafka import produce, read_topic

EVENTS = "teilhabe.events.v1"
GROUP = consumer_group(EVENTS, "registrations")
ROOT = Path(__file__).parents[2]
ORPHAN_MAKER = """
import asyncio, asyncpg, os, pathlib, signal, sys
from shared.embedded.postgres import EmbeddedPostgres
async def main():
    postgres = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
    postgres.start()
    postgres.create_database("teilhabe")
    connection = await asyncpg.connect(postgres.libpq_url("teilhabe"))
    await connection.execute("CREATE TABLE left_behind AS SELECT 7")
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


@pytest.fixture
def broker(tmp_path, free_port):
    broker = EmbeddedBroker(tmp_path / "broker", free_port())
    broker.start()
    yield broker
    broker.kill()


async def python(code, *arguments):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(sys.executable, "-c", code, *arguments, env=environment)


async def wait_until(condition):
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - what another process does sets no event here
            await asyncio.sleep(0.05)


def consumer_of(broker, group=GROUP):
    return AIOKafkaConsumer(
        EVENTS,
        bootstrap_servers=broker.address,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=50,
        session_timeout_ms=3000,
        heartbeat_interval_ms=500,
    )


async def read(consumer, count):
    """The values of the next `count` records."""
    values = []
    async with asyncio.timeout(20):
        while len(values) < count:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                values += [record.value for record in records]
    return sorted(values)


async def test_broker_has_every_declared_topic(broker):
    """The embedded broker starts with all topics, so that creating them finds nothing to do."""
    assert await create_topics(broker.address, replication_factor=1) == []


async def test_broker_takes_idempotent_batches_and_keeps_their_order(broker):
    """Records of an idempotent producer arrive once each and per key in the order in which they were sent."""
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, enable_idempotence=True, acks="all")
    await producer.start()
    sent = [(b"key-%d" % (number % 7), b"%d" % number) for number in range(500)]
    await asyncio.gather(*[await producer.send(EVENTS, value, key=key) for key, value in sent])
    await producer.stop()
    records = await read_topic(broker.address, EVENTS)
    for key in {key for key, _ in sent}:
        assert [r.value for r in records if r.key == key] == [value for k, value in sent if k == key]
    assert len(records) == 500


async def test_broker_remembers_what_a_group_committed(broker):
    """A consumer of a group goes on where the one before it committed."""
    await produce(broker.address, EVENTS, b"key", b"first")
    first = consumer_of(broker)
    await first.start()
    assert await read(first, 1) == [b"first"]
    await first.commit()
    await first.stop()
    await produce(broker.address, EVENTS, b"key", b"second")
    second = consumer_of(broker)
    await second.start()
    assert await read(second, 1) == [b"second"]
    await second.stop()


async def test_clients_outlive_a_broker_that_comes_back_empty(broker):
    """After a crash the broker is back at the same address, and running producers and consumers go on by themselves."""
    address = broker.address
    producer = AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True, acks="all")
    consumer = consumer_of(broker)
    await producer.start()
    await consumer.start()
    await asyncio.gather(*[await producer.send(EVENTS, b"before", key=b"key") for _ in range(5)])
    assert len(await read(consumer, 5)) == 5
    await consumer.commit()
    broker.kill()
    broker.start()
    assert broker.address == address
    await asyncio.gather(*[await producer.send(EVENTS, b"after %d" % n, key=b"key") for n in range(9)])
    await asyncio.sleep(2)  # a heartbeat tells the consumer that it is no member
    await producer.send_and_wait(EVENTS, b"last", key=b"key")
    seen = set()
    async with asyncio.timeout(20):
        while len(seen) < 10:
            seen |= set(await read(consumer, 1))
    assert seen == {b"last", *(b"after %d" % n for n in range(9))}
    await consumer.stop()
    await producer.stop()


async def test_broker_says_that_its_port_is_taken(tmp_path):
    """A taken port is one clear error."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"^Port {port} of 127.0.0.1 cannot be used: Address already in use$"):
            EmbeddedBroker(tmp_path, port).start()


async def test_broker_ends_with_its_parent(tmp_path, free_port):
    """A broker whose parent was killed ends within seconds."""
    port, address = free_port(), tmp_path / "address"
    parent = await python(f"import subprocess, time; subprocess.Popen({command(port, address)}); time.sleep(60)")
    await wait_until(address.exists)
    parent.kill()
    await parent.wait()
    await wait_until(lambda: not address.exists())
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.fixture
def postgres(tmp_path):
    postgres = EmbeddedPostgres(tmp_path / "postgres")
    postgres.start()
    postgres.create_database("teilhabe")
    yield postgres
    postgres.stop()


async def query(postgres, statement, *values):
    connection = await asyncpg.connect(postgres.libpq_url("teilhabe"))
    try:
        return await connection.fetch(statement, *values)
    finally:
        await connection.close()


async def test_postgres_keeps_committed_rows_through_kill_9(postgres):
    """Twice in a row: the postmaster is killed while a client is at work, starts again, and has what was committed."""
    await query(postgres, "CREATE TABLE kept (number int)")
    for number in (1, 2):
        busy = await asyncpg.connect(postgres.libpq_url("teilhabe"))
        await query(postgres, "INSERT INTO kept VALUES ($1)", number)
        sleeping = asyncio.create_task(busy.execute("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.1)
        postgres.process.kill()
        postgres.process.wait()
        postgres.start()
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await sleeping
        assert [row["number"] for row in await query(postgres, "SELECT number FROM kept ORDER BY 1")][-1] == number


async def test_postgres_starts_beside_what_a_killed_owner_left(tmp_path):
    """A server whose owner was killed is ended in order by the next start, and its rows are there."""
    folder = tmp_path / "postgres"
    owner = await python(ORPHAN_MAKER, str(folder))
    assert await owner.wait() == -signal.SIGKILL
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    try:
        assert [tuple(row) for row in await query(postgres, "SELECT * FROM left_behind")] == [(7,)]
        assert "received fast shutdown request" in (folder / "postgresql.log").read_text()
    finally:
        postgres.stop()


def write_pid_file(data):
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n0\n5432\n\n\n0 0\nready\n")


async def test_postgres_recovers_from_a_pid_file_of_another_process(postgres):
    """A stale postmaster.pid whose number another process has by now does not stop the start."""
    postgres.stop()
    write_pid_file(postgres._data)
    postgres.start()
    assert await query(postgres, "SELECT 1")


async def test_postgres_works_in_a_deep_folder_with_odd_names(tmp_path):
    """A path longer than a socket may have, with spaces, a comma and an umlaut, serves like any other."""
    folder = tmp_path / "für alle, überall" / ("d" * 120) / ("e" * 120)
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    try:
        postgres.create_database("teilhabe")
        assert await query(postgres, "SELECT 1")
    finally:
        postgres.stop()


async def test_postgres_is_durable_and_means_utc(postgres):
    """The settings that the guarantees rest on are in force, and text is UTF-8 in code-point order."""
    for name, value in {"fsync": "on", "synchronous_commit": "on", "max_connections": "200", "TimeZone": "UTC"}.items():
        assert (await query(postgres, f"SHOW {name}"))[0][0] == value
    row = (await query(postgres, "SELECT * FROM pg_database WHERE datname = 'teilhabe'"))[0]
    assert (row["encoding"], row["datlocprovider"], row["datlocale"]) == (6, b"b", "C.UTF-8")


async def test_postgres_listens_to_nobody_else(postgres):
    """There is no TCP port, and the folder of the socket is closed to others."""
    assert (await query(postgres, "SHOW listen_addresses"))[0][0] == ""
    assert postgres._sockets.stat().st_mode & 0o077 == 0


def test_postgres_creates_a_database_once(postgres):
    """Creating a database that is there changes nothing, whatever its name."""
    for name in ("teilhabe", "quo\"ted'; --", "quo\"ted'; --"):
        postgres.create_database(name)


def test_a_second_owner_is_refused(postgres, tmp_path):
    """Two processes cannot run PostgreSQL in one folder: the second is told so, and the first goes on."""
    with pytest.raises(PostgresError, match="Another process runs PostgreSQL in"):
        EmbeddedPostgres(tmp_path / "postgres").start()
    assert postgres.process.poll() is None


def test_every_topic_name_fits_kafka():
    """Names are unique and have only small letters, digits, points and hyphens, which Kafka's metrics keep apart."""
    names = [topic.name for topic in all_topics()]
    assert len(set(names)) == len(names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-") and len(name) <= 249 for name in names)
