"""A consumer: a name, a topic, what it does, and what must be there first."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from faststream.kafka import KafkaBroker
from pydantic import TypeAdapter

from shared.contracts.base import Message
from shared.database.engine import Database, WriteSession
from shared.messaging import inbox, metrics
from shared.messaging.broker import durable
from shared.messaging.inbox import Inbox
from shared.messaging.producer import Producer
from shared.messaging.topics import dead_letter_topic

log = structlog.get_logger()


def _nothing(_: Message) -> None:
    return None


@dataclass(frozen=True)
class Consumer:
    """`apply` gets messages that are new, in order, and writes their effect through the session.

    `needs` names what a message speaks of (`event:<id>`), `present` says which of such things are there; a message
    whose thing is not there, or that comes behind one that waits for it, is parked. `singly` gives each message a
    transaction of its own, for consumers that lock pools of places.
    """

    name: str
    topic: str
    contract: Any
    apply: Callable[[WriteSession, list[Any]], Awaitable[None]]
    needs: Callable[[Any], str | None] = _nothing
    present: Callable[[WriteSession, set[str]], Awaitable[set[str]]] | None = None
    singly: bool = False

    async def handle(self, database: Database, messages: Sequence[Message]) -> None:
        """Record, park what is early, apply the rest: one transaction, or one for each message."""
        for batch in ([message] for message in messages) if self.singly else (messages,):
            await self._handle_batch(database, batch)

    async def _handle_batch(self, database: Database, messages: Sequence[Message]) -> None:
        box = Inbox(database, self.name)
        async with box.receive(messages) as (session, new):
            ready = await self._park_early(session, box, new)
            if ready:
                await self.apply(session, ready)

    async def _park_early(self, session: WriteSession, box: Inbox, new: list[Message]) -> list[Message]:
        if self.present is None:
            return new
        things = {thing for message in new if (thing := self.needs(message))}
        there = await self.present(session, things) - await box.waiting_for(session, things)
        ready = []
        for message in new:
            thing = self.needs(message)
            if thing is None or thing in there:
                ready.append(message)
            else:
                await box.park(session, message, thing)
        return ready

    async def retry_parked(self, database: Database) -> int:
        """Apply what waited for things that are there now; returns how many messages that were."""
        if self.present is None:
            return 0
        async with database.begin() as session:
            things = await inbox.parked_things(session, self.name)
            there = await self.present(session, set(things))
        adapter: TypeAdapter[Message] = TypeAdapter(self.contract)
        count = 0
        for thing in (t for t in things if t in there):
            async with database.begin() as session:
                values = await inbox.take_parked(session, self.name, thing)
                await self.apply(session, [adapter.validate_json(value) for value in values])
                count += len(values)
        metrics.PARKED.labels(self.name).set(len(things) - len(there))
        return count

    async def fail_overdue(self, database: Database, producer: Producer, group: str, limit: timedelta) -> None:
        """Set aside, and count, what has waited longer than `limit`."""
        async with database.begin() as session:
            for row in await inbox.take_overdue(session, self.name, limit.total_seconds()):
                what = row.waits_for.partition(":")[0]
                headers = [
                    ("dlq-topic", row.topic.encode()),
                    ("dlq-group", group.encode()),
                    ("dlq-reason", f"Overdue: waited for {what}".encode()),
                ]
                target = dead_letter_topic(row.topic, group)
                await producer.send_and_wait(target, row.value, row.key.encode(), headers)
                metrics.OVERDUE.labels(self.name).inc()
                log.error("consume.overdue", consumer=self.name, waited_for=what)


def attach(broker: KafkaBroker, consumer: Consumer, group: str, database: Database | None = None) -> None:
    """Subscribe the consumer; the contract becomes its AsyncAPI page. Without a database it is only described."""

    async def handler(messages: list[Any]) -> None:
        if database is not None:
            await consumer.handle(database, messages)

    handler.__name__ = consumer.name.replace("-", "_")
    handler.__doc__ = consumer.apply.__doc__
    handler.__annotations__["messages"] = list[consumer.contract]  # type: ignore[name-defined]
    broker.subscriber(consumer.topic, **durable(consumer.topic, consumer.contract, group=group))(handler)
