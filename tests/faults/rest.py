"""Waiting until nothing is under way any more, for a limited time."""

import asyncio
import time
from contextlib import AsyncExitStack

import asyncpg

from tests.faults.books import LISTENERS
from tests.faults.house import House

_OPEN = {
    "events": {"parked": "SELECT count(*) FROM parked"},
    "registrations": {
        "parked": "SELECT count(*) FROM parked",
        "questions open": "SELECT count(*) FROM registrations WHERE expires_at IS NOT NULL",
    },
    "notifications": {
        "parked": "SELECT count(*) FROM parked",
        "deliveries open": "SELECT count(*) FROM deliveries WHERE state IN ('queued', 'sending', 'unknown')",
    },
}
_UNSENT = "SELECT count(*) FROM outbox WHERE published_at IS NULL"


async def come_to_rest(house: House, patience: float) -> list[str]:
    """What is still under way when the patience is at its end: nothing, if all is well."""
    deadline = time.monotonic() + patience
    while left := await _left(house):
        if time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.5)
    return []


async def _left(house: House) -> list[str]:
    if house.provider.open_receipts:
        return [f"{house.provider.open_receipts} receipts were not taken"]
    async with AsyncExitStack() as stack:
        connections = {service: await stack.enter_async_context(house.connected(service)) for service in _OPEN}
        left = []
        for service, questions in _OPEN.items():
            for what, statement in ({"unsent": _UNSENT} | questions).items():
                count = await connections[service].fetchval(statement)
                left += [f"{service}: {count} {what}"] if count else []
        return left or await _unheard(connections)


async def _unheard(connections: dict[str, asyncpg.Connection]) -> list[str]:
    """Messages that a listener has not had."""
    said: dict[str, set] = {topic: set() for topic in LISTENERS}
    for connection in connections.values():
        for row in await connection.fetch("SELECT topic, message_id FROM outbox"):
            if row["topic"] in said:
                said[row["topic"]].add(row["message_id"])
    left = []
    for topic, listeners in LISTENERS.items():
        for service, consumer in listeners:
            statement = "SELECT message_id FROM inbox WHERE consumer = $1"
            heard = {row["message_id"] for row in await connections[service].fetch(statement, consumer)}
            if missing := said[topic] - heard:
                left.append(f"{service}: {consumer} has not had {len(missing)} messages")
    return left
