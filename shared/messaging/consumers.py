"""A consumer: a name, a topic, what it does, and what must be there first."""

from asyncio import Event
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

import structlog
from faststream.kafka import KafkaBroker
from pydantic import TypeAdapter

from shared.contracts.base import Message
from shared.database.engine import Database, WriteSession
from shared.messaging import inbox, metrics
from shared.messaging.broker import durable
from shared.messaging.consumption import is_outage, is_transient
from shared.messaging.dead_letters import reason_of, set_aside_parked
from shared.messaging.inbox import Inbox, ParkedMessage
from shared.messaging.producer import Producer

log = structlog.get_logger()


_RETRIED_TOGETHER = 500
"""Parked messages that one transaction takes up at most."""


@cache
def _adapter(contract: Any) -> TypeAdapter[Message]:
    return TypeAdapter(contract)


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
    parked: Event = field(default_factory=Event, compare=False)
    """Set whenever a message was parked: what it waits for is mostly on its way."""

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
                self.parked.set()
        return ready

    async def retry_parked(self, database: Database, producer: Producer | None = None, group: str = "") -> int:
        """Apply what waited for things that are there now; returns how many messages that were.

        A message that cannot be applied is set aside as `group`'s, where there is a producer to do so; its
        neighbours and the other things go on. Without a producer, its error is raised.
        """
        if self.present is None:
            return 0
        async with database.begin() as session:
            things = await inbox.parked_things(session, self.name)
            there = await self.present(session, set(things)) if things else set()
        arrived = [thing for thing in things if thing in there]
        try:
            count = await self._retry_all(database, arrived)
        except Exception as error:
            if is_outage(error):
                raise
            count = await self._retry_each(database, producer, group, arrived)
        metrics.PARKED.labels(self.name).set(sum(things.values()) - count)
        return count

    async def _retry_all(self, database: Database, things: Sequence[str]) -> int:
        """Many things in one transaction: each message may well wait for a thing of its own."""
        total = 0
        while things and (
            rows := await self._apply_parked(database, things, at_most=1 if self.singly else _RETRIED_TOGETHER)
        ):
            total += len(rows)
        return total

    async def _retry_each(
        self, database: Database, producer: Producer | None, group: str, things: Sequence[str]
    ) -> int:
        count = 0
        for thing in things:
            try:
                count += await self._retry_all(database, [thing])
            except Exception as error:
                if is_outage(error) or producer is None:
                    raise
                count += await self._retry_singly(database, producer, group, thing)
        return count

    async def _retry_singly(self, database: Database, producer: Producer, group: str, thing: str) -> int:
        """Goes on behind a message that was set aside, and stops before one whose error may pass."""
        count = 0
        while True:
            taken: list[ParkedMessage] = []
            try:
                if not await self._apply_parked(database, [thing], at_most=1, taken=taken):
                    return count
            except Exception as error:
                if is_outage(error):
                    raise
                if is_transient(error) or not taken:
                    metrics.RETRIES.labels(group, self.topic).inc()
                    return count
                async with database.begin() as session:
                    for row in await inbox.take_failed(session, self.name, taken[0].id):
                        await set_aside_parked(producer, row, group, reason_of(error))
            count += 1

    async def _apply_parked(
        self, database: Database, things: Sequence[str], *, at_most: int, taken: list[ParkedMessage] | None = None
    ) -> list[ParkedMessage]:
        adapter = _adapter(self.contract)
        async with database.begin() as session:
            rows = await inbox.take_parked(session, self.name, things, at_most)
            if taken is not None:
                taken += rows
            if rows:
                await self.apply(session, [adapter.validate_json(row.value) for row in rows])
        return rows

    async def fail_overdue(self, database: Database, producer: Producer, group: str, limit: timedelta) -> int:
        """Set aside, and count, what has waited longer than `limit`; returns how many, some hundreds at most."""
        async with database.begin() as session:
            rows = await inbox.take_overdue(session, self.name, limit.total_seconds())
            for row in rows:
                what = row.waits_for.partition(":")[0]
                await set_aside_parked(producer, row, group, f"Overdue: waited for {what}")
                log.error("consume.overdue", consumer=self.name, waited_for=what)
        metrics.OVERDUE.labels(self.name).inc(len(rows))
        return len(rows)


def attach(broker: KafkaBroker, consumer: Consumer, group: str, database: Database | None = None) -> None:
    """Subscribe the consumer; the contract becomes its AsyncAPI page. Without a database it is only described."""

    async def handler(messages: list[Any]) -> None:
        if database is not None:
            await consumer.handle(database, messages)

    handler.__name__ = consumer.name.replace("-", "_")
    handler.__doc__ = consumer.apply.__doc__
    handler.__annotations__["messages"] = list[consumer.contract]  # type: ignore[name-defined]
    broker.subscriber(consumer.topic, **durable(consumer.topic, consumer.contract, group=group))(handler)
