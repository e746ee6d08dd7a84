"""What a registration costs when the database is full: 10⁶ registrations and people in it against 10³.

Two databases stand side by side and are asked in turns, so that whatever else the machine does meets both. They are
filled by INSERT … SELECT, then analysed. The ratio is of times: above 1 means dearer.
"""

from statistics import median
from uuid import uuid4

from benchmarks.places import publish_events, registrations
from benchmarks.stand import Stand, connected
from tests.support.system import System

FEW, MANY = 1_000, 1_000_000
_ROUNDS = 5
_REQUESTS = 3_000
_EVENTS = 1_000

_PEOPLE = """
    INSERT INTO people (id, means, address, language, version, created_at)
    SELECT gen_random_uuid(), 'email', 'old-' || n || '@example.org', 'de', 1, now() - interval '30 days'
    FROM generate_series(1, $1) AS n
"""
_REGISTRATIONS = """
    INSERT INTO registrations (id, event_id, places_id, person_id, channel, party_size, state, holds_places, queue,
                               token_hash, request_key, consent, unreachable, created_at, updated_at)
    SELECT gen_random_uuid(), pools.event_id, pools.id, people.id, 'web', 1, 'confirmed', true, people.n,
           sha256(people.id::text::bytea), gen_random_uuid(), 'web-2026-11', false, now(), now()
    FROM (SELECT id, row_number() OVER () AS n FROM people) AS people
    JOIN (SELECT id, event_id, row_number() OVER () - 1 AS n FROM places) AS pools ON pools.n = people.n % $1
"""


async def measure(stand: Stand) -> dict[str, float]:
    """Median seconds per registration of the full database over those of the nearly empty one."""
    async with stand.databases("registrations") as few, stand.databases("registrations") as many:
        await fill(few["registrations"], FEW)
        await fill(many["registrations"], stand.count(MANY))
        with stand.apis(few, "registrations") as small, stand.apis(many, "registrations") as large:
            times: dict[str, list[float]] = {"small": [], "large": []}
            for number in range(-1, _ROUNDS):
                pairs = [("small", few, small), ("large", many, large)]
                for name, urls, system in pairs if number % 2 else reversed(pairs):
                    seconds = await _round(stand, urls["registrations"], system)
                    if number >= 0:
                        times[name].append(seconds)
    return {
        "growth.ratio": median(times["large"]) / median(times["small"]),
        "run.growth_small_us": median(times["small"]) * 1e6,
        "run.growth_large_us": median(times["large"]) * 1e6,
    }


async def fill(url: str, count: int) -> None:
    """So many people, each registered for one of a thousand events."""
    await publish_events(url, min(_EVENTS, count), 10_000)
    async with connected(url) as connection:
        await connection.execute(_PEOPLE, count)
        await connection.execute(_REGISTRATIONS, min(_EVENTS, count))
        await connection.execute("VACUUM ANALYZE")


async def _round(stand: Stand, url: str, system: System) -> float:
    """Seconds for each registration of a fresh hot event."""
    [event] = await publish_events(url, 1, 1000)
    count = stand.count(_REQUESTS)
    return (await stand.load(registrations(system, [event.id], count, uuid4().hex))).seconds / count
