"""Dead letters: the raw bytes of a record that could not be handled, with where it came from and why.

The reason names types and fields only: a message may hold what must not be copied about.
"""

from datetime import UTC, datetime

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from shared.messaging import metrics
from shared.messaging.producer import Headers, Producer
from shared.messaging.topics import dead_letter_topic


def reason_of(error: BaseException) -> str:
    """What went wrong, without any of the content: `ValidationError: event.code missing`."""
    if isinstance(error, ValidationError):
        details = error.errors(include_input=False, include_url=False, include_context=False)
        fields = ", ".join(f"{'.'.join(map(str, d['loc']))} {d['type']}" for d in details[:5])
        return f"ValidationError: {fields}"
    return type(error).__name__


async def set_aside(
    producer: Producer, record: "ConsumerRecord[bytes, bytes]", group: str, error: BaseException
) -> None:
    """Copy the record to `<topic>.<group>.dlq`. Raises KafkaError if the broker does not take it."""
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
    await producer.send_and_wait(dead_letter_topic(record.topic, group), record.value, record.key, [*kept, *origin])
    metrics.DEAD_LETTERS.labels(group, record.topic, reason.partition(":")[0]).inc()
