"""Messages that come before what they speak of: they wait in order, are found, or are set aside and come back."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.messaging import inbox as inbox_module
from shared.messaging.dlq import open_letters, replay
from shared.messaging.producer import Producer
from tests.support.messaging import Service, apply, committed, has_effects, never, running, send, until

SECRET = "Erika Mustermann"


@pytest.fixture
async def service(real_kafka_address, database_url):
    made = await Service(real_kafka_address, database_url("parking")).create()
    yield made
    await made.close()


def needs(message):
    return f"thing:{message.note}" if message.note else None


async def present(session, things):
    rows = await session.execute(
        text("SELECT key FROM aggregates WHERE key = ANY(:keys)"),
        {"keys": [thing.partition(":")[2] for thing in things]},
    )
    return {f"thing:{found}" for found in rows.scalars()}


async def arrive(service, thing):
    await service.scalar("INSERT INTO aggregates VALUES (:key, 1) RETURNING 1", key=thing)


async def parked(service, count):
    return await service.scalar("SELECT count(*) FROM parked") == count


async def test_early_messages_wait_and_keep_their_order(service):
    """Messages of a thing that is not there wait; those that come behind them wait too; others go on at once."""
    aggregate = uuid4()
    consumer = service.consumer(needs=needs, present=present)
    worker = service.worker(consumer)
    worker.timers = [timer for timer in worker.timers if not timer.name.startswith("parked")]
    async with running(worker):
        await send(service, service.message(aggregate, 1, note="a"), service.message(aggregate, 2, note="a"))
        await send(service, service.message(aggregate, 9))
        await until(lambda: has_effects(service, 1))
        await arrive(service, "a")
        await send(service, service.message(aggregate, 3, note="a"))
        await until(lambda: committed(service, 4))
        assert await service.effects(aggregate) == [9]
        assert await consumer.retry_parked(service.database) == 3
        await send(service, service.message(aggregate, 4, note="a"))
        await until(lambda: has_effects(service, 5))
    assert await service.effects(aggregate) == [9, 1, 2, 3, 4]


async def test_message_that_does_not_queue_behind_a_parked_one_overtakes_it(service, monkeypatch):
    """The negative control: without looking at who waits already, the later message is applied first."""

    async def nobody(*_):
        return set()

    monkeypatch.setattr(inbox_module.Inbox, "waiting_for", nobody)
    aggregate, consumer = uuid4(), service.consumer(needs=needs, present=present)
    await consumer.handle(service.database, [service.message(aggregate, 1, note="a")])
    await arrive(service, "a")
    await consumer.handle(service.database, [service.message(aggregate, 2, note="a")])
    await consumer.retry_parked(service.database)
    assert await service.effects(aggregate) == [2, 1]


async def test_thing_that_arrives_in_the_same_instant_is_found(service):
    """Arrivals and messages race over 60 things and two workers' retries: nothing stays parked, order is kept."""
    consumer = service.consumer(needs=needs, present=present)
    things = [uuid4() for _ in range(60)]

    async def messages(thing):
        for number in (1, 2, 3):
            await consumer.handle(service.database, [service.message(thing, number, note=str(thing))])

    async def retries():
        for _ in range(20):
            await consumer.retry_parked(service.database)
            await asyncio.sleep(0.01)

    work = [part for thing in things for part in (messages(thing), arrive(service, str(thing)))]
    await asyncio.gather(retries(), retries(), *work)
    await consumer.retry_parked(service.database)
    assert await parked(service, 0)
    assert all([await service.effects(thing) == [1, 2, 3] for thing in things])


async def test_parked_message_that_cannot_be_applied_stops_nobody(service):
    """It is set aside and can be replayed; its neighbours, and what waits for other things, are applied."""
    bad, good = uuid4(), uuid4()
    broken = True

    async def picky(session, messages):
        if broken and any(message.number == 2 for message in messages):
            raise ValueError(SECRET)
        await apply(session, messages)

    consumer = service.consumer(needs=needs, present=present, apply=picky)
    worker = service.worker(consumer)
    async with running(worker):
        await send(service, *(service.message(bad, n, note="a") for n in (1, 2, 3)), service.message(good, 1, note="b"))
        await until(lambda: parked(service, 4))
        await arrive(service, "a")
        await arrive(service, "b")
        await until(lambda: has_effects(service, 3))
        assert await service.effects(bad) == [1, 3]
        [letter] = await open_letters(service.kafka, service.dead)
        assert letter.reason == "ValueError"
        broken = False
        assert await replay(service.kafka, service.dead) == 1
        await until(lambda: has_effects(service, 4))
    assert await service.effects(bad) == [1, 3, 2]


async def test_overdue_message_is_set_aside_counted_and_can_be_replayed(service):
    """What has waited too long becomes a dead letter; a replay is not dropped as already received."""
    aggregate = uuid4()
    consumer = service.consumer(needs=needs, present=present)
    worker = service.worker(consumer)
    async with running(worker):
        await send(service, service.message(aggregate, 1, note="late"))
        await until(lambda: parked(service, 1))
        assert await consumer.fail_overdue(service.database, worker.producer, service.name, timedelta(hours=1)) == 0
        assert await consumer.fail_overdue(service.database, worker.producer, service.name, timedelta()) == 1
        [letter] = await open_letters(service.kafka, service.dead)
        assert letter.reason == "Overdue: waited for thing"
        await arrive(service, "late")
        await replay(service.kafka, service.dead)
        await until(lambda: has_effects(service, 1))
    assert await parked(service, 0)


async def test_overdue_dead_letter_is_not_written_without_time_having_passed(service):
    """The negative control of the one above: within its time a message stays where it is."""
    consumer = service.consumer(needs=needs, present=present)
    await consumer.handle(service.database, [service.message(uuid4(), 1, note="late")])
    producer = Producer(service.kafka)
    assert await consumer.fail_overdue(service.database, producer, service.name, timedelta(minutes=1)) == 0
    await never(lambda: parked(service, 0), 0.3)
