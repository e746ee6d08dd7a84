"""Which processes are ours: each start leaves a file with the process id and its start time.

A process id alone proves nothing, since the system gives it to somebody else later.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

SUPERVISOR = "teilhabe"
POSTGRES = "postgresql"
_CLOCK_STEP = 2.0  # seconds by which the same start time may be told differently after the clock was set
_END_WITHIN = 10.0


def record(folder: Path, name: str, pid: int) -> None:
    """Remember that the process `pid` is ours. A process that has ended already leaves no file."""
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(pid).create_time()
        (folder / f"{name}.pid").write_text(f"{pid} {started}\n")


def forget(folder: Path, name: str) -> None:
    """The process has ended."""
    (folder / f"{name}.pid").unlink(missing_ok=True)


def find(folder: Path, name: str) -> Any | None:
    """The running process of this name as a `psutil.Process`, or None."""
    try:
        pid, started = (folder / f"{name}.pid").read_text().split()
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(started)) < _CLOCK_STEP
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return process if same and process.status() != psutil.STATUS_ZOMBIE else None


def running(folder: Path) -> Iterator[tuple[str, Any]]:
    """Name and `psutil.Process` of each of our processes that runs."""
    for file in sorted(folder.glob("*.pid")):
        process = find(folder, file.stem)
        if process is not None:
            yield file.stem, process


def end_all(folder: Path) -> list[str]:
    """End what an earlier run left, and return the names; what does not listen within ten seconds is killed.

    Raises:
        PermissionError: a process of ours was started by another user.
    """
    found = [(name, process) for name, process in running(folder) if process.pid != os.getpid()]
    for name, process in found:
        # PostgreSQL takes SIGINT as "disconnect everybody and stop", SIGTERM as "wait for everybody".
        _send(process, signal.SIGINT if name == POSTGRES else signal.SIGTERM)
    _, alive = psutil.wait_procs([process for _, process in found], _END_WITHIN)
    for process in alive:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(alive, _END_WITHIN)
    for file in folder.glob("*.pid"):
        file.unlink()
    return [name for name, _ in found]


def _send(process: Any, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise PermissionError(f"Process {process.pid} was started by another user") from error
