"""The write side of messaging: messages are rows, committed in the transaction of the change that they tell of.

Load-bearing invariants:
- `publish` writes through the caller's session and never commits.
- The caller holds the lock of the aggregate's row when it calls `publish`, so that the rows of one key are committed
  in the order of their ids. The relay relies on it.
- A message too large for its topic is refused here, where its author learns of it, and not in the relay.
"""

from zlib import crc32

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.types import SmallInteger, Text, Uuid

from shared.contracts.base import Message
from shared.database.engine import WriteSession

SHARDS = 16
LARGEST_VALUE = 900_000
"""Bytes. Below Kafka's default `max.message.bytes` of 1 MiB, with room for headers."""

_INSERT = text(
    """
    INSERT INTO outbox (message_id, topic, key, shard, value)
    SELECT message_id, topic, key, shard, value
    FROM unnest(:ids, :topics, :keys, :shards, :values) WITH ORDINALITY
         AS row (message_id, topic, key, shard, value, place)
    ORDER BY place
    """
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("topics", type_=ARRAY(Text)),
    bindparam("keys", type_=ARRAY(Text)),
    bindparam("shards", type_=ARRAY(SmallInteger)),
    bindparam("values", type_=ARRAY(BYTEA)),
)


class MessageTooLargeError(ValueError):
    """The message would not fit its topic."""


def shard_of(key: str) -> int:
    """Which of the relay's shards owns the key."""
    return crc32(key.encode()) % SHARDS


async def publish(session: WriteSession, *messages: Message) -> None:
    """Store the messages with the caller's change, in this order.

    Raises MessageTooLargeError over `LARGEST_VALUE` bytes.
    """
    if not messages:
        return
    keys = [str(message.aggregate_id) for message in messages]
    values = [message.model_dump_json().encode() for message in messages]
    for message, value in zip(messages, values, strict=True):
        if len(value) > LARGEST_VALUE:
            raise MessageTooLargeError(f"{message.type} has {len(value)} bytes")
    await session.execute(
        _INSERT,
        {
            "ids": [message.message_id for message in messages],
            "topics": [message.topic for message in messages],
            "keys": keys,
            "shards": [shard_of(key) for key in keys],
            "values": values,
        },
    )
