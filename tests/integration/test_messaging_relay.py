"""From the outbox to Kafka: nothing is lost, each key keeps its order, relays share the work and survive."""

import asyncio
from collections import defaultdict
from uuid import uuid4

import asyncpg
import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.messaging import relay as relay_module
from shared.messaging.outbox import publish
from shared.messaging.producer import Producer
from shared.messaging.relay import Relay, follow_epoch
from tests.support.kafka import read_topic
from tests.support.messaging import Program, Service, key, never, until

WINDOW = 3600.0


@pytest.fixture
async def service(real_kafka_address, database_url):
    """A service that knows the log."""
    made = await Service(real_kafka_address, database_url("relay")).create()
    await follow_epoch(made.database, made.name, "one", WINDOW)
    yield made
    await made.close()


class RunningRelay:
    """A relay that runs inside the block."""

    def __init__(self, service, producer=None):
        self.producer = producer or Producer(service.kafka)
        self.relay = Relay(service.name, service.database, self.producer)

    async def __aenter__(self):
        self.relay.start()
        return self.relay

    async def __aexit__(self, *_):
        await self.relay.stop()
        await self.producer.stop()


async def first_occurrences(service):
    """The numbers of each key, as a consumer with an inbox would see them."""
    numbers, seen = defaultdict(list), set()
    for record in await read_topic(service.kafka, service.topic):
        message = service.contract.model_validate_json(record.value)
        if message.message_id not in seen:
            seen.add(message.message_id)
            numbers[record.key.decode()].append(message.number)
    return numbers


async def published(service):
    return await service.pending() == 0


@pytest.mark.parametrize("outbox", ["yes", "no"])
async def test_what_was_committed_is_published_although_its_process_was_killed(service, outbox):
    """A SIGKILL between commit and publish loses nothing; without the outbox the same kill loses the message."""
    with Program("commit", service, outbox=outbox) as process:
        assert await process.line() == "committed"
        process.kill()
    assert await service.scalar("SELECT version FROM aggregates WHERE key = 'lost'") == 1
    async with RunningRelay(service):
        if outbox == "yes":
            await until(lambda: published(service))
    numbers = await first_occurrences(service)
    assert numbers == ({str(key("lost")): [1]} if outbox == "yes" else {})


async def write_steps(service, aggregate, count, *, lock):
    """Concurrent transactions that each take the next version of the aggregate and publish it."""
    locked = "SELECT version FROM aggregates WHERE key = :key FOR UPDATE"
    read = locked if lock else locked.removesuffix(" FOR UPDATE")

    async def one(_):
        async with service.database.begin() as session:
            row = await session.execute(text(read), {"key": str(aggregate)})
            number = row.scalar_one() + 1
            if not lock:
                number = await next_unlocked(session, aggregate)
            else:
                await session.execute(
                    text("UPDATE aggregates SET version = :v WHERE key = :key"), {"v": number, "key": str(aggregate)}
                )
            await publish(session, service.message(aggregate, number))
            if not lock:
                await asyncio.sleep(0.002 * (number % 3))

    await service.scalar("INSERT INTO aggregates VALUES (:key, 0) RETURNING 1", key=str(aggregate))
    for start in range(0, count, 5):
        await asyncio.gather(*(one(n) for n in range(start, min(count, start + 5))))


_unlocked = defaultdict(int)


async def next_unlocked(_, aggregate):
    """A version that is unique but whose commit order is nobody's: what the lock of the row prevents."""
    _unlocked[aggregate] += 1
    return _unlocked[aggregate]


@pytest.mark.parametrize("lock", [True, False])
async def test_each_key_keeps_its_order_through_two_relays_of_which_one_is_killed(service, lock):
    """20 keys x 200 messages arrive in order although a relay dies on the way; not so without the aggregate's lock."""
    keys = [uuid4() for _ in range(20)]
    service.database.engine.pool._max_overflow = 30
    with Program("relay", service) as other:
        assert await other.line() == "started"
        async with RunningRelay(service):
            writing = asyncio.gather(*(write_steps(service, aggregate, 200, lock=lock) for aggregate in keys))
            await until(lambda: at_least(service, 800), 60)
            other.kill()
            await writing
            await until(lambda: published(service), 60)
    numbers = await first_occurrences(service)
    assert {len(found) for found in numbers.values()} == {200}
    in_order = all(found == sorted(found) for found in numbers.values())
    assert in_order is lock


async def at_least(service, count):
    return await service.scalar("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL") >= count


class RefusingProducer(Producer):
    """Kafka refuses the key `bad` some times."""

    def __init__(self, kafka, bad, times, *, late=False):
        super().__init__(kafka)
        self.bad, self.left, self.late = str(bad).encode(), times, late

    async def send(self, topic, value, key, headers, *, epoch=None):
        if key == self.bad and self.left > 0:
            self.left -= 1
            if not self.late:
                raise MessageSizeTooLargeError("refused")
            future = asyncio.get_running_loop().create_future()
            future.set_exception(KafkaError("refused"))
            return future
        return await super().send(topic, value, key, headers, epoch=epoch)


async def test_refused_key_holds_back_itself_alone_and_goes_on_in_order(service):
    """What Kafka refuses waits with all that follows it under its key; the other keys go on."""
    bad, good = uuid4(), uuid4()
    await service.steps(bad, 20)
    await service.steps(good, 20)
    producer = RefusingProducer(service.kafka, bad, 3)
    async with RunningRelay(service, producer):
        await until(lambda: pending_is(service, 20), 5)
        assert (await first_occurrences(service))[str(good)] == list(range(1, 21))
        assert str(bad) not in await first_occurrences(service)
        await until(lambda: published(service), 20)
    assert (await first_occurrences(service))[str(bad)] == list(range(1, 21))


async def test_refused_key_that_is_not_held_back_loses_its_order(service, monkeypatch):
    """The negative control: a relay that forgets a refusal at once sends the key's later messages first."""
    bad = uuid4()
    await service.steps(bad, 20)
    original = Relay._refuse

    async def forgetful(self, rows):
        for row in rows:
            await original_send(self, [row])

    original_send = Relay._send
    monkeypatch.setattr(Relay, "_send", forgetful)
    monkeypatch.setattr(Relay, "_refuse", lambda self, *a: original(self, *a) or self._refused.clear())
    async with RunningRelay(service, RefusingProducer(service.kafka, bad, 3)):
        await until(lambda: published(service), 20)
    numbers = (await first_occurrences(service))[str(bad)]
    assert sorted(numbers) == list(range(1, 21))
    assert numbers != sorted(numbers)


async def test_failure_that_shows_late_lets_no_later_message_of_its_key_be_marked(service):
    """The log's last word about a key is its newest message, which compaction keeps, whatever failed in between."""
    bad = uuid4()
    await service.steps(bad, 10)
    async with RunningRelay(service, RefusingProducer(service.kafka, bad, 1, late=True)):
        await until(lambda: published(service), 20)
    records = [r for r in await read_topic(service.kafka, service.topic) if r.key.decode() == str(bad)]
    numbers = [service.contract.model_validate_json(record.value).number for record in records]
    assert set(numbers) == set(range(1, 11))
    assert numbers[-10:] == list(range(1, 11))


async def pending_is(service, count):
    return await service.pending() == count


async def test_lower_id_that_is_committed_later_is_not_passed_over(service):
    """A transaction that took its id first and commits last is published as well."""
    late, early = uuid4(), uuid4()
    async with RunningRelay(service):
        async with service.database.begin() as slow:
            await publish(slow, service.message(late, 1))
            await service.step(early, 1)
            await until(lambda: at_least(service, 1))
        await until(lambda: published(service))
    assert set(await first_occurrences(service)) == {str(late), str(early)}


async def shards_of(service):
    return await service.scalar(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7263002 AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )


async def test_relays_share_the_shards_and_take_over_those_of_a_dead_one(service):
    """Two relays own eight shards each; when one is killed the other owns all sixteen within a few seconds."""
    with Program("relay", service) as other:
        assert await other.line() == "started"
        async with RunningRelay(service) as relay:

            async def shared():
                return len(relay._shards) == 8 and await shards_of(service) == 16

            await until(shared, 15)
            other.kill()

            async def owned():
                return len(relay._shards) == 16

            assert await until(owned, 10) < 5


async def test_relay_whose_connection_dies_goes_on_with_another(service):
    """PostgreSQL ends the relay's connection; the relay connects again and publishes."""
    aggregate = uuid4()
    async with RunningRelay(service):
        await service.steps(aggregate, 5)
        await until(lambda: published(service))
        ended = await service.scalar(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE classid = 7263003 AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert ended == 1
        await service.steps(aggregate, 5, first=6)
        await until(lambda: published(service), 15)
    assert (await first_occurrences(service))[str(aggregate)] == list(range(1, 11))


async def test_topic_that_is_not_there_holds_back_itself_alone(service):
    """Messages for a topic that nobody created wait; those for other topics go on."""
    missing = Service(service.kafka, service.url, service.name, f"test.missing-{uuid4().hex[:6]}.v1")
    await missing.steps(uuid4(), 10)
    aggregate = uuid4()
    async with RunningRelay(service):
        for number in range(1, 11):
            await service.step(aggregate, number)
            await asyncio.sleep(0.3)
        await until(lambda: pending_is(service, 10), 10)
        await missing.create_topics()
        await until(lambda: published(service), 15)
    await missing.close()
    assert (await first_occurrences(service))[str(aggregate)] == list(range(1, 11))


async def test_reset_producer_leaves_no_key_held_back_for_ever(service):
    """Records that were in flight when the producer was dropped are sent again by the same relay."""
    aggregate = uuid4()
    producer = Producer(service.kafka)
    async with RunningRelay(service, producer) as relay:
        for _ in range(10):
            await service.steps(aggregate, 50)
            await asyncio.sleep(0.01)
            await producer.reset()
        await until(lambda: published(service), 15)
        assert not relay._in_flight


async def test_broker_that_is_away_for_a_while_delays_and_loses_nothing(own_kafka, database_url):
    """Killed, and started again after five seconds: everything arrives, in order, within seconds."""
    service = await Service(own_kafka.address, database_url("away")).create()
    await follow_epoch(service.database, service.name, "one", WINDOW)
    keys = [uuid4() for _ in range(10)]
    async with RunningRelay(service):
        for number in range(1, 31):
            await asyncio.gather(*(service.step(aggregate, number) for aggregate in keys))
            if number == 10:
                own_kafka.kill()
        await asyncio.sleep(5)
        assert await service.pending() > 0
        await asyncio.to_thread(own_kafka.start)
        took = await until(lambda: published(service), 40)
    numbers = await first_occurrences(service)
    await service.close()
    assert all(numbers[str(aggregate)] == list(range(1, 31)) for aggregate in keys)
    assert took < 25


async def test_messages_published_after_the_log_changed_are_not_marked_for_the_old_one(service):
    """A mark that comes after the epoch changed is void: the row stays pending and is published to the new log."""
    aggregate = uuid4()
    row = await service.step(aggregate, 1)
    row_id = await service.scalar("SELECT id FROM outbox WHERE message_id = :id", id=row.message_id)
    async with service.database.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        await follow_epoch(service.database, service.name, "two", WINDOW)
        assert await relay_module._mark_rows(raw, [row_id], "one") == 0
        assert await relay_module._mark_rows(raw, [row_id], "two") == 1
    await never(lambda: pending_is(service, 1), 0.1)


async def test_a_replay_that_dies_half_way_has_not_happened(service):
    """The new epoch is known only together with the window that is to be published again: else it would be lost."""
    with pytest.raises(DBAPIError, match="interval out of range"):
        await follow_epoch(service.database, service.name, "two", float("inf"))
    assert await service.scalar("SELECT epoch FROM log_positions WHERE reader = 'relay'") == "one"


async def test_nothing_is_marked_while_a_replay_is_under_way(service):
    """What was sent under the new epoch before the window is pending again would not be sent again in its order."""
    row = await service.step(uuid4(), 1)
    row_id = await service.scalar("SELECT id FROM outbox WHERE message_id = :id", id=row.message_id)
    async with service.database.engine.connect() as connection, service.database.begin() as replay:
        raw = (await connection.get_raw_connection()).driver_connection
        await replay.execute(text("UPDATE log_positions SET epoch = 'two' WHERE reader = 'relay'"))
        for epoch in ("one", "two"):
            await raw.execute("SET lock_timeout = '200ms'")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await relay_module._mark_rows(raw, [row_id], epoch)
