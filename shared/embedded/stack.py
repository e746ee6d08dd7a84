"""The whole of Teilhabe on one machine, as `make up` starts it: PostgreSQL, a broker, and two processes per service.

One supervisor starts everything, starts again what ends by itself, and stops everything in order. Load-bearing:

- Everything is imported before the first fork, and nothing here leaves a thread or an event loop behind.
- The listening sockets are the supervisor's: a request that comes while an api starts again waits, and is not refused.
- What the supervisor leaves when it is killed ends by itself (children, broker) or at the next start (PostgreSQL).
"""

import fcntl
import gc
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import IO

from shared.embedded import leftovers
from shared.embedded.broker import BrokerError, EmbeddedBroker
from shared.embedded.children import Child, Lifeline
from shared.embedded.demo import load_demo_data
from shared.embedded.kept import Kept, how_it_ended
from shared.embedded.postgres import EmbeddedPostgres, PostgresError
from shared.embedded.readiness import failing_checks
from shared.embedded.surroundings import HOST, Surroundings, database_variable, remember
from shared.runtime.processes import PROCESSES, Process, SettingsError, import_service, run_process, settings_of

_CHILD_STOP = 8.0  # seconds; what is left of the 20 is for the broker and PostgreSQL
_STEP_WITHIN = 120.0
_READY_WITHIN = 60.0
_GLANCE = 0.2
_BACKLOG = 2048


class StackError(Exception):
    """Teilhabe cannot start; the text says why and what to do."""


class Stack:
    """The running parts, and the state folder that they live in."""

    def __init__(self, surroundings: Surroundings, say: Callable[[str], None]) -> None:
        """`say` takes one line at a time about what happens."""
        self._where = surroundings
        self._say = say
        self._run = surroundings.state / "run"
        self._logs = surroundings.state / "logs"
        self._lock: IO[str] | None = None
        self._lifeline = Lifeline(_CHILD_STOP)
        self._postgres: EmbeddedPostgres | None = None
        self._broker: EmbeddedBroker | None = None
        self._listeners: dict[str, socket.socket] = {}
        self._children: dict[str, Child] = {}
        self._kept: list[Kept] = []
        self._stopping = False

    def start(self) -> None:
        """Start everything and return when all of it is ready.

        Raises:
            StackError: something is in the way; what was started runs on until `stop`.
        """
        self._take_folder()
        self._open_ports()
        self._say("starting PostgreSQL and the broker")
        self._start_servers()
        self._check_settings()
        self._say("bringing the databases up to date")
        self._in_child("prepare", self._prepare)
        self._say("starting " + ", ".join(self._where.services))
        self._start_services()
        self._await_ready()
        self._load_demo()

    def supervise(self) -> None:
        """Start again what ends, until `request_stop`."""
        while not self._stopping:
            for part in self._kept:
                part.look()
            time.sleep(_GLANCE)

    def request_stop(self) -> None:
        """Make `supervise` return, and let a start that is under way end with StackError. Safe in a signal handler."""
        self._stopping = True

    def stop(self) -> None:
        """End the apis, the workers, the broker and PostgreSQL, in this order; nothing of ours runs afterwards."""
        for listener in self._listeners.values():
            listener.close()
        deadline = time.monotonic() + _CHILD_STOP
        for process in PROCESSES:
            self._end_children(process, deadline)
        for server in (self._broker, self._postgres):
            with suppress(BrokerError, PostgresError):
                if server is not None:
                    server.stop()
        if self._lock is not None:
            leftovers.end_all(self._run)
            self._lock.close()

    def _take_folder(self) -> None:
        state = self._where.state
        state.mkdir(parents=True, exist_ok=True)
        if state.stat().st_uid != os.geteuid():
            raise StackError(
                f"{state} belongs to another user: start as that user, or set TEILHABE_STATE=<other folder>"
            )
        lock = (state / "lock").open("a")
        try:
            # A POSIX lock is this process's alone: a forked child does not hold it on.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise StackError(
                f"Teilhabe runs already in {state}: `make status` shows it, `make down` stops it"
            ) from error
        self._lock = lock
        ended = leftovers.end_all(self._run)
        if ended:
            self._say("ended what an earlier run left: " + ", ".join(ended))
        leftovers.record(self._run, leftovers.SUPERVISOR, os.getpid())

    def _open_ports(self) -> None:
        for service in self._where.services:
            for process in PROCESSES:
                port = self._where.port_of(service, process)
                self._listeners[f"{service}-{process}"] = _listen(port)
        if "TEILHABE_KAFKA" not in os.environ:
            _listen(self._where.broker_port).close()

    def _start_servers(self) -> None:
        """Both are programs of their own, so that importing goes on meanwhile."""
        missing = [service for service in self._where.services if database_variable(service) not in os.environ]
        if missing:
            self._postgres = EmbeddedPostgres(self._where.state / "postgresql")
            self._keep("PostgreSQL", leftovers.POSTGRES, self._postgres)
        if "TEILHABE_KAFKA" not in os.environ:
            self._broker = EmbeddedBroker(self._where.state / "broker", self._where.broker_port)
            self._keep("the broker", "broker", self._broker)
        try:
            with ThreadPoolExecutor() as pool:
                starting = [pool.submit(part.begin) for part in self._kept]
                for service in self._where.services:
                    import_service(service)
                for future in starting:
                    future.result()
        except (PostgresError, BrokerError) as error:
            raise StackError(str(error)) from error
        self._tell_addresses(missing)

    def _keep(self, name: str, file: str, server: EmbeddedPostgres | EmbeddedBroker) -> None:
        def start() -> None:
            if isinstance(server, EmbeddedPostgres):
                server.stop()
            server.start()
            leftovers.record(self._run, file, server.process.pid)

        def poll() -> int | None:
            return server.process.poll()

        self._kept.append(Kept(name, start, poll, self._say))

    def _tell_addresses(self, missing: list[str]) -> None:
        if self._postgres is not None:
            for service in missing:
                self._postgres.create_database(service)
                os.environ[database_variable(service)] = self._postgres.url(service)
        if self._broker is not None:
            os.environ["TEILHABE_KAFKA"] = self._broker.address
        for name, value in self._where.variables().items():
            os.environ.setdefault(name, value)
        remember(self._where.state, os.environ)

    def _check_settings(self) -> None:
        for service in self._where.services:
            try:
                settings_of(service)
            except SettingsError as error:
                raise StackError(str(error)) from error

    def _prepare(self) -> None:
        """In a child: topics where the broker is not ours, and each database's newest schema."""
        from shared.database.migrations import upgrade
        from shared.messaging import topics

        if self._broker is None:
            topics.main([os.environ["TEILHABE_KAFKA"]])
        for service in self._where.services:
            upgrade(service, os.environ[database_variable(service)])

    def _in_child(self, name: str, body: Callable[[], None]) -> None:
        self._go_on()
        gc.collect()
        gc.freeze()
        child = Child(name, body, self._logs / f"{name}.log", self._lifeline)
        child.start()
        status = child.wait(_STEP_WITHIN)
        if status != 0:
            child.signal(signal.SIGKILL)
            raise StackError(self._why(child))

    def _start_services(self) -> None:
        for service in self._where.services:
            for process in PROCESSES:
                name = f"{service}-{process}"
                body = partial(self._serve, service, process)
                keeps = [self._listeners[name].fileno()]
                child = Child(name, body, self._logs / f"{name}.log", self._lifeline, keeps)
                self._children[name] = child
                part = Kept(f"{service} {process}", partial(self._start_child, child), child.poll, self._say)
                part.begin()
                self._kept.append(part)

    def _start_child(self, child: Child) -> None:
        child.start()
        leftovers.record(self._run, child.name, child.pid)

    def _serve(self, service: str, process: Process) -> None:
        port = self._where.port_of(service, process)
        run_process(service, process, host=HOST, port=port, listener=self._listeners[f"{service}-{process}"])

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        waiting = {name: listener.getsockname()[1] for name, listener in self._listeners.items()}
        while waiting:
            self._go_on()
            for name, port in list(waiting.items()):
                if self._children[name].poll() is not None:
                    raise StackError(self._why(self._children[name]))
                checks = failing_checks(port)
                if checks == []:
                    del waiting[name]
                elif time.monotonic() > deadline:
                    reason = ", ".join(checks or ["no answer"])
                    raise StackError(f"{name} is not ready after {_READY_WITHIN:.0f} s ({reason}): see {self._logs}")
            time.sleep(0.05)

    def _load_demo(self) -> None:
        mark = self._where.state / "demo.loaded"
        if not mark.exists():
            self._say("loading demo data")
            self._in_child("demo", load_demo_data)
            mark.touch()

    def _end_children(self, process: Process, deadline: float) -> None:
        children = [child for name, child in self._children.items() if name.endswith(process)]
        for child in children:
            child.signal(signal.SIGTERM)
        for child in children:
            if child.wait(deadline - time.monotonic()) is None:
                self._say(f"{child.name} did not stop in time and is ended")
                child.signal(signal.SIGKILL)
                child.wait(1)

    def _why(self, child: Child) -> str:
        log = self._logs / f"{child.name}.log"
        status = child.poll()
        how = "took too long" if status is None else how_it_ended(status)
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return f"{child.name} {how}; see {log}" + (f"\n  {lines[-1]}" if lines else "")

    def _go_on(self) -> None:
        if self._stopping:
            raise StackError("stopped before it was ready")


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise StackError(
            f"Port {port} is in use ({error.strerror}): end the program that uses it, "
            "or choose other ports: make up TEILHABE_PORT=8810"
        ) from error
    listener.listen(_BACKLOG)
    return listener
