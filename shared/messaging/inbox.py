"""The read side of messaging: what a consumer has received, recorded in the transaction of its effect.

Load-bearing invariants:
- `(consumer, message_id)` is inserted in the transaction of the effect: a redelivery finds it and changes nothing.
- The inbox keeps its rows longer than any outbox may replay its own (`Settings.replay_window`).
- A message that came before what it speaks of is parked in the same transaction and handled again by the worker's
  timer; it counts as received.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple, TypeVar

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from shared.contracts.base import Message
from shared.contracts.context import caused_by
from shared.database.engine import Database, WriteSession

AnyMessage = TypeVar("AnyMessage", bound=Message)

_RECORD = text(
    """
    INSERT INTO inbox (consumer, message_id) SELECT :consumer, id FROM unnest(:ids) AS id ORDER BY id
    ON CONFLICT DO NOTHING RETURNING message_id
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))

_PARK = text(
    """
    INSERT INTO parked (consumer, waits_for, topic, key, value)
    VALUES (:consumer, :waits_for, :topic, :key, :value)
    """
)


class Inbox:
    """One consumer's memory of what it has received. `consumer` names the handler, stable for ever."""

    def __init__(self, database: Database, consumer: str) -> None:
        self.database = database
        self.consumer = consumer

    @asynccontextmanager
    async def receive(self, messages: Sequence[AnyMessage]) -> AsyncIterator[tuple[WriteSession, list[AnyMessage]]]:
        """A transaction, and those of the messages that were not received before, in their order."""
        async with self.database.begin() as session:
            yield session, await self.unseen(session, messages)

    async def unseen(self, session: WriteSession, messages: Sequence[AnyMessage]) -> list[AnyMessage]:
        """Record all messages and return the ones that are new, each once."""
        by_id = {message.message_id: message for message in messages}
        result = await session.execute(_RECORD, {"consumer": self.consumer, "ids": list(by_id)})
        new = set(result.scalars())
        return [message for message_id, message in by_id.items() if message_id in new]

    async def park(self, session: WriteSession, message: Message, waits_for: str) -> None:
        """Keep a message that came too early; `waits_for` names what it waits for, `event:<id>` say."""
        await session.execute(
            _PARK,
            {
                "consumer": self.consumer,
                "waits_for": waits_for,
                "topic": message.topic,
                "key": str(message.aggregate_id),
                "value": message.model_dump_json().encode(),
            },
        )

    async def waiting_for(self, session: WriteSession, things: set[str]) -> set[str]:
        """Those of the things that parked messages wait for already: a newer message must queue behind them."""
        if not things:
            return set()
        rows = await session.execute(
            text("SELECT DISTINCT waits_for FROM parked WHERE consumer = :consumer AND waits_for = ANY(:things)"),
            {"consumer": self.consumer, "things": list(things)},
        )
        return set(rows.scalars())


@contextmanager
def following(message: Message) -> Iterator[None]:
    """What is published inside names the message as its cause."""
    with caused_by(message.correlation_id, message.message_id):
        yield


class ParkedMessage(NamedTuple):
    """A row of `parked`, taken out of the table by the transaction that handles it again."""

    id: int
    waits_for: str
    topic: str
    key: str
    value: bytes


async def parked_things(session: WriteSession, consumer: str) -> list[str]:
    """What this consumer's parked messages wait for."""
    rows = await session.execute(
        text("SELECT waits_for FROM parked WHERE consumer = :c GROUP BY waits_for ORDER BY min(id)"),
        {"c": consumer},
    )
    return list(rows.scalars())


async def take_parked(session: WriteSession, consumer: str, waits_for: str) -> list[bytes]:
    """Remove and return the messages that wait for a thing that has now arrived, oldest first."""
    rows = await session.execute(
        text(
            """
            WITH taken AS (
                DELETE FROM parked WHERE consumer = :c AND waits_for = :w RETURNING id, value
            ) SELECT value FROM taken ORDER BY id
            """
        ),
        {"c": consumer, "w": waits_for},
    )
    return [bytes(value) for value in rows.scalars()]


async def take_overdue(session: WriteSession, consumer: str, seconds: float) -> list[ParkedMessage]:
    """Remove and return the messages that have waited longer than this."""
    rows = await session.execute(
        text(
            """
            DELETE FROM parked WHERE consumer = :c AND parked_at < now() - make_interval(secs => :s)
            RETURNING id, waits_for, topic, key, value
            """
        ),
        {"c": consumer, "s": seconds},
    )
    return [ParkedMessage(*row) for row in rows]
