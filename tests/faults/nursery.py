"""Starts the services' processes in a tenth of a second: a process that has imported them and forks.

It is also where negative controls switch a guard off, since it runs before `shared.cli` does. A line on its standard
input is the environment, the log file and the arguments of `teilhabe`, in JSON; it answers with the process id.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


class Child:
    """A process of the nursery, with the part of `Popen` that `System` uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return -1
        return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, limit: float = 10) -> None:
        deadline = time.monotonic() + limit
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), limit)
            time.sleep(0.01)


class Nursery:
    """The process that forks."""

    def __init__(self, *changes: str) -> None:
        """`changes` are names of `tests.faults.broken`."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery", *changes],
            env={name: value for name, value in os.environ.items() if not name.startswith("TEILHABE_")},
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def launch(self, environment: dict[str, str], arguments: list[str], log: Path) -> Child:
        log.touch()
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([environment, str(log), arguments]).encode() + b"\n")
        self._process.stdin.flush()
        return Child(int(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)


def serve(changes: list[str]) -> None:
    """Fork for each line until standard input ends, as it does when whoever asked is gone; then end all."""
    from tests.faults.broken import change

    for name in changes:
        change(name)
    from shared.runtime.processes import import_service, installed_services

    for service in installed_services():
        import_service(service)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w")
    children = []
    for line in sys.stdin:
        environment, log, arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.environ.update(environment)
            _become(log, arguments)
        children.append(Child(pid))
        answers.write(f"{pid}\n")
        answers.flush()
    for child in children:
        child.kill()


def _become(log: str, arguments: list[str]) -> Any:
    """The forked process is as if it had been started by itself."""
    from shared.cli import app

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, number in ((nothing, 0), (target, 1), (target, 2)):
        os.dup2(source, number)
    status = 1
    try:
        app(arguments, standalone_mode=False)
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1:])
