"""The whole of Teilhabe as processes of its own, on the broker and the database server of the run."""

import base64
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.kafka.kafka import free_port
from shared.database.migrations import upgrade
from tests.support.databases import DatabaseServer

SERVICES = ("events", "registrations", "notifications")
_START_LIMIT = 90.0


@dataclass
class System:
    """The running processes; `ports` names those of the api processes, the first of each is what links lead to.

    `launch` starts a process otherwise than by `python -m shared.cli`: from its arguments and its log file.
    """

    environment: dict[str, str]
    folder: Path
    ports: dict[str, list[int]]
    processes: dict[str, Any] = field(default_factory=dict)
    health: dict[str, str] = field(default_factory=dict)
    launch: Callable[[list[str], Path], Any] | None = None

    def url(self, service: str, number: int = 0) -> str:
        return f"http://127.0.0.1:{self.ports[service][number]}"

    def database(self, service: str) -> str:
        return self.environment[f"TEILHABE_DATABASE_{service.upper()}"]

    def start(self, service: str, process: str, number: int = 0) -> None:
        """Start a process, the first or another of its kind."""
        port = self.ports[service][number] if process == "api" else free_port()
        name = f"{service}-{process}-{number}"
        arguments = ["run", service, process, "--port", str(port)]
        self.processes[name] = (self.launch or self._launch)(arguments, self.folder / f"{name}.log")
        self.health[name] = f"http://127.0.0.1:{port}/readyz"

    def _launch(self, arguments: list[str], path: Path) -> subprocess.Popen:
        command = [sys.executable, "-m", "shared.cli", *arguments]
        with path.open("ab") as log:
            return subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """SIGKILL, and wait until it is gone."""
        self.processes[name].kill()
        self.processes.pop(name).wait(10)
        self.health.pop(name)

    def wait_until_ready(self) -> None:
        """Raises AssertionError, with the end of the log, for a process that does not become ready."""
        deadline = time.monotonic() + _START_LIMIT
        for name, url in self.health.items():
            ready = False
            while not ready:
                ready = answers(url)
                tail = (self.folder / f"{name}.log").read_text()[-3000:]
                assert self.processes[name].poll() is None, f"{name} ended:\n{tail}"
                assert ready or time.monotonic() < deadline, f"{name} is not ready:\n{tail}"
                time.sleep(0 if ready else 0.2)

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to what is left after 25 seconds."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 25
        for process in self.processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


def teilhabe(system: System, *words: str) -> str:
    """What the command of these words prints; raises CalledProcessError where it fails."""
    command = [sys.executable, "-m", "shared.cli", *words]
    return subprocess.run(command, env=system.environment, check=True, capture_output=True, text=True).stdout


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


@contextmanager
def running_system(
    kafka: str, server: DatabaseServer, folder: Path, *, registrations_apis: int = 2, **settings: str
) -> Iterator[System]:
    """All three services, each with an api and a worker; registrations with several api processes."""
    ports = {service: [free_port()] for service in SERVICES}
    ports["registrations"] += [free_port() for _ in range(registrations_apis - 1)]
    databases = {service: server.create(service) for service in SERVICES}
    system = System(environment_of(kafka, server, databases, ports) | settings, folder, ports)
    for service, database in databases.items():
        upgrade(service, server.url(database))
    try:
        for service in SERVICES:
            for number in range(len(ports[service])):
                system.start(service, "api", number)
            system.start(service, "worker")
        system.wait_until_ready()
        yield system
    finally:
        system.stop()
        for database in databases.values():
            server.drop(database)


def environment_of(
    kafka: str, server: DatabaseServer, databases: dict[str, str], ports: dict[str, list[int]]
) -> dict[str, str]:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEILHABE_")}
    return inherited | {
        "TEILHABE_ENVIRONMENT": "test",
        "TEILHABE_KAFKA": kafka,
        "TEILHABE_CONTACT_KEYS": "k1:" + base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "TEILHABE_LINK_KEY": os.urandom(24).hex(),
        "TEILHABE_TOKEN_PRIVATE_KEY": secret.decode(),
        "TEILHABE_TOKEN_PUBLIC_KEY": public.decode(),
        "TEILHABE_STATE": "/nonexistent",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        **{f"TEILHABE_DATABASE_{s.upper()}": server.url(databases[s]) for s in SERVICES},
        **{f"TEILHABE_{s.upper()}_URL": f"http://127.0.0.1:{ports[s][0]}" for s in SERVICES},
    }
