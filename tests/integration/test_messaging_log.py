"""A broker that comes back empty, or has dropped records that nobody had read: the outboxes publish again."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from shared.embedded.broker import EmbeddedBroker
from shared.messaging import log_epoch
from shared.messaging.log_epoch import LogEpoch
from shared.messaging.losses import LossWatch
from shared.messaging.producer import Producer
from shared.runtime.worker import Worker
from tests.support.kafka import read_topic
from tests.support.messaging import Service, running, until


async def has_effects(service, count):
    return len(await service.effects()) >= count


async def published(service):
    return await service.pending() == 0


async def ignore(*_):
    return None


@pytest.mark.parametrize("watch", [True, False], ids=["watch", "control"])
async def test_kafka_that_comes_back_empty_gets_everything_again(own_kafka, database_url, monkeypatch, watch):
    """The disk is lost under a running worker: a new reader finds all messages, and nothing takes effect twice.

    Without the watch over the log, the new reader finds only what was published afterwards.
    """
    service = await Service(own_kafka.address, database_url("wiped")).create()
    aggregate = uuid4()
    worker = service.worker(service.consumer())
    if not watch:
        worker.producer._read_epoch = None
    async with running(worker):
        await service.steps(aggregate, 30)
        await until(lambda: has_effects(service, 30))
        await until(lambda: published(service))
        if not watch:
            monkeypatch.setattr(Worker, "_follow_epoch", ignore)
            worker.timers = []
            for task in worker._tasks:
                if task.get_name() == "timer-epoch":
                    task.cancel()
        await asyncio.to_thread(own_kafka.kill)
        own_kafka.wipe()
        await service.steps(aggregate, 5, first=31)
        await asyncio.to_thread(own_kafka.start)
        await service.create_topics()
        await until(lambda: has_effects(service, 35), 60)
        await until(lambda: published(service), 30)
        if watch:
            await until(lambda: holds(service, 35), 30)
    assert await service.effects(aggregate) == list(range(1, 36))
    newcomer = service.consumer(name="newcomer")
    await service.scalar("WITH gone AS (DELETE FROM effects RETURNING 1) SELECT count(*) FROM gone")
    records = await read_topic(service.kafka, service.topic)
    await newcomer.handle(service.database, [service.contract.model_validate_json(r.value) for r in records])
    effects = await service.effects(aggregate)
    await service.close()
    assert (sorted(set(effects)) == list(range(1, 36))) is watch


@pytest.mark.parametrize("look", [True, False], ids=["look", "control"])
async def test_nothing_newer_stands_before_the_window_in_a_new_log(own_kafka, database_url, monkeypatch, look):
    """What waited in the producer, and what came before anybody noticed the loss, follows behind what was lost.

    Unless each new connection is looked at: then the newer messages come first.
    """
    service = await Service(own_kafka.address, database_url("order")).create()
    aggregate, noticing = uuid4(), asyncio.Event()
    noticing.set()
    monkeypatch.setattr(LogEpoch, "current", held_back(noticing))
    worker = service.worker(service.consumer())
    if not look:
        worker.producer._read_epoch = None
    async with running(worker):
        await service.steps(aggregate, 10)
        await until(lambda: has_effects(service, 10))
        await until(lambda: published(service))
        noticing.clear()
        await asyncio.to_thread(own_kafka.kill)
        own_kafka.wipe()
        await service.steps(aggregate, 5, first=11)
        await asyncio.to_thread(own_kafka.start)
        await service.create_topics()
        await service.steps(aggregate, 5, first=16)
        await asyncio.sleep(4)
        noticing.set()
        await until(lambda: holds(service, 20), 60)
    records = await read_topic(service.kafka, service.topic)
    numbers = [service.contract.model_validate_json(record.value).number for record in records]
    await service.close()
    assert (list(dict.fromkeys(numbers)) == list(range(1, 21))) is look


def held_back(until_then):
    """The epoch is asked for as ever, but later."""
    current = LogEpoch.current

    async def later(self):
        await until_then.wait()
        return await current(self)

    return later


async def holds(service, count):
    return len({record.value for record in await read_topic(service.kafka, service.topic)}) >= count


async def test_worker_that_was_down_while_the_log_was_lost_misses_nothing(own_kafka, database_url):
    """Its partitions are read from the beginning although its offsets say otherwise, and the inbox drops the rest."""
    publisher = await Service(own_kafka.address, database_url("publisher")).create()
    reader = Service(own_kafka.address, database_url("reader"), topic=publisher.topic)
    await reader.create()
    aggregate = uuid4()
    async with running(publisher.worker()):
        await publisher.steps(aggregate, 10)
        async with running(reader.worker(reader.consumer())):
            await until(lambda: has_effects(reader, 10))
        await asyncio.to_thread(own_kafka.kill)
        own_kafka.wipe()
        await publisher.steps(aggregate, 10, first=11)
        await asyncio.to_thread(own_kafka.start)
        await publisher.create_topics()
        await until(lambda: holds(publisher, 20), 60)
        async with running(reader.worker(reader.consumer())):
            await until(lambda: has_effects(reader, 20))
            await asyncio.sleep(2)
    assert await reader.effects(aggregate) == list(range(1, 21))
    await publisher.close()
    await reader.close()


@pytest.mark.parametrize("watch", [True, False], ids=["watch", "control"])
async def test_consumer_whose_position_lies_in_the_new_log_reads_it_from_the_beginning(
    own_kafka, database_url, monkeypatch, watch
):
    """The new log is longer than the old one was: offsets fit, records do not; without the watch they are missed."""
    service = await Service(own_kafka.address, database_url("longer")).create(partitions=1)
    aggregate = uuid4()
    await write(service, [service.message(aggregate, n) for n in range(1, 6)])
    async with running(service.worker(service.consumer())):
        await until(lambda: has_effects(service, 5))
        await until(lambda: remembered(service))
    await write(service, [service.message(aggregate, 0) for _ in range(2)], topic="teilhabe.log-epoch.v1", raw=b"new")
    partition = TopicPartition(service.topic, 0)
    await set_offset(service, partition, 9)
    await write(service, [service.message(aggregate, n) for n in range(6, 11)])
    if not watch:
        monkeypatch.setattr("shared.runtime.worker.follow_partitions", ignore)
    async with running(service.worker(service.consumer())):
        await until(lambda: has_effects(service, 10 if watch else 6))
        await asyncio.sleep(2)
    assert (set(await service.effects(aggregate)) == set(range(1, 11))) is watch
    await service.close()


async def remembered(service):
    return await service.scalar("SELECT count(*) FROM log_positions WHERE reader <> 'relay'") == 1


async def set_offset(service, partition, offset):
    consumer = AIOKafkaConsumer(
        bootstrap_servers=service.kafka, group_id=f"{service.topic}.{service.name}", enable_auto_commit=False
    )
    consumer.assign([partition])
    await consumer.start()
    await consumer.commit({partition: offset})
    await consumer.stop()


async def write(service, messages, *, topic="", raw=None):
    producer = AIOKafkaProducer(bootstrap_servers=service.kafka)
    await producer.start()
    for message in messages:
        value = raw or message.model_dump_json().encode()
        await producer.send_and_wait(topic or service.topic, value, key=b"key")
    await producer.stop()


async def test_embedded_broker_that_was_restarted_gets_everything_again(tmp_path, free_port, database_url):
    """It forgets everything; the worker that ran through it misses nothing and doubles nothing."""
    port = free_port()
    broker = EmbeddedBroker(tmp_path / "one", port)
    broker.start()
    service = Service(broker.address, database_url("embedded"), "events", "teilhabe.registrations.v1")
    await service.create()
    aggregate = uuid4()
    try:
        async with running(service.worker(service.consumer())):
            await service.steps(aggregate, 20)
            await until(lambda: has_effects(service, 20), 40)
            broker.kill()
            await service.steps(aggregate, 20, first=21)
            broker = EmbeddedBroker(tmp_path / "two", port)
            broker.start()
            await until(lambda: has_effects(service, 40), 60)
            await until(lambda: holds(service, 40), 40)
        assert await service.effects(aggregate) == list(range(1, 41))
    finally:
        broker.kill()
        await service.close()


async def marks(service):
    return len(await read_topic(service.kafka, "teilhabe.log-epoch.v1"))


@pytest.mark.parametrize("watch", [True, False], ids=["watch", "control"])
async def test_records_that_were_dropped_unread_are_published_again(own_kafka, database_url, monkeypatch, watch):
    """The log begins behind the consumer's position: the mark is renewed, once, and nothing is missing in the end."""
    if not watch:

        async def nothing(*_):
            return False

        monkeypatch.setattr(LossWatch, "happened", nothing)
    service = await Service(own_kafka.address, database_url("dropped")).create(partitions=1)
    aggregate = uuid4()
    async with running(service.worker()):
        await service.steps(aggregate, 5)
        await until(lambda: published(service))
        async with running(service.worker(service.consumer())):
            await until(lambda: has_effects(service, 5))
        before = await marks(service)
        for first in (6, 12):
            await service.steps(aggregate, 5, first=first)
            await until(lambda: published(service))
            await delete_records(service)
            await service.steps(aggregate, 1, first=first + 5)
            await until(lambda: published(service))
        async with running(service.worker(service.consumer())):
            await until(lambda: has_effects(service, 17 if watch else 6))
            await asyncio.sleep(3)
    assert set(await service.effects(aggregate)) == (set(range(1, 18)) if watch else {1, 2, 3, 4, 5, 17})
    assert await marks(service) == before + int(watch)
    await service.close()


async def delete_records(service):
    admin = AIOKafkaAdminClient(bootstrap_servers=service.kafka)
    await admin.start()
    end = len(await read_topic(service.kafka, service.topic))
    start_and_end = await ends(service)
    await admin.delete_records({TopicPartition(service.topic, 0): RecordsToDelete(before_offset=start_and_end)})
    await admin.close()
    assert end


async def ends(service):
    consumer = AIOKafkaConsumer(bootstrap_servers=service.kafka)
    await consumer.start()
    partition = TopicPartition(service.topic, 0)
    end = (await consumer.end_offsets([partition]))[partition]
    await consumer.stop()
    return end


async def test_losses_renew_the_mark_at_most_once_in_five_minutes_and_are_not_forgotten(
    own_kafka, database_url, monkeypatch
):
    """Two processes that notice a loss write one mark; a later loss is answered when five minutes have passed."""
    service = await Service(own_kafka.address, database_url("marks")).create()
    producer = Producer(own_kafka.address)
    one, two = LogEpoch(own_kafka.address, producer), LogEpoch(own_kafka.address, producer)
    first = await one.current()
    await one.renew()
    await two.renew()
    second = await one.current()
    assert second not in {first, ""}
    assert await two.current() == second
    await one.renew()
    assert await one.current() == second
    monkeypatch.setattr(log_epoch, "_RENEW_AT_MOST_EVERY", timedelta())
    assert await one.current() != second
    assert await marks(service) == 3
    for part in (one, two, producer, service):
        await (part.stop() if part is producer else part.close())


async def test_compaction_is_no_loss(own_kafka, database_url):
    """A gap between offsets in a log that begins at its beginning renews nothing."""
    service = await Service(own_kafka.address, database_url("gaps")).create(partitions=1)
    await write(service, [service.message(uuid4(), n) for n in range(10)])
    consumer = AIOKafkaConsumer(service.topic, bootstrap_servers=service.kafka, auto_offset_reset="earliest")
    await consumer.start()
    records = []
    while len(records) < 10:
        for batch in (await consumer.getmany(timeout_ms=500)).values():
            records += batch
    watch = LossWatch()
    assert not await watch.happened([records[0], records[3], records[9]], consumer)
    await consumer.stop()
    await service.close()
