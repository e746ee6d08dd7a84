"""A worker process: it stops in time whatever hangs, says how it is, and hands over when it dies."""

import asyncio
from time import monotonic
from types import SimpleNamespace
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from sqlalchemy import text

from shared.database.engine import Database
from shared.database.migrations import is_behind, upgrade
from shared.runtime import progress as progress_module
from shared.runtime.progress import Progress
from tests.support.messaging import Program, Service, running, until


async def get(port, path):
    """The status of a path of a worker's health, 0 if nobody answers within 5 s."""
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
    except OSError:
        return 0
    return int(line.split()[1])


async def answers(port, path, status):
    return await get(port, path) == status


async def has_effects(service, count):
    return len(await service.effects()) >= count


@pytest.mark.parametrize("hangs", ["kafka", "handler", "nothing"])
async def test_worker_stops_within_its_limit(own_kafka, database_url, free_port, hangs):
    """SIGTERM ends a worker of a hanging Kafka, or with a handler that never ends, within its limit of 10 s."""
    service = await Service(own_kafka.address, database_url("stop")).create()
    port = free_port()
    with Program("worker", service, port=str(port), stop_limit="10", hang="yes" if hangs == "handler" else "no") as it:
        assert await it.line() == "started"
        await service.steps(uuid4(), 5)
        if hangs == "handler":
            assert "stuck" in await it.line()
        else:
            await until(lambda: has_effects(service, 5), 40)
        if hangs == "kafka":
            own_kafka.pause()
            await service.steps(uuid4(), 5)
            await asyncio.sleep(1)
        start = monotonic()
        it.terminate()
        await asyncio.to_thread(it.process.wait, 30)
        took = monotonic() - start
        own_kafka.resume()
    await service.close()
    assert took < (3 if hangs == "nothing" else 10)


async def test_worker_starts_without_a_broker_and_begins_when_it_comes(own_kafka, database_url):
    """Nobody needs to start things in an order: the worker waits, is alive, not ready, and then works."""
    service = await Service(own_kafka.address, database_url("early")).create()
    await asyncio.to_thread(own_kafka.kill)
    aggregate = uuid4()
    await service.steps(aggregate, 5)
    worker = service.worker(service.consumer())
    async with running(worker):
        await asyncio.sleep(4)
        assert await worker._progresses()
        assert not await worker._connected()
        await asyncio.to_thread(own_kafka.start)
        await until(lambda: has_effects(service, 5), 40)
        assert await worker._connected()
    await service.close()


async def test_a_worker_that_starts_before_the_migrations_waits_for_them(real_kafka_address, database_url):
    """No record is set aside for want of a table: the worker reads nothing until the tables are there."""
    service = await Service(real_kafka_address, database_url("behind")).create()
    await service.steps(uuid4(), 5)
    missing = [True]

    async def behind():
        return missing[0]

    async with running(service.worker(service.consumer(), behind=behind)):
        await asyncio.sleep(5)
        assert not await service.effects()
        missing.clear()
        missing.append(False)
        await until(lambda: has_effects(service, 5), 40)
    await service.close()


async def test_only_older_revisions_are_behind(database_url):
    """An empty database is behind, a migrated one is not, nor is one that a newer version has migrated."""
    url = database_url("revisions")
    database = Database(url, connections=1)
    assert await is_behind("notifications", database)
    await asyncio.to_thread(upgrade, "notifications", url)
    assert not await is_behind("notifications", database)
    async with database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = 'of-tomorrow'"))
    assert not await is_behind("notifications", database)
    await database.close()


async def test_readiness_says_no_while_the_broker_is_away(own_kafka, database_url):
    """Within some 20 s of the broker's end the worker is not ready, stays alive, and is ready again afterwards."""
    service = await Service(own_kafka.address, database_url("ready")).create()
    worker = service.worker(service.consumer())
    async with running(worker):
        await until(worker._connected)
        await asyncio.to_thread(own_kafka.kill)

        async def away():
            return not await worker._connected()

        await until(away, 25)
        assert await worker._progresses()
        await asyncio.to_thread(own_kafka.start)
        await until(worker._connected, 30)
    await service.close()


async def test_health_is_served_over_http(real_kafka_address, database_url, free_port):
    """A worker that runs answers 200 to /healthz; one whose handler does not end answers 503 after the time for it."""
    service = await Service(real_kafka_address, database_url("http")).create()
    port = free_port()
    with Program("worker", service, port=str(port), hang="no") as it:
        assert await it.line() == "started"
        await until(lambda: answers(port, "/healthz", 200), 30)
        await until(lambda: answers(port, "/metrics", 200), 5)
    await service.close()


async def test_health_tells_a_stuck_handler_from_an_idle_one(real_kafka_address, database_url, monkeypatch):
    """A batch that does not end makes the worker unwell; nothing to do, or a database that is away, does not."""
    monkeypatch.setattr(progress_module, "STUCK_AFTER", 0.5)
    service = await Service(real_kafka_address, database_url("stuck")).create()
    release = asyncio.Event()

    async def hangs(*_):
        await release.wait()

    worker = service.worker(service.consumer(apply=hangs))
    async with running(worker):
        await until(worker._connected)
        await asyncio.sleep(1)
        assert await worker._progresses()
        await service.step(uuid4(), 1)

        async def unwell():
            return not await worker._progresses()

        await until(unwell, 15)
        worker.consumption.waiting.add((service.name, service.topic))
        assert await worker._progresses()
        worker.consumption.waiting.clear()
        release.set()
        await until(worker._progresses, 5)
    await service.close()


class FakeConsumer:
    """An aiokafka consumer with one partition."""

    def __init__(self, position, end):
        self.position, self.end = position, end
        state = SimpleNamespace(has_valid_position=True, position=position)
        assignment = SimpleNamespace(state_value=lambda _: state)
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))

    def subscription(self):
        return {"t"}

    def assignment(self):
        return {TopicPartition("t", 0)}

    def highwater(self, _):
        return self.end


async def test_records_that_nobody_takes_up_are_a_stuck_consumer(monkeypatch):
    """Lag alone is not; lag that stays without progress is, and another topic's progress does not hide it."""
    monkeypatch.setattr(progress_module, "STUCK_AFTER", 0.1)
    consumption = SimpleNamespace(waiting=set(), handling_since={}, progressed_at={"other": monotonic() + 10})
    lagging = Progress(SimpleNamespace(subscribers=[SimpleNamespace(consumer=FakeConsumer(3, 9))]), consumption)
    idle = Progress(SimpleNamespace(subscribers=[SimpleNamespace(consumer=FakeConsumer(9, 9))]), consumption)
    assert not await lagging.stuck()
    assert not await idle.stuck()
    await asyncio.sleep(0.15)
    assert await lagging.stuck() == ["t"]
    assert not await idle.stuck()
    consumption.progressed_at["t"] = monotonic()
    assert not await lagging.stuck()


async def test_two_workers_share_the_partitions_and_one_takes_over_from_the_other(
    real_kafka_address, database_url, free_port
):
    """Both have partitions; when one is killed the other has all of them within the session timeout and a little."""
    service = await Service(real_kafka_address, database_url("two")).create()
    worker = service.worker(service.consumer())
    async with running(worker):
        with Program("worker", service, port=str(free_port())) as other:
            assert await other.line() == "started"

            async def shared():
                return await assigned(worker) == 2

            await until(shared, 40)
            keys = [uuid4() for _ in range(20)]
            for aggregate in keys:
                await service.steps(aggregate, 5)
            await until(lambda: has_effects(service, 100))
            other.kill()
            start = monotonic()
            for aggregate in keys:
                await service.steps(aggregate, 5, first=6)
            await until(lambda: has_effects(service, 200), 40)
            took = monotonic() - start
    assert all([await service.effects(aggregate) == list(range(1, 11)) for aggregate in keys])
    await service.close()
    assert took < 15


async def assigned(worker):
    consumers = [subscriber.consumer for subscriber in worker.broker.subscribers]
    return sum(len(consumer.assignment()) for consumer in consumers if consumer)


async def test_two_consumers_of_one_topic_are_refused(database_url):
    """In one group each would see only a part of the topic's messages."""
    service = Service("127.0.0.1:1", database_url("none"))
    with pytest.raises(ValueError, match="two consumers of one topic"):
        service.worker(service.consumer(), service.consumer(name="another"))
    await service.close()
