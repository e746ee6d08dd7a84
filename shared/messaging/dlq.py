"""Dead letters seen and brought back: what `teilhabe dlq` does.

A dead letter is open until a mark behind it in the same topic names its offset. `replay` publishes first and marks
afterwards: whoever is interrupted in between finds the letter open and replays it once more, which the inboxes drop.
Letters and marks leave the topic by age, the letters first.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from shared.messaging.dead_letters import LEFT_OUT
from shared.messaging.producer import Headers, Producer
from shared.messaging.records import read_any_header
from shared.messaging.shown_letters import shown_headers, shown_key, shown_value
from shared.messaging.topics import dead_letter_topic, declared_topics

MARK = "dlq-replayed"
REPLAYED_FOR = "dlq-replayed-for"
_OURS = "dlq-"
_CHUNK = 500

Record: TypeAlias = "ConsumerRecord[bytes, bytes]"


class DeadLetterError(Exception):
    """There is no such dead letter; the text says which."""


@dataclass(frozen=True)
class DeadLetter:
    """What there is to know of a dead letter without its content."""

    topic: str
    offset: int
    key: bytes | None
    headers: Mapping[str, str]
    at: datetime

    @property
    def origin(self) -> str | None:
        """The topic that the record can go back to; None where nobody set it aside, or its content was left out."""
        origin, group = self.headers.get("dlq-topic", ""), self.headers.get("dlq-group", "")
        whole = dead_letter_topic(origin, group) == self.topic and LEFT_OUT not in self.headers
        return origin if whole else None

    @property
    def reason(self) -> str:
        """Why it was set aside."""
        return self.headers.get("dlq-reason", "unknown")


def dead_letter_topics() -> list[str]:
    """The dead-letter topic of each declared topic and group."""
    return [dead_letter_topic(topic.name, group) for topic in declared_topics() for group in topic.groups]


async def open_letters(kafka: str, topic: str) -> list[DeadLetter]:
    """The letters of a dead-letter topic that were not replayed, oldest first.

    Raises:
        DeadLetterError: there is no such topic.
        aiokafka.errors.KafkaError: the broker does not answer.
    """
    letters: dict[int, DeadLetter] = {}
    async with _records(kafka, topic) as records:
        async for record in records:
            if _is_mark(record):
                for offset in _marked(record):
                    letters.pop(offset, None)
            else:
                letters[record.offset] = _letter(record)
    return list(letters.values())


async def describe(kafka: str, topic: str, offset: int) -> str:
    """One letter in lines for a terminal, with nothing that a person wrote.

    Raises:
        DeadLetterError: there is none at this offset.
        aiokafka.errors.KafkaError: the broker does not answer.
    """
    async with _records(kafka, topic) as records:
        async for record in records:
            if record.offset == offset and not _is_mark(record):
                return _description(record)
    raise DeadLetterError(f"{topic} has no dead letter at offset {offset}")


async def replay(kafka: str, topic: str, offset: int | None = None) -> int:
    """Publish the open letters, or the one at `offset`, to where they came from; returns how many.

    Bytes, key and headers are as they came; one header more names the group that had set the record aside. What does
    not say where it came from, or was left out, stays where it is.

    Raises:
        DeadLetterError: no letter is open at `offset`, or it cannot be brought back.
        aiokafka.errors.KafkaError: the broker does not answer; what was not marked is still open.
    """
    letters = await open_letters(kafka, topic)
    wanted = {letter.offset for letter in letters if letter.origin}
    if offset is not None and offset in {letter.offset for letter in letters} - wanted:
        raise DeadLetterError(f"The record at offset {offset} of {topic} cannot be brought back")
    if offset is not None and offset not in wanted:
        raise DeadLetterError(f"{topic} has no open dead letter at offset {offset}")
    wanted = wanted if offset is None else {offset}
    producer = Producer(kafka)
    try:
        async with _records(kafka, topic) as records:
            await _publish_in_chunks(producer, records, wanted)
    finally:
        await producer.stop()
    return len(wanted)


def summary(topic: str, letters: Collection[DeadLetter], now: datetime) -> str:
    """How many, how old and why, in lines for a terminal."""
    oldest = now - min(letter.at for letter in letters)
    reasons = Counter(letter.reason for letter in letters).most_common()
    head = f"{topic}: {len(letters)} open, the oldest for {in_words(oldest)}"
    return "\n".join([head, *(f"  {count:6}  {reason}" for reason, count in reasons)])


def in_words(age: timedelta) -> str:
    """A duration to one unit: `3 h`."""
    seconds = int(age.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


@asynccontextmanager
async def _records(kafka: str, topic: str) -> AsyncIterator[AsyncIterator[Record]]:
    """Everything that the topic's one partition holds at this moment; in nobody's group."""
    read_any_header()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=100
    )
    await consumer.start()
    try:
        if topic not in await consumer.topics():
            raise DeadLetterError(f"The broker has no topic {topic}")
        yield _to_end(consumer, TopicPartition(topic, 0))
    finally:
        await consumer.stop()


async def _to_end(consumer: AIOKafkaConsumer, partition: TopicPartition) -> AsyncIterator[Record]:
    consumer.assign([partition])
    end = (await consumer.end_offsets([partition]))[partition]
    await consumer.seek_to_beginning(partition)
    while await consumer.position(partition) < end:
        for record in (await consumer.getmany(partition, timeout_ms=1000)).get(partition, []):
            if record.offset < end:
                yield record


async def _publish_in_chunks(producer: Producer, records: AsyncIterator[Record], wanted: set[int]) -> None:
    chunk: list[Record] = []
    async for record in records:
        if record.offset in wanted:
            chunk.append(record)
        if len(chunk) == _CHUNK:
            await _publish(producer, chunk)
            chunk = []
    if chunk:
        await _publish(producer, chunk)


async def _publish(producer: Producer, chunk: list[Record]) -> None:
    sent = []
    for record in chunk:
        told = _letter(record).headers
        headers: Headers = [(name, value) for name, value in record.headers if not name.startswith(_OURS)]
        headers.append((REPLAYED_FOR, told.get("dlq-group", "").encode()))
        sent.append(await producer.send(told["dlq-topic"], record.value, record.key, headers))
    await asyncio.gather(*sent)
    offsets = json.dumps([record.offset for record in chunk]).encode()
    await producer.send_and_wait(chunk[0].topic, offsets, None, [(MARK, b"1")])


def _is_mark(record: Record) -> bool:
    return any(name == MARK for name, _ in record.headers)


def _marked(record: Record) -> list[int]:
    """The offsets that a mark names; none if it is rubbish."""
    try:
        offsets = json.loads(record.value or b"[]")
    except ValueError:
        return []
    return [offset for offset in offsets if isinstance(offset, int)] if isinstance(offsets, list) else []


def _letter(record: Record) -> DeadLetter:
    headers = {name: _text(value) for name, value in record.headers}
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return DeadLetter(record.topic, record.offset, record.key, headers, at)


def _description(record: Record) -> str:
    letter = _letter(record)
    lines = [("topic", letter.topic), ("offset", str(letter.offset)), ("set aside", letter.at.isoformat())]
    lines += [("key", shown_key(record.key)), *shown_headers(letter.headers).items()]
    lines.append(("value", shown_value(record.value)))
    return "\n".join(f"{name:14} {value}" for name, value in lines)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="backslashreplace")
