"""How often somebody may try: limits per address that asks, and per address or number that is asked about.

A limit lets `most` tries through at once and then one more each `window / most` (the generic cell rate algorithm,
ITU-T I.371: one moment per key, one statement per try). What is refused does not count. Two places keep the moments:

- the table `attempts`, which all processes of a service share, by keyed hashes alone;
- the memory of one process, for the registrations that must not wait for a second statement. There N processes let
  up to N times as many through.
"""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from prometheus_client import Counter
from sqlalchemy import Column, DateTime, Index, LargeBinary, MetaData, Table, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, INTERVAL
from starlette.requests import Request

from shared.database.engine import Database, WriteSession
from shared.runtime.timers import Timer
from shared.settings import Settings
from shared.vault import Vault
from shared.web.problem import Problem

MOST_KEYS_HERE = 50_000
_HOUSEHOLD = 64
_LONGEST_CLIENT = 64

REFUSED = Counter("teilhabe_tries_refused_total", "Requests beyond a limit", ["limit"])


@dataclass(frozen=True)
class Limit:
    """`most` tries at once, and as many again in each `window`. The name is what metrics and hashes know it by."""

    name: str
    most: int
    window: timedelta


class TooManyTriesError(Problem):
    """429 with `Retry-After`; `seconds` is the time until the next try counts."""

    def __init__(self, limit: Limit, seconds: float) -> None:
        self.seconds = max(1, math.ceil(seconds))
        super().__init__(429, "too-many-tries", headers={"retry-after": str(self.seconds)})
        REFUSED.labels(limit.name).inc()


def add_attempts_table(metadata: MetaData) -> None:
    """Declare `attempts` in a service's metadata: a key is free again, as if never used, at `free_at`."""
    attempts = Table(
        "attempts",
        metadata,
        Column("key", LargeBinary, primary_key=True),
        Column("free_at", DateTime(timezone=True), nullable=False),
    )
    Index("ix_attempts_free_at", attempts.c.free_at)


_COUNT = text(
    """
    INSERT INTO attempts AS a (key, free_at)
    SELECT key, :now + step FROM unnest(:keys, :steps) AS given (key, step) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET free_at = greatest(a.free_at, :now) + (excluded.free_at - :now)
    RETURNING key, free_at
    """
).bindparams(
    bindparam("now", type_=DateTime(timezone=True)),
    bindparam("keys", type_=ARRAY(BYTEA)),
    bindparam("steps", type_=ARRAY(INTERVAL)),
)
_FORGET = text("DELETE FROM attempts WHERE free_at <= :now")


class Limits:
    """Counts the tries of one service."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._factor = settings.limit_factor
        self._proxies = settings.trusted_proxies
        self._on_trial = settings.environment != "production"
        self._vault = vault
        self._steps: dict[Limit, timedelta] = {}
        self._here: OrderedDict[tuple[str, str], float] = OrderedDict()

    def client(self, request: Request) -> str:
        """Whom the request comes from: an IPv4 address, or the /64 network that one household has in IPv6."""
        return network(client_address(request, self._proxies))

    def stands_for_many(self, client: str) -> bool:
        """Whether the client is this machine itself while it is tried out: then everybody is."""
        return self._on_trial and client in {"127.0.0.1", "::/64"}

    async def count(self, session: WriteSession, now: datetime, *tries: tuple[Limit, str]) -> None:
        """Count one try for each limit and whom it is about; the transaction is to be rolled back on a refusal.

        Raises:
            TooManyTriesError: one of them is beyond its limit.
        """
        known = {self._vault.keyed_hash(whom, f"limit:{limit.name}"): limit for limit, whom in tries}
        values = {"now": now, "keys": list(known), "steps": [self._step(limit) for limit in known.values()]}
        for key, free_at in (await session.execute(_COUNT, values)).all():
            limit = known[bytes(key)]
            over = free_at - now - limit.window
            if over > timedelta():
                raise TooManyTriesError(limit, over.total_seconds())

    async def count_miss(self, request: Request, limit: Limit) -> None:
        """Count a request whose secret was wrong against its client. Right ones are never counted, nor refused.

        Raises:
            TooManyTriesError: this client has missed too often.
        """
        database: Database = request.app.state.database
        async with database.begin() as session:
            await self.count(session, datetime.now(UTC), (limit, self.client(request)))

    def count_here(self, limit: Limit, whom: str) -> None:
        """Count one try in this process's memory, which forgets the longest unused keys beyond 50,000.

        Raises:
            TooManyTriesError: it is beyond the limit.
        """
        now, key = time.monotonic(), (limit.name, whom)
        free_at = max(self._here.get(key, now), now) + self._step(limit).total_seconds()
        over = free_at - now - limit.window.total_seconds()
        if over > 0:
            raise TooManyTriesError(limit, over)
        self._here[key] = free_at
        self._here.move_to_end(key)
        if len(self._here) > MOST_KEYS_HERE:
            self._here.popitem(last=False)

    def _step(self, limit: Limit) -> timedelta:
        known = self._steps.get(limit)
        if known is None:
            known = self._steps[limit] = limit.window // max(1, round(limit.most * self._factor))
        return known


def client_address(request: Request, trusted_proxies: int) -> str:
    """Whom the request comes from, as the outermost proxy that we trust saw it."""
    if trusted_proxies:
        forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
        if len(forwarded) >= trusted_proxies:
            return forwarded[-trusted_proxies]
    return request.client.host if request.client else ""


@lru_cache(maxsize=10_000)
def network(address: str) -> str:
    """What counts as one client; text that is no address stands for itself."""
    try:
        known = ip_address(address)
    except ValueError:
        return address[:_LONGEST_CLIENT]
    if not isinstance(known, IPv6Address):
        return str(known)
    return str(known.ipv4_mapped or ip_network((known.packed, _HOUSEHOLD), strict=False))


def forgetting_timer(database: Database) -> Timer:
    """Deletes the keys that are free again, every five minutes."""

    async def forget() -> None:
        async with database.begin() as session:
            await session.execute(_FORGET, {"now": datetime.now(UTC)})

    return Timer("forget-attempts", 300, forget)
