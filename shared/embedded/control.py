"""What other commands do with the stack of a state folder: see it, end it, remove it."""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from shared.embedded import leftovers
from shared.embedded.readiness import failing_checks
from shared.embedded.surroundings import Surroundings

STOP_WITHIN = 25.0
_MEGABYTE = 1_000_000


class ControlError(Exception):
    """It cannot be done; the text says why and what to do."""


@dataclass(frozen=True)
class Part:
    """One running process of the stack, with its own children. `memory` is in megabytes, shared pages counted once."""

    name: str
    pid: int
    memory: float
    health: str


def parts(where: Surroundings) -> Iterator[Part]:
    """Each process of the stack that runs."""
    for name, process in leftovers.running(where.state / "run"):
        yield Part(name, process.pid, _memory(process, name), _health(where, name))


def is_running(state: Path) -> bool:
    """Whether a supervisor runs for this state folder."""
    return leftovers.find(state / "run", leftovers.SUPERVISOR) is not None


def end(state: Path) -> bool:
    """End the stack as Ctrl-C would, and what an earlier run left; says whether there was anything.

    Raises:
        ControlError: the processes belong to another user.
    """
    run = state / "run"
    supervisor = leftovers.find(run, leftovers.SUPERVISOR)
    try:
        if supervisor is not None:
            supervisor.send_signal(signal.SIGTERM)
            psutil.wait_procs([supervisor], STOP_WITHIN)
        return bool(leftovers.end_all(run)) or supervisor is not None
    except (PermissionError, psutil.AccessDenied) as error:
        raise ControlError("Teilhabe was started by another user: stop it as that user") from error


def remove(state: Path) -> None:
    """Remove the state folder with all its data. The stack must have been ended.

    Raises:
        ControlError: it belongs to another user, or is no state folder of ours.
    """
    if not state.exists():
        return
    if state.stat().st_uid != os.geteuid():
        raise ControlError(f"{state} belongs to another user: remove it as that user")
    if not (state / "lock").exists():
        raise ControlError(f"{state} is no state folder of Teilhabe")
    shutil.rmtree(state)


def _memory(process: Any, name: str) -> float:
    family = [process]
    if name == leftovers.POSTGRES:
        family += process.children(recursive=True)
    return sum(map(_proportional, family)) / _MEGABYTE


def _proportional(process: Any) -> int:
    try:
        memory = process.memory_full_info()
        return int(getattr(memory, "pss", memory.rss))
    except psutil.Error:
        return 0


def _health(where: Surroundings, name: str) -> str:
    service, _, process = name.rpartition("-")
    if service not in where.services:
        return "runs"
    checks = failing_checks(where.port_of(service, process))
    if checks is None:
        return "does not answer"
    return "not ready: " + ", ".join(checks) if checks else "ready"
