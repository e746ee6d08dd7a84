#!/usr/bin/env python3
"""Apache Kafka on this machine: one KRaft node on 127.0.0.1, for tests and development; `README.md` tells how.

Needs Java 17 or later and Maven, and nothing of Teilhabe.
"""

import argparse
import atexit
import hashlib
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / "build" / "kafka"
LOOPBACK = "127.0.0.1"
OLDEST_JAVA = 17
CLUSTER_ID = "dGVpbGhhYmUtbG9jYWwtMQ"  # a UUID in base64, as Kafka writes it; the same after a lost disk, as in compose
START_WITHIN = 120.0  # seconds; a machine may be busy
STOP_WITHIN = 30.0  # seconds
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    # A node that was killed comes back only when the controller has given up its former self.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "10",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}


class LocalKafkaError(Exception):
    """Kafka cannot run here, or did not start; the text says why."""


class LocalKafka:
    """One Kafka node, which keeps its port and its data from start to start.

    Args:
        folder: takes `data`, `server.properties` and `kafka.log`.
        port: of 127.0.0.1; a free one is chosen, and kept, if it is 0.
        settings: more of `server.properties`, or other values than those of `SETTINGS`.
    """

    def __init__(self, folder: Path, port: int = 0, settings: dict[str, str] | None = None) -> None:
        self._folder = folder.resolve()
        self._more = settings or {}
        self._data = self._folder / "data"
        self._ports = (port or free_port(), free_port())
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """`127.0.0.1:port`, the same after each start."""
        return f"{LOOPBACK}:{self._ports[0]}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        if self._process is None:
            raise LocalKafkaError("Kafka was not started")
        return self._process

    def start(self) -> None:
        """Format the data folder if it is empty, start, and return when Kafka accepts connections.

        Raises:
            LocalKafkaError: Java, Maven or the jars are missing, or it did not start within 120 s; the text says why.
        """
        self._start(prepare())

    def _start(self, java: list[str]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        properties = self._folder / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in self._settings().items()))
        if not (self._data / "meta.properties").exists():
            _run([*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)])
        with (self._folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*java, "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await_connections()

    def stop(self) -> None:
        """End it in order, and after 30 s with SIGKILL."""
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Stop it in its tracks: connections stay open and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused Kafka go on."""
        self.process.send_signal(signal.SIGCONT)

    def fill_disk(self) -> None:
        """No file of the running Kafka can grow any more, as on a full disk; it gives up, and has room when restarted.

        Linux alone: `prlimit`. Java ignores SIGXFSZ, so that the write fails and the process lives.
        """
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

    def wipe(self) -> None:
        """Empty the data folder of a Kafka that does not run, as if its disk was lost; the cluster id stays.

        Raises:
            LocalKafkaError: Kafka runs.
        """
        if self._process is not None and self._process.poll() is None:
            raise LocalKafkaError("Stop Kafka before its data is removed")
        shutil.rmtree(self._data, ignore_errors=True)

    def _settings(self) -> dict[str, str]:
        broker, controller = self._ports
        return SETTINGS | {
            "listeners": f"BROKER://{LOOPBACK}:{broker},CONTROLLER://{LOOPBACK}:{controller}",
            "advertised.listeners": f"BROKER://{LOOPBACK}:{broker}",
            "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
            "log.dirs": str(self._data),
            **self._more,
        }

    def _await_connections(self) -> None:
        deadline = time.monotonic() + START_WITHIN
        while not accepts_connections(self.address):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                lines = (self._folder / "kafka.log").read_text(errors="replace").splitlines()
                raise LocalKafkaError("Kafka did not start:\n" + "\n".join(lines[-15:]))
            time.sleep(0.05)


def why_not_here() -> str | None:
    """What this machine lacks to run Kafka, in one line; None if nothing."""
    if shutil.which("java") is None or shutil.which("mvn") is None:
        return f"Apache Kafka needs Java {OLDEST_JAVA} or later and Maven on the PATH"
    said = _java_version()
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < OLDEST_JAVA:
        return f"Apache Kafka needs Java {OLDEST_JAVA} or later; this one says: {said.partition(chr(10))[0]}"
    return None


def prepare() -> list[str]:
    """Fetch Kafka's jars unless an earlier call did, and return the command that runs one of its classes.

    Raises:
        LocalKafkaError: Java or Maven is missing, or Maven could not fetch the jars.
    """
    if lack := why_not_here():
        raise LocalKafkaError(lack)
    jars = _fetch_jars()
    logging = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
    memory = ["-Xmx512m", "-Xms256m", "-XX:+UseSerialGC"]
    return _with_archive(["java", *memory, "-XX:TieredStopAtLevel=1", logging, "-cp", f"{jars}/*"], jars)


def _fetch_jars() -> Path:
    pom = HERE / "pom.xml"
    jars = CACHE / f"jars-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if not jars.exists():
        draft = jars.with_name(f"{jars.name}.{os.getpid()}")
        fetch = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={draft}"]
        _run(["mvn", "--batch-mode", "--quiet", f"--file={pom}", *fetch])
        with suppress(OSError):  # somebody else was as quick
            draft.rename(jars)
    return jars


def _with_archive(java: list[str], jars: Path) -> list[str]:
    """The command with Kafka's classes as the machine's Java has them in memory: a start takes half the work.

    They are noted once, by a node that starts and ends. A Java that does not take the archive goes on without it.
    """
    archive = jars.with_name(f"{jars.name}-{hashlib.sha256(_java_version().encode()).hexdigest()[:12]}.jsa")
    if not archive.exists():
        draft = archive.with_name(f"{archive.name}.{os.getpid()}")
        with TemporaryDirectory() as folder:
            node = LocalKafka(Path(folder))
            node._start([java[0], f"-XX:ArchiveClassesAtExit={draft}", *java[1:]])  # noqa: SLF001
            node.stop()
        draft.touch()  # an empty archive says that this Java makes none
        draft.rename(archive)
    return [java[0], f"-XX:SharedArchiveFile={archive}", "-Xlog:disable", *java[1:]]


@cache
def _java_version() -> str:
    return subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr


_kept: deque[socket.socket] = deque()
_MOST_KEPT = 300


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses, below those that the system hands out to connections by itself.

    It is not handed out again, here or in another process, before 300 others were or this process ends, even where
    nobody listens on it yet: the UDP port of the same number is kept as the sign of it.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        sign = socket.socket(type=socket.SOCK_DGRAM)
        try:
            sign.bind((LOOPBACK, port))
            with socket.socket() as probe:
                probe.bind((LOOPBACK, port))
        except OSError:
            sign.close()
        else:
            _kept.append(sign)
            while len(_kept) > _MOST_KEPT:
                _kept.popleft().close()
            return port


@atexit.register
def _give_back() -> None:
    while _kept:
        _kept.popleft().close()


def accepts_connections(address: str) -> bool:
    """Somebody listens on `host:port`."""
    host, port = address.rsplit(":", 1)
    with suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise LocalKafkaError(f"{command[0]} failed:\n" + "\n".join(said[:15]))


def start(folder: Path, port: int) -> str:
    """Start a Kafka that outlives this command, and say how to reach it."""
    if running(folder):
        return f"Kafka runs already; its files are in {folder}"
    kafka = LocalKafka(folder, port)
    if accepts_connections(kafka.address):
        raise LocalKafkaError(f"Port {port} of {LOOPBACK} is taken; choose another with --port")
    kafka.start()
    (folder / "kafka.pid").write_text(str(kafka.process.pid))
    return f"Kafka listens on {kafka.address}"


def stop(folder: Path) -> str:
    """End the Kafka that `start` left running."""
    pid = running(folder)
    if pid is None:
        return "Kafka does not run"
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WITHIN
    while running(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    if running(folder):
        os.kill(pid, signal.SIGKILL)
    return "Kafka has stopped"


def running(folder: Path) -> int | None:
    """The process id of the Kafka that `start` left running in this folder."""
    with suppress(FileNotFoundError):
        pid = (folder / "kafka.pid").read_text()
        process = subprocess.run(["ps", "-o", "args=", "-p", pid], capture_output=True, text=True, check=False).stdout
        if str(folder / "server.properties") in process:
            return int(pid)
    return None


def main() -> None:
    """Start or stop Apache Kafka on 127.0.0.1."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("command", choices=["start", "stop"])
    parser.add_argument("--port", type=int, default=9092, help="port of 127.0.0.1 (default: 9092)")
    parser.add_argument("--folder", type=Path, default=CACHE / "node", help="data and log (default: build/kafka/node)")
    given = parser.parse_args()
    folder = given.folder.resolve()
    try:
        said = start(folder, given.port) if given.command == "start" else stop(folder)
    except LocalKafkaError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    main()
