"""The read side of messaging: what a consumer has received, recorded in the transaction of its effect.

Load-bearing invariants:
- `(consumer, message_id)` is inserted in the transaction of the effect: a redelivery finds it and changes nothing.
- The inbox keeps its rows for `KEPT`: longer than any outbox may replay its own (`Settings.replay_window`), and longer
  than a record stays in a topic that is not compacted, since a rewound consumer reads all of it again.
- A message that came before what it speaks of is parked in the same transaction and handled again by the worker's
  timer; it counts as received, until it is set aside: a dead letter that is replayed must find no trace of itself.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from shared.contracts.base import Message
from shared.contracts.context import caused_by
from shared.database.engine import Database, WriteSession

AnyMessage = TypeVar("AnyMessage", bound=Message)

KEPT = timedelta(days=21)
_AT_ONCE = 200
_PARKED = "id, waits_for, topic, key, value"

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
        """Record all messages and return the ones that are new, each once: the first of those with one id."""
        by_id: dict[UUID, AnyMessage] = {}
        for message in messages:
            by_id.setdefault(message.message_id, message)
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


async def parked_things(session: WriteSession, consumer: str) -> dict[str, int]:
    """What this consumer's parked messages wait for, and how many wait for it; the longest wait first."""
    rows = await session.execute(
        text(
            "SELECT waits_for, count(*) AS waiting FROM parked WHERE consumer = :c GROUP BY waits_for ORDER BY min(id)"
        ),
        {"c": consumer},
    )
    return {row.waits_for: row.waiting for row in rows}


async def take_parked(
    session: WriteSession, consumer: str, things: Sequence[str], at_most: int | None = None
) -> list[ParkedMessage]:
    """Remove and return the oldest messages that wait for things that have now arrived, oldest first.

    Whoever comes second waits for the first and finds what is left.
    """
    chosen = "consumer = :c AND waits_for = ANY(:w) ORDER BY id LIMIT :n FOR UPDATE"
    return await _take(session, chosen, {"c": consumer, "w": list(things), "n": at_most})


async def take_overdue(session: WriteSession, consumer: str, seconds: float) -> list[ParkedMessage]:
    """Remove, forget and return messages that have waited longer than this, some hundreds at once, oldest first."""
    chosen = "consumer = :c AND parked_at < now() - make_interval(secs => :s) ORDER BY id LIMIT :n FOR UPDATE"
    rows = await _take(session, chosen, {"c": consumer, "s": seconds, "n": _AT_ONCE})
    await forget(session, consumer, rows)
    return rows


async def take_failed(session: WriteSession, consumer: str, row_id: int) -> list[ParkedMessage]:
    """Remove, forget and return one message, unless somebody else has taken it."""
    rows = await _take(session, "consumer = :c AND id = :id FOR UPDATE", {"c": consumer, "id": row_id})
    await forget(session, consumer, rows)
    return rows


async def forget(session: WriteSession, consumer: str, rows: Sequence[ParkedMessage]) -> None:
    """Do as if the messages had never been received."""
    ids = [Message.model_validate_json(row.value).message_id for row in rows]
    statement = text("DELETE FROM inbox WHERE consumer = :c AND message_id = ANY(:ids)")
    await session.execute(statement.bindparams(bindparam("ids", type_=ARRAY(Uuid))), {"c": consumer, "ids": ids})


async def _take(session: WriteSession, chosen: str, values: dict[str, object]) -> list[ParkedMessage]:
    rows = await session.execute(
        text(
            f"""
            WITH chosen AS (SELECT id FROM parked WHERE {chosen}),
            taken AS (DELETE FROM parked USING chosen WHERE parked.id = chosen.id RETURNING parked.*)
            SELECT {_PARKED} FROM taken ORDER BY id
            """  # noqa: S608 - constants of this module
        ),
        values,
    )
    return [ParkedMessage(*row) for row in rows]
