"""Rubbish on each topic, read by each service's own consumer from a real Kafka: set aside, and nobody is stopped."""

from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from pydantic import TypeAdapter, ValidationError
from structlog.testing import capture_logs

from tests.badinput.kafka import rubbish
from tests.badinput.kafka.readers import NAMES, all_consumers, reading, stage
from tests.badinput.kafka.rubbish import SECRET
from tests.support.kafka import read_topic
from tests.support.messaging import running, until

KEY = b"one key"


@pytest.fixture
async def producer(real_kafka_address):
    made = AIOKafkaProducer(bootstrap_servers=real_kafka_address, max_request_size=2_000_000, linger_ms=5)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def read(request, database_url):
    """The reader that the test is about."""
    service, name = request.param
    async with reading(service, name, database_url(f"wire_{service}")) as reader:
        yield reader


def unreadable(reader, good):
    """What the contract refuses, by name."""
    adapter = TypeAdapter(reader.consumer.contract)
    kinds = [rubbish.not_json(), rubbish.foreign(good), rubbish.of_tomorrow(good), rubbish.wrong_fields(good)]
    return {name: value for kind in kinds for name, value in kind if is_refused(adapter, value)}


def is_refused(adapter, value):
    try:
        adapter.validate_json(value)
    except ValidationError:
        return True
    return False


def test_every_consumer_of_every_service_is_tried():
    """A consumer that somebody adds must be added here."""
    assert sorted((service, consumer.name) for service, consumer in all_consumers()) == sorted(NAMES)


@pytest.mark.parametrize("read", NAMES, indirect=True)
async def test_rubbish_is_set_aside_with_its_bytes_and_changes_nothing(real_kafka_address, producer, read, caplog):
    """Each piece is a dead letter, byte for byte; reason and log repeat nothing of it; good ones go on."""
    on = await stage(read, real_kafka_address)
    first, last = await read.good(), await read.good()
    bad = unreadable(read, first)
    assert len(bad) > 50
    with capture_logs() as logged:
        async with running(on.worker):
            await go_through(producer, on, read, first, bad, last)
    assert len([entry for entry in logged if entry["event"] == "consume.dead_letter"]) == len(bad)
    assert not any(word in f"{logged}{caplog.text}" for word in SECRET.split())
    await check_letters(on, bad)


async def go_through(producer, on, read, first, bad, last):
    """Good, rubbish, good: only the good ones change anything."""
    await send(producer, on, first.model_dump_json().encode())
    await until(lambda: read.has(first))
    before = await read.state()
    await send(producer, on, *bad.values())
    await until(lambda: letters(on, len(bad)))
    assert await read.state() == before
    await send(producer, on, last.model_dump_json().encode())
    await until(lambda: read.has(last))


async def check_letters(on, bad):
    found = await read_topic(on.kafka, on.dead)
    assert [letter.value for letter in found] == list(bad.values())
    for letter in found:
        said = {name: value.decode() for name, value in letter.headers}
        assert said["dlq-topic"] == on.topic
        assert said["dlq-reason"].startswith("ValidationError: ")
        assert not any(word in said["dlq-reason"] for word in SECRET.split())


async def send(producer, on, *values):
    for future in [await producer.send(on.topic, value, key=KEY) for value in values]:
        await future


async def letters(on, count):
    return len(await read_topic(on.kafka, on.dead)) >= count


ODD = {
    "no key": (None, []),
    "another key": (str(uuid4()).encode(), []),
    "a key that is no UTF-8": (b"\xff\xfe", []),
    "a long key": (b"k" * 10_000, []),
    "a header without a value": (KEY, [("a", None)]),
    "a header that is no UTF-8": (KEY, [("a", b"\xff")]),
    "many headers": (KEY, [(f"h{n}", b"x" * 100) for n in range(500)]),
    "a forged origin": (KEY, [("dlq-topic", b"teilhabe.contacts.v1"), ("dlq-group", b"x")]),
    "a replay for everybody": (KEY, [("dlq-replayed-for", b"")]),
}


@pytest.mark.parametrize("read", NAMES, indirect=True)
async def test_keys_and_headers_make_no_difference(real_kafka_address, producer, read):
    """A record's key puts it in order and its value says what it is: a good message under a wrong key is handled.

    Tombstones, and what was replayed for another group, are passed over; what comes twice counts once.
    """
    on = await stage(read, real_kafka_address)
    good = {name: await read.good() for name in ODD}
    last = await read.good()
    async with running(on.worker):
        for name, (key, headers) in ODD.items():
            value = good[name].model_dump_json().encode()
            for _ in range(2):
                await producer.send_and_wait(on.topic, value, key=key, headers=headers)
            await producer.send_and_wait(on.topic, None, key=key or KEY, headers=headers)
        await producer.send_and_wait(on.topic, b"{", key=KEY, headers=[("dlq-replayed-for", b"another")])
        await send(producer, on, last.model_dump_json().encode())
        await until(lambda: read.has(last))
    assert [name for name, message in good.items() if not await read.has(message)] == []
    assert await read_topic(on.kafka, on.dead) == []


async def test_a_record_beyond_the_limit_is_refused_by_the_broker(producer):
    """What fits a topic fits its dead letters: one byte more than `max.message.bytes` gets into neither."""
    with pytest.raises(MessageSizeTooLargeError):
        await producer.send_and_wait("teilhabe.events.v1", b"x" * 1_048_576, key=KEY)
