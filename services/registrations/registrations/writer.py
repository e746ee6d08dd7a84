"""One writer per pool of places: what waits is gathered and committed as one batch.

While one transaction is under way, the wishes for the same pool gather; then they are decided together. Writers of
several processes stay correct, since the pool's row orders them (design §6 has the figures).
"""

import asyncio
from asyncio import Future, Task
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import structlog
from prometheus_client import Histogram

from services.registrations.registrations.admission import Decision, Rules, Wish, admit
from services.registrations.registrations.pool import PoolUnknownError
from shared.contracts.context import Cause, caused_by, current_cause
from shared.database.engine import Database
from shared.messaging.consumption import is_outage
from shared.vault import Vault

log = structlog.get_logger()

LARGEST_BATCH = 500
BATCH_SIZE = Histogram(
    "teilhabe_admission_batch", "Wishes decided in one transaction", buckets=(1, 4, 16, 64, 256, 500)
)


class _Waiting(NamedTuple):
    wish: Wish
    cause: Cause
    decided: Future[Decision]


class AdmissionWriter:
    """Decides wishes in the background; `submit` returns once the decision is on disk."""

    def __init__(self, database: Database, vault: Vault, rules: Rules) -> None:
        self._database = database
        self._vault = vault
        self._rules = rules
        self._waiting: dict[UUID, list[_Waiting]] = {}
        self._writers: dict[UUID, Task[None]] = {}

    async def submit(self, places_id: UUID, wish: Wish) -> Decision:
        """The committed decision. Raises PoolUnknownError, or what the database raised."""
        decided: Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(places_id, []).append(_Waiting(wish, current_cause(), decided))
        if places_id not in self._writers:
            self._writers[places_id] = asyncio.create_task(self._write(places_id))
        return await decided

    async def _write(self, places_id: UUID) -> None:
        try:
            while waiting := self._waiting.pop(places_id, None):
                batch, rest = waiting[:LARGEST_BATCH], waiting[LARGEST_BATCH:]
                if rest:
                    self._waiting[places_id] = rest + self._waiting.get(places_id, [])
                await self._decide(places_id, batch)
        finally:
            del self._writers[places_id]

    async def _decide(self, places_id: UUID, batch: list[_Waiting]) -> None:
        try:
            decisions = await self._commit(places_id, batch)
        except Exception as error:  # noqa: BLE001 - every wish of the batch gets its answer
            await self._decide_singly(places_id, batch, error)
        else:
            BATCH_SIZE.observe(len(batch))
            for one, decision in zip(batch, decisions, strict=True):
                if not one.decided.done():
                    one.decided.set_result(decision)

    async def _decide_singly(self, places_id: UUID, batch: list[_Waiting], error: Exception) -> None:
        """One wish that the database refuses must not fail its neighbours; a database that is away fails them all."""
        if len(batch) == 1 or isinstance(error, PoolUnknownError) or is_outage(error):
            for one in batch:
                if not one.decided.done():
                    one.decided.set_exception(error)
            return
        log.warning("admission.singly", wishes=len(batch), error=type(error).__name__)
        for one in batch:
            await self._decide(places_id, [one])

    async def _commit(self, places_id: UUID, batch: list[_Waiting]) -> list[Decision]:
        now = datetime.now(UTC)
        wishes = [one.wish for one in batch]
        with caused_by(*batch[0].cause):
            async with self._database.begin() as session:
                return await admit(session, self._vault, self._rules, places_id, wishes, now)
