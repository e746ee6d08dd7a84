"""Dead letters: the raw bytes of a record that could not be handled, with where it came from and why.

The reason names types and fields only: a message may hold what must not be copied about.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

from aiokafka import ConsumerRecord
from aiokafka.errors import MessageSizeTooLargeError
from pydantic import ValidationError

from shared.contracts.base import Part
from shared.messaging import metrics
from shared.messaging.inbox import ParkedMessage
from shared.messaging.producer import Headers, Producer
from shared.messaging.topics import dead_letter_topic

LEFT_OUT = "dlq-left-out"


def reason_of(error: BaseException) -> str:
    """What went wrong, without any of the content: `ValidationError: event.code missing`.

    The path to an error names keys of the message, and a key that is no field's name may be anything: it becomes `*`.
    """
    if isinstance(error, ValidationError):
        details = error.errors(include_input=False, include_url=False, include_context=False)
        fields = ", ".join(f"{'.'.join(map(_named, d['loc']))} {d['type']}" for d in details[:5])
        return f"ValidationError: {fields}"
    return type(error).__name__


def _named(step: int | str) -> str:
    return step if isinstance(step, str) and step in _names() else "*"


@cache
def _names() -> frozenset[str]:
    """The fields and classes of all contracts."""
    return frozenset(name for part in _parts(Part) for name in (part.__name__, *part.model_fields))


def _parts(part: type[Part]) -> Iterator[type[Part]]:
    yield part
    for narrower in part.__subclasses__():
        yield from _parts(narrower)


async def set_aside(
    producer: Producer, record: "ConsumerRecord[bytes, bytes]", group: str, error: BaseException
) -> None:
    """Copy the record to `<topic>.<group>.dlq`. Raises KafkaError or TimeoutError if the broker does not take it.

    A record that was small in the log because it was compressed may not fit: then key, value and headers are left out,
    and `dlq-left-out` says how many bytes of value lie at partition and offset.
    """
    reason = reason_of(error)
    origin: Headers = [
        ("dlq-topic", record.topic.encode()),
        ("dlq-partition", str(record.partition).encode()),
        ("dlq-offset", str(record.offset).encode()),
        ("dlq-group", group.encode()),
        ("dlq-reason", reason.encode()),
        ("dlq-at", datetime.now(UTC).isoformat().encode()),
    ]
    kept = [(name, value) for name, value in record.headers if not name.startswith("dlq-")]
    topic = dead_letter_topic(record.topic, group)
    try:
        await producer.send_and_wait(topic, record.value, record.key, [*kept, *origin])
    except MessageSizeTooLargeError:
        size = (LEFT_OUT, str(len(record.value or b"")).encode())
        await producer.send_and_wait(topic, b"", None, [*origin, size])
    metrics.DEAD_LETTERS.labels(group, record.topic, reason.partition(":")[0]).inc()


async def set_aside_parked(producer: Producer, row: ParkedMessage, group: str, reason: str) -> None:
    """The same for a message that had been parked. Raises KafkaError or TimeoutError."""
    origin: Headers = [
        ("dlq-topic", row.topic.encode()),
        ("dlq-group", group.encode()),
        ("dlq-reason", reason.encode()),
        ("dlq-at", datetime.now(UTC).isoformat().encode()),
    ]
    await producer.send_and_wait(dead_letter_topic(row.topic, group), row.value, row.key.encode(), origin)
    metrics.DEAD_LETTERS.labels(group, row.topic, reason.partition(":")[0]).inc()
