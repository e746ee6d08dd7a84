"""`teilhabe dlq` over topics full of rubbish: it works, and shows nothing that a person wrote."""

import asyncio
import json
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from shared import cli
from shared.contracts.sms import SmsReceived
from shared.messaging import dlq
from shared.messaging.dead_letters import set_aside
from shared.messaging.producer import Producer
from shared.messaging.topics import Topic, create_topics, dead_letter_topic
from tests.badinput.kafka.rubbish import SECRET
from tests.support.kafka import produce, read_topic

GROUP = "registrations"
NAMES = SECRET.split()
HIDDEN = [*NAMES, SECRET.encode().hex(), SECRET.encode().hex(" "), "4915123456789"]


def message(**more):
    return (
        json.loads(SmsReceived(aggregate_id=uuid4(), aggregate_version=0, sealed="k1.secret").model_dump_json()) | more
    )


RUBBISH = {
    "text": SECRET.encode(),
    "no UTF-8": b"\xff\xfe" + SECRET.encode(),
    "empty": b"",
    "none": None,
    "a list": json.dumps([SECRET]).encode(),
    "a text": json.dumps(SECRET).encode(),
    "a number": b"4915123456789",
    "a huge number": b"1" * 5_000,
    "a deep list": b"[" * 100_000 + b"]" * 100_000,
    "a long value": json.dumps(message(sealed="x" * 900_000)).encode(),
    "a field that nobody knows": json.dumps(message(phone=SECRET)).encode(),
    "a field with a name": json.dumps(message(**{SECRET: 1})).encode(),
    "another type": json.dumps(message(type=SECRET)).encode(),
    "a number in a known field": json.dumps(message(aggregate_version=4915123456789)).encode(),
    "a text in a known field": json.dumps(message(aggregate_id=SECRET, title={"de": SECRET})).encode(),
    "a sealed object": json.dumps(message(sealed={"name": SECRET})).encode(),
}


class Letters:
    """A topic of the test's own, and its dead letters."""

    def __init__(self, kafka):
        self.kafka = kafka
        self.origin = f"test.{uuid4().hex[:8]}.v1"
        self.topic = dead_letter_topic(self.origin, GROUP)

    async def fill(self):
        """All rubbish, set aside as a consumer does."""
        large = {"max.message.bytes": "2097152"}
        topics = [Topic(self.origin, 1, large), Topic(self.topic, 1, large)]
        await create_topics(self.kafka, replication_factor=1, topics=topics)
        await self.write(
            self.origin, *((SECRET.encode(), value, [(SECRET, SECRET.encode())]) for value in RUBBISH.values())
        )
        producer = Producer(self.kafka)
        for record in await read_topic(self.kafka, self.origin):
            await set_aside(producer, record, GROUP, ValueError(SECRET))
        await producer.stop()
        return self

    async def write(self, topic, *records):
        """Key, value and headers as they are."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka, max_request_size=2_000_000)
        await producer.start()
        try:
            for key, value, headers in records:
                await producer.send_and_wait(topic, value, key=key, headers=headers)
        finally:
            await producer.stop()


@pytest.fixture
async def letters(real_kafka_address):
    return await Letters(real_kafka_address).fill()


def run(letters, *arguments):
    done = CliRunner().invoke(cli.app, ["dlq", *arguments, "--kafka", letters.kafka])
    assert done.exit_code == 0, done.output
    assert not [word for word in HIDDEN if word in done.output]
    return done.stdout


def test_all_rubbish_is_listed_and_shown_without_a_word_of_it(letters):
    """Each letter has its line and its page; texts, keys and names of headers are told by their length."""
    run(letters, "list")
    assert run(letters, "list", letters.topic).count("ValueError") == len(RUBBISH) + 1
    for offset in range(len(RUBBISH)):
        shown = run(letters, "show", letters.topic, str(offset))
        assert "other headers  1" in shown
        assert len(shown) < 5_000


def test_what_the_contracts_name_is_shown(letters):
    """An operator sees which message it was, whose, and when: type, ids and times."""
    offset = list(RUBBISH).index("a field that nobody knows")
    value = json.loads(RUBBISH["a field that nobody knows"])
    shown = run(letters, "show", letters.topic, str(offset))
    for name in ("type", "message_id", "aggregate_id", "occurred_at"):
        assert f'"{name}": "{value[name]}"' in shown
    assert '"sealed": "(sealed)"' in shown


def test_all_rubbish_is_replayed_as_it_was(letters):
    """Bytes, keys and headers come back, and no letter stays open."""
    assert f"{len(RUBBISH)} replayed" in run(letters, "replay", letters.topic, "--all")
    again = asyncio.run(read_topic(letters.kafka, letters.origin))[len(RUBBISH) :]
    assert [record.value for record in again] == list(RUBBISH.values())
    assert {record.key for record in again} == {SECRET.encode()}
    assert "No dead letter is open" in run(letters, "list", letters.topic)


async def test_what_nobody_set_aside_is_listed_and_stays(letters):
    """Rubbish written into the dead letters themselves: it has no way back, and marks of rubbish close nothing."""
    elsewhere = [("dlq-topic", b"teilhabe.contacts.v1"), ("dlq-group", b"notifications")]
    strange = [(None, b"x", []), (b"k", None, [("dlq-topic", b"\xff")]), (b"k", b"{}", elsewhere)]
    strange += [(None, value, [(dlq.MARK, b"1")]) for value in (b"x", b"5", b'{"a":1}', b'["0"]', b"")]
    await letters.write(letters.topic, *strange)
    assert len(await dlq.open_letters(letters.kafka, letters.topic)) == len(RUBBISH) + 3
    assert await dlq.replay(letters.kafka, letters.topic) == len(RUBBISH)
    assert [letter.offset for letter in await dlq.open_letters(letters.kafka, letters.topic)] == [
        len(RUBBISH),
        len(RUBBISH) + 1,
        len(RUBBISH) + 2,
    ]
    with pytest.raises(dlq.DeadLetterError, match="cannot be brought back"):
        await dlq.replay(letters.kafka, letters.topic, len(RUBBISH))
    assert "(1 bytes that are no JSON)" in await dlq.describe(letters.kafka, letters.topic, len(RUBBISH))


async def test_a_record_beyond_the_limit_never_gets_into_a_topic(letters):
    """The broker refuses what is larger than `max.message.bytes`, so that each record fits its dead letters."""
    with pytest.raises(Exception, match="MessageSizeTooLarge"):
        await produce(letters.kafka, "teilhabe.events.v1", b"k", b"x" * 1_048_577)
