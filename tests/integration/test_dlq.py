"""`teilhabe dlq` on a real broker: what is open, what is in it, and the way back."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from shared import cli
from shared.messaging import dlq
from shared.messaging.dead_letters import set_aside
from shared.messaging.producer import Producer
from shared.messaging.topics import Topic, create_topics, dead_letter_topic
from tests.support.kafka import produce, read_topic

GROUP = "registrations"


class Letters:
    """A topic of the test's own, and its dead letters."""

    def __init__(self, kafka):
        self.kafka = kafka
        self.origin = f"test.{uuid4().hex[:8]}.v1"
        self.topic = dead_letter_topic(self.origin, GROUP)

    async def create(self):
        """Make both topics."""
        topics = [Topic(self.origin, 6, {}), Topic(self.topic, 1, {})]
        await create_topics(self.kafka, replication_factor=1, topics=topics)
        return self

    async def set_aside(self, key, value, headers=(), error=None):
        """Write a record to the topic and set it aside as a consumer does."""
        await produce(self.kafka, self.origin, key, value, headers)
        record = next(r for r in reversed(await read_topic(self.kafka, self.origin)) if r.key == key)
        producer = Producer(self.kafka)
        await set_aside(producer, record, GROUP, error or ValueError("the text of an error may hold a name"))
        await producer.stop()
        return record


@pytest.fixture
async def letters(real_kafka_address):
    """Empty topics."""
    return await Letters(real_kafka_address).create()


async def test_open_letters_say_where_from_and_why(letters):
    """Each open letter carries its origin and the kind of error, and nothing of the error's text."""
    await letters.set_aside(b"a", b"{}")
    [letter] = await dlq.open_letters(letters.kafka, letters.topic)
    assert letter.headers["dlq-topic"] == letters.origin
    assert letter.reason == "ValueError"
    assert datetime.now(UTC) - letter.at < timedelta(minutes=1)


async def test_a_replay_brings_the_record_back_as_it_was(letters):
    """Bytes, key, headers and partition are those of the first time; only the group's name is added."""
    first = await letters.set_aside(b"key \xff", b"\x00 rubbish \xff", [("trace", b"t1")])
    assert await dlq.replay(letters.kafka, letters.topic) == 1
    again = (await read_topic(letters.kafka, letters.origin))[-1]
    assert (again.key, again.value, again.partition) == (first.key, first.value, first.partition)
    assert again.offset > first.offset
    assert list(again.headers) == [("trace", b"t1"), (dlq.REPLAYED_FOR, GROUP.encode())]


async def test_what_was_replayed_is_open_no_more(letters):
    """After one of three was replayed, two are open; after all were, none, and a second replay does nothing."""
    for key in (b"a", b"b", b"c"):
        await letters.set_aside(key, b"{}")
    middle = (await dlq.open_letters(letters.kafka, letters.topic))[1]
    await dlq.replay(letters.kafka, letters.topic, middle.offset)
    assert [letter.key for letter in await dlq.open_letters(letters.kafka, letters.topic)] == [b"a", b"c"]
    assert await dlq.replay(letters.kafka, letters.topic) == 2
    assert await dlq.open_letters(letters.kafka, letters.topic) == []
    assert await dlq.replay(letters.kafka, letters.topic) == 0
    assert [r.key for r in await read_topic(letters.kafka, letters.origin)].count(b"b") == 2


async def test_a_replay_that_was_interrupted_leaves_the_letter_open(letters, monkeypatch):
    """Publishing comes before marking: a crash in between repeats a record, and never loses one."""
    await letters.set_aside(b"a", b"{}")

    async def crash(*_):
        raise ConnectionError

    monkeypatch.setattr(Producer, "send_and_wait", crash)
    with pytest.raises(ConnectionError):
        await dlq.replay(letters.kafka, letters.topic)
    assert len(await dlq.open_letters(letters.kafka, letters.topic)) == 1
    assert len(await read_topic(letters.kafka, letters.origin)) == 2


async def test_a_letter_that_fails_again_is_a_new_one(letters):
    """A replayed record that is set aside once more is open under a new offset, without the old marks."""
    await letters.set_aside(b"a", b"{}")
    await dlq.replay(letters.kafka, letters.topic)
    await letters.set_aside(b"a", b"{}")
    [letter] = await dlq.open_letters(letters.kafka, letters.topic)
    assert letter.offset == 2
    assert dlq.REPLAYED_FOR not in letter.headers


async def test_more_letters_than_fit_one_chunk_are_all_replayed(letters, monkeypatch):
    """Chunks are marked one by one; the last, smaller one as well."""
    monkeypatch.setattr(dlq, "_CHUNK", 2)
    for number in range(5):
        await letters.set_aside(str(number).encode(), b"{}")
    assert await dlq.replay(letters.kafka, letters.topic) == 5
    assert await dlq.open_letters(letters.kafka, letters.topic) == []


async def test_what_is_sealed_stays_hidden(letters):
    """A message is shown as JSON, with every `sealed` field hidden at any depth."""
    message = {"type": "SmsReceived", "sealed": "k1.secret", "parts": [{"sealed": "k1.other"}, {"sealed": None}]}
    await letters.set_aside(b"a", json.dumps(message).encode())
    shown = await dlq.describe(letters.kafka, letters.topic, 0)
    assert '"type": "SmsReceived"' in shown
    assert "k1." not in shown
    assert shown.count("(sealed)") == 2


async def test_of_rubbish_only_the_size_is_shown(letters):
    """Bytes that are no JSON may be anything, a name too."""
    await letters.set_aside(b"a", b"\xff\x00" * 2000)
    assert "(4000 bytes that are no JSON)" in await dlq.describe(letters.kafka, letters.topic, 0)


async def test_a_mark_is_no_letter(letters):
    """Neither `show` nor `replay` takes the offset of a mark, of nothing, or of a letter that was replayed."""
    await letters.set_aside(b"a", b"{}")
    await dlq.replay(letters.kafka, letters.topic, 0)
    with pytest.raises(dlq.DeadLetterError):
        await dlq.describe(letters.kafka, letters.topic, 1)
    for offset in (0, 1, 7):
        with pytest.raises(dlq.DeadLetterError):
            await dlq.replay(letters.kafka, letters.topic, offset)


def test_an_unknown_topic_is_one_clear_line(real_kafka_address):
    """The command ends with status 1 and says which topic there is not."""
    done = CliRunner().invoke(cli.app, ["dlq", "list", "no.such.topic", "--kafka", real_kafka_address])
    assert done.exit_code == 1
    assert done.stderr.strip() == "The broker has no topic no.such.topic"


def test_the_command_lists_shows_and_replays(letters):
    """The three subcommands work on one letter from beginning to end."""
    asyncio.run(letters.set_aside(b"a", b'{"type": "EventPublished"}'))
    runner, kafka = CliRunner(), ["--kafka", letters.kafka]
    assert "1 open" in runner.invoke(cli.app, ["dlq", "list", letters.topic, *kafka]).stdout
    assert "EventPublished" in runner.invoke(cli.app, ["dlq", "show", letters.topic, "0", *kafka]).stdout
    assert runner.invoke(cli.app, ["dlq", "replay", letters.topic, *kafka]).exit_code == 2
    assert "1 replayed" in runner.invoke(cli.app, ["dlq", "replay", letters.topic, "--all", *kafka]).stdout
    assert "No dead letter is open" in runner.invoke(cli.app, ["dlq", "list", letters.topic, *kafka]).stdout


def test_ages_are_given_to_one_unit():
    """An age is read at a glance."""
    ages = [dlq.in_words(timedelta(seconds=seconds)) for seconds in (0, 59, 60, 7_300, 200_000)]
    assert ages == ["0 s", "59 s", "1 min", "2 h", "2 d"]
