"""FastStream with the settings that lose nothing. Its own defaults acknowledge first and start at the end."""

from collections.abc import Sequence
from typing import Any

from aiokafka import ConsumerRecord
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaAckableMessage
from faststream.middlewares import AckPolicy
from pydantic import TypeAdapter

from shared.contracts.base import Message
from shared.messaging.connections import mend_connections
from shared.messaging.consumption import Consumption, consumption_middleware
from shared.messaging.records import read_any_header
from shared.messaging.topics import consumer_group

_BATCH = 500
_POLL_MS = 20


def create_broker(bootstrap: str, consumption: Consumption, *, service: str, graceful: float = 5) -> KafkaBroker:
    """A broker that commits offsets by hand and never makes a topic; its stop lets a batch end for `graceful` s."""
    read_any_header()
    mend_connections()
    return KafkaBroker(
        bootstrap,
        client_id=f"teilhabe-{service}",
        allow_auto_create_topics=False,
        metadata_max_age_ms=30_000,
        consumer_only=True,
        graceful_timeout=graceful,
        middlewares=[consumption_middleware(consumption, service)],
        logger=None,
    )


class _Parser:
    """Reads a batch without looking into it: rubbish in a header must not stop the partition."""

    def __init__(self, contract: Any) -> None:
        self._adapter: TypeAdapter[Message] = TypeAdapter(contract)

    async def parse(self, records: tuple["ConsumerRecord[bytes, bytes]", ...]) -> KafkaAckableMessage:
        first = records[0]
        return KafkaAckableMessage(
            raw_message=records,
            body=[],
            consumer=FAKE_CONSUMER,
            message_id=f"{first.partition}-{first.offset}",
        )

    async def decode(self, message: KafkaAckableMessage) -> Sequence[Message]:
        records: Any = message.raw_message
        return [self._adapter.validate_json(record.value) for record in records]


def durable(topic: str, contract: Any, *, group: str, instance: str | None = None) -> dict[str, Any]:
    """Arguments for `broker.subscriber(topic, **durable(...))`: batches, from the beginning, acknowledged by hand.

    `instance` is a stable name of the process for rolling restarts without a rebalance.
    """
    parser = _Parser(contract)
    return {
        "group_id": consumer_group(topic, group),
        "group_instance_id": instance,
        "batch": True,
        "max_records": _BATCH,
        "batch_timeout_ms": _POLL_MS,
        "fetch_max_wait_ms": 50,
        "auto_offset_reset": "earliest",
        "ack_policy": AckPolicy.MANUAL,
        "session_timeout_ms": 6_000,
        "heartbeat_interval_ms": 1_500,
        "max_poll_interval_ms": 600_000,
        "parser": parser.parse,
        "decoder": parser.decode,
        "no_reply": True,
    }
