"""Five hundred sign-ups at once for shifts that overlap, over two api processes: no overlap, no role overbooked."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import uuid4

import aiohttp
import pytest
from sqlalchemy import text

from shared.contracts.events import EventPublished
from shared.database.engine import Database
from shared.messaging.producer import Producer
from shared.shifts import posts_of
from tests.support.people import until
from tests.support.shifts import volunteer_day

pytestmark = pytest.mark.timeout(180)

PEOPLE, SHIFTS, ROLES, MOST = 50, 5, 2, 4
"""Each of the people tries for every role of every shift: 500 tries."""


async def try_all(system, day):
    """Everybody for everything, 64 at a time, every second one at the other process; the answers' statuses."""
    people = [f"{uuid4().hex}@rush.example" for _ in range(PEOPLE)]
    tries = iter(list(enumerate(product([post.id for post in posts_of(day)], people))))
    statuses: Counter[int] = Counter()

    async def somebody(http):
        for number, (places_id, address) in tries:
            url = f"{system.url('registrations', number % 2)}/registrations/api/events/{day.id}/registrations"
            body = {"email": address, "language": "de", "consent": True, "places_id": str(places_id)}
            async with http.post(url, json=body) as answer:
                statuses[answer.status] += 1

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(somebody(http) for _ in range(64)))
    return statuses


async def test_five_hundred_at_once_over_two_processes(system, own_broker):
    """Whoever is in a shift is in one, whoever was refused was told so, and each role has the most that it takes.

    The negative control, the same rush without the look at other shifts, is in test_registrations_shifts.
    """
    day = volunteer_day(SHIFTS, ROLES, MOST, apart=timedelta(minutes=20))
    message = EventPublished(aggregate_id=day.id, aggregate_version=1, event=day, occurred_at=datetime.now(UTC))
    producer = Producer(own_broker)
    await producer.send_and_wait(message.topic, message.model_dump_json().encode(), str(day.id).encode(), [])
    await producer.stop()
    database = Database(system.database("registrations"), connections=2)

    async def rows(statement):
        async with database.read() as session:
            return (await session.execute(text(statement), {"id": day.id})).all()

    await until("the event", lambda: rows("SELECT 1 FROM events WHERE id = :id"))
    statuses = await try_all(system, day)
    kept = await rows("SELECT person_id, places_id, state FROM registrations WHERE event_id = :id")
    await database.close()
    assert set(statuses) == {201, 409}
    assert statuses[201] == len(kept) == len({row.person_id for row in kept}) == PEOPLE
    taken = Counter(row.places_id for row in kept if row.state == "confirmed")
    assert set(taken.values()) <= set(range(1, MOST + 1))
    assert {row.state for row in kept} == {"confirmed", "waitlisted"}
