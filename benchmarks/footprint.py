"""What `make up` takes: memory when nobody comes and under load, and the time to the first page of a second start.

Memory is the proportional set size (PSS): a page that several processes share is counted once, in parts. The figure is
the sum over all processes: supervisor, PostgreSQL with its children, broker, apis and workers.
"""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import psutil  # type: ignore[import-untyped]

from benchmarks.generator import Plan
from benchmarks.places import body
from benchmarks.stand import BenchmarkError, Stand
from deploy.kafka.kafka import free_port
from shared.embedded import leftovers
from tests.support.system import answers

_MIB = 1024 * 1024
_IDLE_AFTER = 10.0
_SAMPLES = 5
_PAUSE = 0.5
_REGISTRATIONS = 4_000
_PAGES = 1_000
_PORTS = 100


async def measure(stand: Stand) -> dict[str, float]:
    """One start that makes databases and demo data; then a second one, which is measured."""
    embedded = Embedded(stand.folder / "state")
    try:
        embedded.up()
        embedded.down()
        seconds = embedded.up()
        await asyncio.sleep(_IDLE_AFTER)
        idle = [await _sample(embedded) for _ in range(_SAMPLES)]
        peak = await _under_load(stand, embedded)
    finally:
        embedded.down()
    return {"memory.idle_mib": max(idle), "memory.peak_mib": peak, "start.first_page_s": seconds}


class Embedded:
    """The embedded system of a state folder, as `make up` starts it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = _room_for_ports()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEILHABE_")}
        mine = {"TEILHABE_STATE": str(state), "TEILHABE_PORT": str(self.port), "TEILHABE_LIMIT_FACTOR": "1000000"}
        self._environment = inherited | mine

    def up(self) -> float:
        """Start; the seconds until the programme's first page was answered. Raises BenchmarkError."""
        start = monotonic()
        up = self._run("up", "--background")
        page = f"http://127.0.0.1:{self.port}/events"
        while not answers(page):
            if up.poll():
                raise BenchmarkError(f"make up failed: see {self.state}")
            sleep(0.02)
        seconds = monotonic() - start
        if up.wait(120):
            raise BenchmarkError(f"make up failed: see {self.state}")
        return seconds

    def down(self) -> None:
        """Stop all of it."""
        self._run("down").wait(60)

    def _run(self, *arguments: str) -> Any:
        command = [sys.executable, "-m", "shared.cli", *arguments]
        return subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL)  # noqa: S603

    def memory(self) -> float:
        """PSS of all its processes, in MiB."""
        found: dict[int, Any] = {}
        for _, process in leftovers.running(self.state / "run"):
            for one in (process, *process.children(recursive=True)):
                found[one.pid] = one
        return sum(map(_pss, found.values())) / _MIB


def _pss(process: Any) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0


def _room_for_ports() -> int:
    """A port above which a hundred are free, as far as one can tell."""
    while (port := free_port()) > 65_535 - _PORTS:
        pass
    return port


async def _sample(embedded: Embedded) -> float:
    await asyncio.sleep(_PAUSE)
    return await asyncio.to_thread(embedded.memory)


async def _under_load(stand: Stand, embedded: Embedded) -> float:
    """The most that was seen while people registered and read, and until half a minute of work was done."""
    events = await asyncio.to_thread(_open_events, embedded.port)
    paths = [f"{embedded.port + 10}/registrations/api/events/{event_id}/registrations" for event_id in events]
    registering = Plan(paths, stand.count(_REGISTRATIONS), body("peak"), keyed=True)
    reading = Plan([f"{embedded.port}/events"], stand.count(_PAGES), connections=8, statuses=[200])
    load = asyncio.gather(stand.load(registering), stand.load(reading))
    most = 0.0
    try:
        while not load.done():
            most = max(most, await _sample(embedded))
        await load
    finally:
        load.cancel()
    for _ in range(_SAMPLES * 2):
        most = max(most, await _sample(embedded))
    return most


def _open_events(port: int) -> list[UUID]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/events?page_size=100", timeout=10) as answer:
        listed = json.load(answer)["events"]
    return [UUID(event["id"]) for event in listed if event["registration"]["state"] in {"open", "full"}]
