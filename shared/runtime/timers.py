"""Things that are done again and again. Each is safe to run in any number of processes at once."""

import asyncio
import random
from asyncio import Event, Task
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from prometheus_client import Counter

log = structlog.get_logger()

FAILED = Counter("teilhabe_timer_failures_total", "Runs that ended in an error", ["timer"])


_SOON = 0.03
"""Seconds after which a timer that was woken runs; it then comes again and again, each time after twice as long."""


@dataclass(frozen=True)
class Timer:
    """`every` is in seconds. An action that returns a number above 0 had more to do and runs again at once.

    After failures the pauses grow up to `longest` seconds. Whoever sets `wake` says that there is something to do soon.
    """

    name: str
    every: float
    action: Callable[[], Awaitable[int | None]]
    longest: float = 5.0
    wake: Event | None = None

    def start(self) -> Task[None]:
        """Run in the background until cancelled."""
        return asyncio.create_task(self._run(), name=f"timer-{self.name}")

    async def _run(self) -> None:
        failures, soon = 0, self.every
        while True:
            busy: int | None = 0
            try:
                busy = await self.action()
                failures = 0
            except Exception as error:  # noqa: BLE001 - a timer goes on after any failure, which is counted
                failures += 1
                FAILED.labels(self.name).inc()
                log.warning("timer.failed", timer=self.name, error=type(error).__name__)
            if not busy:
                pause = min(max(self.longest, self.every), self.every * 2 ** min(failures, 10))
                woken = await self._sleep(min(pause, soon) if not failures else pause)
                soon = _SOON if woken else min(self.every, soon * 2)

    async def _sleep(self, pause: float) -> bool:
        """Sleep so long, or until somebody wakes the timer: then a moment longer, so that what it is for is there."""
        pause *= random.uniform(0.9, 1.1)
        if self.wake is None:
            await asyncio.sleep(pause)
            return False
        try:
            async with asyncio.timeout(pause):
                await self.wake.wait()
        except TimeoutError:
            return False
        self.wake.clear()
        await asyncio.sleep(_SOON)
        return True


async def stop_tasks(tasks: list[Task[None]], limit: float) -> None:
    """Cancel all and wait for at most `limit` seconds."""
    for task in tasks:
        task.cancel()
    if tasks:
        with suppress(asyncio.CancelledError):
            await asyncio.wait(tasks, timeout=limit)
