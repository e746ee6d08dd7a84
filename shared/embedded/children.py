"""Processes forked from the supervisor, which has imported everything already.

Six interpreters would import the same libraries six times, two seconds of a processor and 100 MB each; forked
processes share what was imported. The supervisor may therefore have no thread and no event loop when it forks.
"""

import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

_LOG_LIMIT = 10_000_000  # bytes
_MOST_DESCRIPTORS = 65_536


class Lifeline:
    """A pipe whose writing end only the supervisor holds: it closes however the supervisor ends, `kill -9` included."""

    def __init__(self, stop_limit: float) -> None:
        """A child that does not stop by itself within `stop_limit` seconds of the supervisor's end is ended."""
        self.reading, self._writing = os.pipe()
        self._stop_limit = stop_limit

    def hold(self) -> None:
        """In a child, once the writing end is closed here: stop this process as soon as it is closed everywhere."""
        threading.Thread(target=self._follow, name="lifeline", daemon=True).start()

    def _follow(self) -> None:
        os.read(self.reading, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(self._stop_limit)
        os._exit(1)


class Child:
    """A process that runs `body`, writes what it prints to `log`, and can be started again.

    `keeps` are the file descriptors that it needs besides; all others are closed, as exec would.
    """

    def __init__(
        self, name: str, body: Callable[[], None], log: Path, lifeline: Lifeline, keeps: Iterable[int] = ()
    ) -> None:
        self.name = name
        self.pid = 0
        self._body = body
        self._log = log
        self._lifeline = lifeline
        self._keeps = tuple(keeps)
        self._status: int | None = None

    def start(self) -> None:
        """Fork. The child never returns from here."""
        sys.stdout.flush()
        sys.stderr.flush()
        rotate(self._log)
        self._status = None
        self.pid = os.fork()
        if self.pid == 0:
            self._become()

    def poll(self) -> int | None:
        """None while it runs; then the exit code, or the signal that ended it as a negative number."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, limit: float) -> int | None:
        """`poll`, after it has ended or `limit` seconds have passed."""
        deadline = time.monotonic() + limit
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.poll()

    def _become(self) -> NoReturn:
        status = 1
        try:
            self._detach()
            self._body()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001 - the supervisor's frames below must never run on in the child
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _detach(self) -> None:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        _redirect(self._log)
        _close_all_but((self._lifeline.reading, *self._keeps))
        self._lifeline.hold()


def rotate(log: Path) -> None:
    """Begin a new file when the old one is large; one old file is kept."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))


def _redirect(log: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _close_all_but(kept: Iterable[int]) -> None:
    lowest = 3
    for number in sorted(kept):
        os.closerange(lowest, number)
        lowest = number + 1
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.closerange(lowest, _MOST_DESCRIPTORS if most == resource.RLIM_INFINITY else max(most, lowest))
