"""From the outbox to the topic, and from the topic to a projection: one worker process each, of the real services.

The registrations worker relays what its outbox holds; then the events worker consumes it: inbox, check and counts, in
batches. Both rates come from the times that PostgreSQL itself wrote into the rows, from the first batch to the last,
so that starting up and looking on do not count.
"""

import asyncio
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from uuid6 import uuid7

from benchmarks.programme import fill_programme
from benchmarks.stand import BenchmarkError, Stand, connected
from shared.contracts.base import Message
from shared.contracts.registrations import Channel, PlacesCount, RegistrationConfirmed
from shared.database.engine import Database
from shared.messaging.outbox import publish

EVENTS = 500
MESSAGES = 100_000
_AT_ONCE = 1_000
_LONGEST = 90.0
_PENDING = "SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"
_RELAYED = """
    SELECT sum(count) FILTER (WHERE at > first) / extract(epoch FROM max(at) - min(at))::float8 FROM (
        SELECT published_at AS at, count(*) AS count, min(published_at) OVER () AS first FROM outbox
        GROUP BY published_at
    ) AS batches
"""
_RECEIVED = "SELECT count(*) FROM inbox WHERE consumer = 'places-counts'"
_CONSUMED = """
    SELECT sum(count) FILTER (WHERE at < last) / extract(epoch FROM max(at) - min(at))::float8 FROM (
        SELECT received_at AS at, count(*) AS count, max(received_at) OVER () AS last FROM inbox
        WHERE consumer = 'places-counts' GROUP BY received_at
    ) AS batches
"""


async def measure(stand: Stand) -> dict[str, float]:
    """Messages a second through the relay of one worker, and through a consumer of one worker."""
    count = stand.count(MESSAGES)
    async with stand.databases("events", "registrations") as urls:
        pools = await fill_programme(stand, urls["events"], EVENTS)
        await _fill_outbox(urls["registrations"], pools, count)
        with stand.kafka() as kafka, stand.system(urls, apis={}, kafka=kafka) as system:
            async with connected(urls["registrations"]) as outbox, connected(urls["events"]) as inbox:
                system.start("registrations", "worker")
                await _until(outbox, _PENDING, expected=False)
                system.stop()
                system.processes.clear()
                system.start("events", "worker")
                await _until(inbox, _RECEIVED, expected=count)
                return {
                    "relay.messages_per_s": await outbox.fetchval(_RELAYED),
                    "consume.messages_per_s": await inbox.fetchval(_CONSUMED),
                }


async def _fill_outbox(url: str, pools: list[UUID], count: int) -> None:
    """Confirmations as admission writes them, for each pool in turn."""
    database = Database(url)
    events = {pool: uuid4() for pool in pools}
    messages = [_confirmed(pools[n % len(pools)], events, n) for n in range(count)]
    for start in range(0, count, _AT_ONCE):
        async with database.begin() as session:
            await publish(session, *messages[start : start + _AT_ONCE])
    await database.close()
    async with connected(url) as connection:
        await connection.execute("VACUUM ANALYZE outbox")


def _confirmed(pool: UUID, events: dict[UUID, UUID], number: int) -> Message:
    counts = PlacesCount(places_id=pool, capacity=1000, taken=number % 1000, waiting=0, version=number + 1)
    return RegistrationConfirmed(
        aggregate_id=events[pool],
        aggregate_version=counts.version,
        counts=counts,
        registration_id=uuid7(),
        person_id=uuid7(),
        party_size=1,
        channel=Channel.WEB,
        sealed="k1:" + "s" * 96,
        contact_version=1,
    )


async def _until(connection: Any, question: str, *, expected: object) -> None:
    deadline = monotonic() + _LONGEST
    while await connection.fetchval(question) != expected:
        if monotonic() > deadline:
            raise BenchmarkError(f"not done after {_LONGEST:.0f} s: {question}")
        await asyncio.sleep(0.3)
