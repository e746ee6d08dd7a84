"""Records that are small in the log and large when they are read."""

from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from shared.messaging import dlq
from shared.messaging.topics import all_topics, topic_name
from tests.support.messaging import Service, has_effects, running, until

BOMB = 5_000_000


@pytest.fixture
async def service(real_kafka_address, database_url):
    made = await Service(real_kafka_address, database_url("bombs")).create(partitions=1)
    yield made
    await made.close()


async def send(service, *values, headers=(), topic=None):
    """Compressed values, each below a topic's limit."""
    producer = AIOKafkaProducer(
        bootstrap_servers=service.kafka, compression_type="gzip", max_request_size=10**8, max_batch_size=10**8
    )
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic or service.topic, value, key=b"k", headers=list(headers))
    finally:
        await producer.stop()


@pytest.mark.parametrize("headers", [[], [("a", b"x" * BOMB)]], ids=["value", "value and header"])
async def test_a_record_that_no_dead_letter_can_hold_stops_nobody(service, headers):
    """It is set aside without its content, with its size and where it lies; the next record is handled."""
    aggregate = uuid4()
    await send(service, b"x" * BOMB, headers=headers)
    await send(service, service.message(aggregate, 1).model_dump_json().encode())
    async with running(service.worker(service.consumer())):
        await until(lambda: has_effects(service, 1), 20)
    (letter,) = await dlq.open_letters(service.kafka, service.dead)
    assert letter.headers["dlq-left-out"] == str(BOMB)
    assert (letter.headers["dlq-partition"], letter.headers["dlq-offset"]) == ("0", "0")
    assert letter.reason.startswith("ValidationError")
    assert await dlq.replay(service.kafka, service.dead) == 0
    with pytest.raises(dlq.DeadLetterError, match="cannot be brought back"):
        await dlq.replay(service.kafka, service.dead, letter.offset)


async def test_our_topics_take_none(service):
    """The broker unpacks a record before it measures it; the same record fits a topic that keeps it compressed."""
    assert all(topic.config["compression.type"] == "uncompressed" for topic in all_topics())
    with pytest.raises(MessageSizeTooLargeError):
        await send(service, b"x" * BOMB, topic=topic_name("sms-received"))
    await send(service, b"x" * BOMB)
