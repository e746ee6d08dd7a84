"""When is the system back to normal? Asked all the time, from outside.

Normal: every process is ready, a registration on the web and one by SMS are answered, and the mail and the SMS of it
are handed to the provider.
"""

import asyncio
import random
import time
from typing import NamedTuple
from uuid import uuid4

import aiohttp

from tests.faults.load import Load, Resident
from tests.faults.organiser import Event

_LIMIT = 45.0


class Round(NamedTuple):
    """A round of questions that all were answered; monotonic times."""

    began: float
    ended: float


class Watch:
    """Asks in rounds."""

    def __init__(self, load: Load, event: Event) -> None:
        self._load, self._event = load, event
        self.rounds: list[Round] = []

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            began = time.monotonic()
            try:
                async with asyncio.timeout(_LIMIT):
                    await self._ready()
                    await asyncio.gather(self._by_mail(), self._by_phone())
            except TimeoutError:
                continue
            self.rounds.append(Round(began, time.monotonic()))
            await asyncio.sleep(0.1)

    def normal_after(self, moment: float) -> float | None:
        """Seconds from the moment until everything worked; None if it never did."""
        return next((r.ended - moment for r in self.rounds if r.began >= moment), None)

    async def _ready(self) -> None:
        for url in list(self._load.house.system.health.values()):
            while url in self._load.house.system.health.values() and not await self._answers(url):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def _answers(self, url: str) -> bool:
        try:
            async with self._load.http.get(url) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def _by_mail(self) -> None:
        address = f"{uuid4().hex}@faults.example"
        await Resident(self._load, random.Random(), self._event).register_by_mail(address)
        while await self._load.house.provider.next_for(address, _LIMIT) is None:
            pass

    async def _by_phone(self) -> None:
        await Resident(self._load, random.Random(), self._event).by_phone_once()
