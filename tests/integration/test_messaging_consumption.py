"""From Kafka to the database: effectively once, no bad record stops anybody, early messages wait."""

import asyncio
import json
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from shared.embedded.postgres import EmbeddedPostgres
from shared.messaging import consumption as policy
from shared.messaging import inbox as inbox_module
from shared.messaging.dlq import REPLAYED_FOR
from shared.messaging.producer import Producer
from shared.messaging.relay import Relay, follow_epoch
from shared.messaging.topics import all_topics, parse_duration
from tests.support.kafka import produce, read_topic
from tests.support.messaging import Program, Service, apply, committed, has_effects, running, send, until

SECRET = "Erika Mustermann"


@pytest.fixture
async def service(real_kafka_address, database_url):
    made = await Service(real_kafka_address, database_url("consumption")).create()
    yield made
    await made.close()


@pytest.fixture(params=[True, False], ids=["inbox", "no-inbox"])
def has_inbox(request, monkeypatch):
    """With the inbox, and as the negative control without."""
    if not request.param:

        async def all_new(_self, _session, messages):
            return list(messages)

        monkeypatch.setattr(inbox_module.Inbox, "unseen", all_new)
    return request.param


async def test_record_that_comes_twice_has_one_effect(service, has_inbox):
    """The same message twice in a batch, and once more later, changes nothing; without the inbox it does."""
    aggregate = uuid4()
    first, second = service.message(aggregate, 1), service.message(aggregate, 2)
    await send(service, first, first, second)
    async with running(service.worker(service.consumer())):
        await until(lambda: has_effects(service, 2))
        await send(service, first)
        await until(lambda: committed(service, 4))
    assert (await service.effects(aggregate) == [1, 2]) is has_inbox


async def test_consumer_that_dies_before_its_offset_commit_has_one_effect(service, has_inbox, monkeypatch):
    """What was handled and not acknowledged comes again, and is dropped; without the inbox it counts twice."""
    aggregate = uuid4()
    await send(service, *(service.message(aggregate, n) for n in range(1, 11)))

    async def never_commit(*_):
        return None

    with monkeypatch.context() as patched:
        patched.setattr(policy, "_commit", never_commit)
        async with running(service.worker(service.consumer())):
            await until(lambda: has_effects(service, 10))
    assert not await committed(service, 1)
    async with running(service.worker(service.consumer())):
        await until(lambda: committed(service, 10))
    assert (await service.effects(aggregate) == list(range(1, 11))) is has_inbox


async def test_relay_that_dies_between_sending_and_marking_has_one_effect(service, has_inbox):
    """The next relay sends the same again; the inbox drops it."""
    aggregate = uuid4()
    await follow_epoch(service.database, service.name, "one", 3600)
    await service.steps(aggregate, 20)
    with Program("relay", service, mark="no") as process:
        assert await process.line() == "started"
        assert await process.line() == "sent"
    assert await service.pending() == 20
    producer = Producer(service.kafka)
    relay = Relay(service.name, service.database, producer)
    relay.start()
    await until(lambda: sent_again(service, 40))
    await relay.stop()
    await producer.stop()
    async with running(service.worker(service.consumer())):
        await until(lambda: committed(service, 40))
    effects = await service.effects(aggregate)
    assert sorted(set(effects)) == list(range(1, 21))
    assert (len(effects) == 20) is has_inbox


async def sent_again(service, count):
    return len(await read_topic(service.kafka, service.topic)) >= count


def envelope(service, **fields):
    """A message as JSON, with some fields replaced."""
    message = service.message(uuid4(), 99, note=SECRET).model_dump(mode="json") | fields
    return json.dumps(message).encode()


def poison(service):
    """Name, value and headers of each kind of record that can never be handled."""
    return {
        "not JSON": (f"<{SECRET}>".encode(), []),
        "another type": (envelope(service, type=SECRET), []),
        "a field of the wrong type": (envelope(service, number=SECRET), []),
        "missing fields": (json.dumps({"note": SECRET}).encode(), []),
        "a foreign key in a dictionary": (envelope(service, words={SECRET: "x"}), []),
        "a NUL character": (envelope(service, note=f"{SECRET}\0"), []),
        "a number beyond the database": (envelope(service, number=2**70), []),
        "no UTF-8": (b"\xff\xfe" + SECRET.encode(), []),
        "a header of bytes": (b"{", [("x", b"\xff\xfe"), ("dlq-topic", b"forged")]),
        "900 kB": (b"[" * 900_000, []),
    }


async def test_poison_is_set_aside_at_once_and_its_neighbours_are_handled(service):
    """Each kind of bad record goes to the dead letters as it was, with its origin and a reason without its content."""
    aggregate = uuid4()
    bad = poison(service)
    for number, (value, headers) in enumerate(bad.values(), 1):
        await send(service, service.message(aggregate, number))
        await produce(service.kafka, service.topic, b"one key", value, headers)
    await produce(service.kafka, service.topic, b"one key", None)
    await send(service, service.message(aggregate, len(bad) + 1))
    async with running(service.worker(service.consumer())):
        took = await until(lambda: committed(service, 2 * len(bad) + 2))
    assert await service.effects(aggregate) == list(range(1, len(bad) + 2))
    letters = await read_topic(service.kafka, service.dead)
    assert [letter.value for letter in letters] == [value for value, _ in bad.values()]
    for letter in letters:
        headers = {name: value for name, value in letter.headers if name.startswith("dlq-")}
        assert headers["dlq-topic"] == service.topic.encode()
        assert headers["dlq-group"] == service.name.encode()
        assert int(headers["dlq-offset"]) % 2 == 1
        assert SECRET.encode() not in headers["dlq-reason"]
        assert b"Erika" not in headers["dlq-reason"]
        assert len(headers["dlq-reason"]) < 300
    assert took < 10


async def test_without_splitting_a_batch_the_neighbours_of_poison_are_lost(service, monkeypatch):
    """The negative control: a policy that sets the whole batch aside loses the effects of the good ones."""

    async def whole(self, records, group, handle):
        try:
            await handle(records)
        except Exception as error:  # noqa: BLE001 - what the control stands for
            for record in records:
                await self._dead(record, group, error)

    monkeypatch.setattr(policy.Consumption, "_together_or_singly", whole)
    await send(service, service.message(uuid4(), 1), b"{", service.message(uuid4(), 2))
    async with running(service.worker(service.consumer())):
        await until(lambda: committed(service, 3))
    assert await service.effects() == []


class Failing:
    """A handler that fails some times with an error of PostgreSQL's, then works."""

    def __init__(self, error, times):
        self.error, self.left, self.calls = error, times, 0

    async def __call__(self, session, messages):
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        await apply(session, messages)


def database_error(state):
    """As SQLAlchemy raises it."""
    original = SimpleNamespace(sqlstate=state, pgcode=state)
    return DBAPIError("SELECT", {}, original)


@pytest.mark.parametrize("state", ["40P01", "40001", "55P03", "57014"])
async def test_transient_error_is_retried(service, state):
    """After a deadlock, a serialization failure or a timeout the same record is tried again, and takes effect."""
    handler = Failing(database_error(state), 4)
    await send(service, service.message(uuid4(), 1))
    async with running(service.worker(service.consumer(apply=handler))):
        await until(lambda: has_effects(service, 1))
        await until(lambda: committed(service, 1))
    assert handler.calls == 5
    assert await read_topic(service.kafka, service.dead) == []


async def test_transient_error_that_stays_is_set_aside_after_the_budget(service):
    """A record that deadlocks again and again is set aside after its budget; the next one is handled."""
    bad, good = uuid4(), uuid4()

    async def deadlocks(session, messages):
        if any(message.aggregate_id == bad for message in messages):
            raise database_error("40P01")
        await apply(session, messages)

    worker = service.worker(service.consumer(apply=deadlocks))
    worker.consumption._budget = 1.0
    await send(service, service.message(bad, 1), service.message(good, 1))
    async with running(worker):
        took = await until(lambda: has_effects(service, 1))
        await until(lambda: committed(service, 2))
    assert 1 < took < 10
    assert len(await read_topic(service.kafka, service.dead)) == 1
    assert await service.effects(good) == [1]


async def test_handler_that_cannot_reach_something_else_does_not_block_for_ever(service):
    """A missing file looks like an unreachable database; the database answers, so the record is set aside in time."""
    bad = uuid4()

    async def reads_a_file(session, messages):
        if any(message.aggregate_id == bad for message in messages):
            raise FileNotFoundError("template.txt")
        await apply(session, messages)

    worker = service.worker(service.consumer(apply=reads_a_file))
    worker.consumption._budget = 1.0
    await send(service, service.message(bad, 1), service.message(uuid4(), 1))
    async with running(worker):
        await until(lambda: has_effects(service, 1), 20)
    assert len(await read_topic(service.kafka, service.dead)) == 1


def test_what_counts_as_an_outage_of_the_database():
    """No connection, no room, read-only and shutdown are outages; a value that cannot be encoded is not."""
    for state in ("08006", "53100", "53300", "57P01", "58030", "25006"):
        assert policy.is_outage(database_error(state))
    assert policy.is_outage(ConnectionRefusedError())
    assert policy.is_outage(asyncpg.InterfaceError("connection is closed"))
    assert not policy.is_outage(asyncpg.DataError("value out of int64 range"))
    assert not policy.is_outage(database_error("40P01"))
    assert not policy.is_transient(database_error("23505"))


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "control"])
async def test_outage_of_the_own_database_sets_nothing_aside(real_kafka_address, tmp_path, monkeypatch, waits):
    """PostgreSQL is killed and comes back: the consumer pauses, then goes on; a policy that does not wait loses."""
    postgres = EmbeddedPostgres(tmp_path / "postgres")
    await asyncio.to_thread(postgres.start)
    service = Service(real_kafka_address, postgres.url("postgres"))
    try:
        await service.create()
        if not waits:
            monkeypatch.setattr(policy, "is_outage", lambda _: False)
        aggregate = uuid4()
        worker = service.worker(service.consumer())
        async with running(worker):
            await send(service, service.message(aggregate, 1))
            await until(lambda: has_effects(service, 1))
            postgres.process.kill()
            postgres.process.wait()
            await send(service, *(service.message(aggregate, n) for n in range(2, 12)))
            if waits:
                await until(lambda: is_waiting(worker))
                await asyncio.sleep(3)
            else:
                await until(lambda: dead_letters(service, 10))
            await asyncio.to_thread(postgres.start)
            await service.database.close()
            await until(lambda: committed(service, 11), 40)
        assert (await service.effects(aggregate) == list(range(1, 12))) is waits
        assert (await read_topic(service.kafka, service.dead) == []) is waits
    finally:
        await service.close()
        await asyncio.to_thread(postgres.stop)


async def is_waiting(worker):
    return bool(worker.consumption.waiting)


async def dead_letters(service, count):
    return len(await read_topic(service.kafka, service.dead)) >= count


async def test_error_of_the_policy_itself_commits_nothing_over_the_records(service, monkeypatch):
    """FastStream passes over errors; the middleware does not let one out, and the records are handled in the end."""
    failures = iter([RuntimeError, RuntimeError])
    original = policy.Consumption.process

    async def process(self, *arguments):
        if error := next(failures, None):
            raise error
        await original(self, *arguments)

    monkeypatch.setattr(policy.Consumption, "process", process)
    await send(service, service.message(uuid4(), 1))
    async with running(service.worker(service.consumer())):
        await until(lambda: has_effects(service, 1))


async def test_letter_replayed_for_another_service_is_passed_over(service):
    """A replay is for the group that had set the record aside; others had it, perhaps longer ago than inboxes reach."""
    for group, number in ((service.name, 1), ("another", 2)):
        value = service.message(uuid4(), number).model_dump_json().encode()
        await produce(service.kafka, service.topic, b"one key", value, [(REPLAYED_FOR, group.encode())])
    async with running(service.worker(service.consumer())):
        await until(lambda: committed(service, 2))
    assert await service.effects() == [1]


def test_inbox_remembers_longer_than_any_topic_keeps():
    """A consumer that reads its topics from the beginning finds each record in its inbox; segments add a 24th."""
    for topic in all_topics():
        kept = timedelta(milliseconds=int(topic.config.get("retention.ms", 0)))
        if not topic.name.endswith(".dlq"):
            assert kept * 25 / 24 + parse_duration("1 day") < inbox_module.KEPT, topic.name
