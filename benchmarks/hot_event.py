"""Registrations over HTTP for one event: 1,000 places, then the waitlist, 64 clients.

The real service and the framework alone take turns (A B A B), each served by the same number of processes and asked by
the same generator with the same bodies; the median of each one's rounds counts. Then the same PostgreSQL is asked what
one row costs that 64 clients lock and change, one transaction each.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Any

import asyncpg

from benchmarks.generator import Outcome, Plan
from benchmarks.places import publish_events, registrations
from benchmarks.stand import Stand, connected, percentile, program
from deploy.kafka.kafka import free_port
from tests.support.system import System

CLIENTS = 64
PLACES = 1000
ROUNDS = 5
_REQUESTS = 12_000
_WARM_UP = 3_000
_COUNTED = 2_000
_TRANSACTIONS = 12_000
_PROCESSES = 2
_STATEMENT = re.compile(rb"LOG:  (?:statement|execute [^:]+): ")
_LOCK = "SELECT taken FROM hot WHERE id = 1 FOR UPDATE"
_TAKE = "UPDATE hot SET taken = taken + 1 WHERE id = 1"


async def measure(stand: Stand) -> dict[str, float]:
    """All figures of `hot_event`, and beside them the rates that they were compared with."""
    async with stand.databases("registrations") as urls:
        with stand.apis(urls, "registrations", _PROCESSES) as system, framework(stand) as ports:
            real, alone = await _in_turns(stand, urls["registrations"], system, ports)
            statements = await _statements(stand, urls["registrations"], system)
        sql = await locked_row(urls["registrations"], stand.count(_TRANSACTIONS))
    rate = median(outcome.rate for outcome in real)
    framework_rate = median(outcome.rate for outcome in alone)
    return {
        "hot_event.decided_per_s": rate,
        "hot_event.p50_ms": median(percentile(outcome.waits, 50) for outcome in real) * 1000,
        "hot_event.p99_ms": median(percentile(outcome.waits, 99) for outcome in real) * 1000,
        "hot_event.framework_ratio": rate / framework_rate,
        "hot_event.sql_ratio": rate / sql,
        "hot_event.statements_per_registration": statements,
        "run.framework_per_s": framework_rate,
        "run.locked_row_per_s": sql,
        "run.generator_cpu": median(outcome.cpu / outcome.seconds for outcome in alone),
    }


@contextmanager
def framework(stand: Stand) -> Iterator[list[int]]:
    """The framework alone, in as many processes as the real service; gives their ports."""
    ports = [free_port() for _ in range(_PROCESSES)]
    with ExitStack() as programs:
        for port in ports:
            programs.enter_context(program("benchmarks.baseline", port, stand.folder))
        yield ports


async def _in_turns(stand: Stand, url: str, system: System, ports: list[int]) -> tuple[list[Outcome], list[Outcome]]:
    real, alone = [], []
    for number in range(-1, ROUNDS):
        [event] = await publish_events(url, 1, PLACES)
        count = stand.count(_WARM_UP if number < 0 else _REQUESTS)
        plan = registrations(system, [event.id] * _PROCESSES, count, f"round-{number + 1}")
        outcomes = await stand.load(plan), await stand.load(replace(plan, targets=_elsewhere(plan, ports)))
        if number >= 0:
            real.append(outcomes[0])
            alone.append(outcomes[1])
    return real, alone


def _elsewhere(plan: Plan, ports: list[int]) -> list[str]:
    paths = [target.partition("/")[2] for target in plan.targets]
    return [f"{ports[number % len(ports)]}/{path}" for number, path in enumerate(paths)]


async def _statements(stand: Stand, url: str, system: System) -> float:
    """Per registration, as PostgreSQL itself writes them down: with BEGIN and COMMIT, in a round of its own."""
    [event] = await publish_events(url, 1, PLACES)
    async with connected(url) as connection:
        await _log_statements(connection, "all")
        start = stand.postgres_log.stat().st_size
        await stand.load(registrations(system, [event.id] * _PROCESSES, _COUNTED, "counted"))
        await _log_statements(connection, "none")
    with stand.postgres_log.open("rb") as log:
        log.seek(start)
        return len(_STATEMENT.findall(log.read())) / _COUNTED


async def _log_statements(connection: Any, which: str) -> None:
    await connection.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
    await connection.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.3)


async def locked_row(url: str, transactions: int) -> float:
    """Transactions a second that lock one row and change it, by raw asyncpg over 64 connections."""
    async with connected(url) as connection:
        await connection.execute("CREATE TABLE hot (id int PRIMARY KEY, taken int NOT NULL)")
        await connection.execute("INSERT INTO hot VALUES (1, 0)")
    pool = await asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=CLIENTS, max_size=CLIENTS)
    start = perf_counter()
    await asyncio.gather(*(_take(pool, transactions // CLIENTS) for _ in range(CLIENTS)))
    seconds = perf_counter() - start
    await pool.close()
    return transactions // CLIENTS * CLIENTS / seconds


async def _take(pool: Any, times: int) -> None:
    async with pool.acquire() as connection:
        for _ in range(times):
            async with connection.transaction():
                await connection.fetchval(_LOCK)
                await connection.execute(_TAKE)
