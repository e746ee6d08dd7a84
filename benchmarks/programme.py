"""The public programme with 10,000 published events: its first pages and its searches, as readers ask for them."""

from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from uuid import UUID

from benchmarks.generator import Plan
from benchmarks.stand import Stand, connected, percentile
from services.events.demo.commands import load_demo
from services.events.series.planning import Window
from shared.database.engine import Database
from shared.vault import Vault

EVENTS = 10_000
_ROUNDS = 3
_REQUESTS = 900
_CONNECTIONS = 16
PATHS = (
    "events",
    "events",
    "events?page=2",
    "events?kind=course",
    "events?language=tr",
    "events?q=garten",
    "events?left=yes",
    "events/B000123",
)
_CLONES = """
    WITH source AS MATERIALIZED (
        SELECT *, row_number() OVER (ORDER BY code) - 1 AS place FROM events WHERE state = 'published'
    ), fresh AS MATERIALIZED (
        SELECT gen_random_uuid() AS id, n, source.id AS source_id FROM generate_series(1, $1) AS n
        JOIN source ON source.place = n % (SELECT count(*) FROM source)
    ), inserted AS (
        INSERT INTO events (id, organisation_id, code, state, kind, main_language, time_zone, venue_name, venue_address,
            online_link, spoken_languages, largest_party, contact_name, contact_email, contact_phone, contact_languages,
            starts_at, ends_at, search_text, version, created_by, request_key, created_at, published_at)
        SELECT fresh.id, organisation_id, 'B' || lpad(n::text, 6, '0'), state, kind, main_language, time_zone,
            venue_name, venue_address, online_link, spoken_languages, largest_party, contact_name, contact_email,
            contact_phone, contact_languages, starts_at + n * interval '1 hour', ends_at + n * interval '1 hour',
            search_text, version, created_by, gen_random_uuid(), created_at, published_at
        FROM fresh JOIN source ON source.id = source_id
    ), texts AS (
        INSERT INTO event_texts (event_id, language, title, text, access_notes, contact_hours, cancellation_reason)
        SELECT fresh.id, language, title, text, access_notes, contact_hours, cancellation_reason
        FROM fresh JOIN event_texts ON event_id = source_id
    ), dates AS (
        INSERT INTO sessions (id, event_id, starts_at, ends_at)
        SELECT gen_random_uuid(), fresh.id, starts_at + n * interval '1 hour', ends_at + n * interval '1 hour'
        FROM fresh JOIN sessions ON event_id = source_id
    )
    INSERT INTO places (id, event_id, position, name, capacity)
    SELECT gen_random_uuid(), fresh.id, position, name, capacity FROM fresh JOIN places ON event_id = source_id
"""


async def measure(stand: Stand) -> dict[str, float]:
    """The median of three rounds, after a short one to warm up; 16 readers at a time."""
    async with stand.databases("events") as urls:
        await fill_programme(stand, urls["events"], stand.count(EVENTS))
        with stand.apis(urls, "events") as system:
            port = system.ports["events"][0]
            plan = Plan(
                [f"{port}/{path}" for path in PATHS], stand.count(_REQUESTS), connections=_CONNECTIONS, statuses=[200]
            )
            await stand.load(replace(plan, count=max(_CONNECTIONS, plan.count // 4)))
            outcomes = [await stand.load(plan) for _ in range(_ROUNDS)]
    return {
        "programme.pages_per_s": median(outcome.rate for outcome in outcomes),
        "programme.p99_ms": median(percentile(outcome.waits, 99) for outcome in outcomes) * 1000,
    }


async def fill_programme(stand: Stand, url: str, count: int) -> list[UUID]:
    """The demo events and as many copies of the published ones, hours apart; returns the pools of places."""
    database = Database(url)
    settings = stand.events_settings(url)
    window = Window(settings.series_ahead, settings.series_at_least)
    await load_demo(database, Vault(settings), window, datetime.now(UTC))
    await database.close()
    async with connected(url) as connection:
        await connection.execute("DELETE FROM outbox")
        await connection.execute(_CLONES, count)
        await connection.execute("VACUUM ANALYZE")
        rows = await connection.fetch(
            "SELECT places.id FROM places JOIN events e ON e.id = event_id WHERE e.code ~ '^B[0-9]{6}$'"
        )
    return [row["id"] for row in rows]
