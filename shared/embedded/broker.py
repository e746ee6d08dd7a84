"""A Kafka-protocol broker in a process of its own, for `make up` on a machine that has no Kafka.

It is the mock cluster of librdkafka, which the `confluent-kafka` wheel contains.
`python -m shared.embedded.broker --port 8790` serves until SIGTERM, SIGINT or the death of its parent.
Its limits, as measured:

- The log is in memory, at most 5 MB per partition, and gone when the process ends.
- A consumer group holds one member: a second one, even of another topic, gets `InvalidRequestError`. One that joins
  after another has left waits until the session timeout is over.
- There is no CreateTopics: it starts with every declared topic, and no topic is compacted or expires.
- A fetch that finds nothing is answered only when the consumer's `fetch_max_wait_ms` is over.
"""

import argparse
import asyncio
import ctypes
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from shared.messaging.topics import Topic, all_topics, consumer_group, declared_topics

_PRODUCER = 0
_BROKER_ID = 1
_CONF_OK = 0
_ERROR_SIZE = 512
_BACKLOG = 128
_PARENT_CHECK = timedelta(seconds=0.5)
_START_WITHIN = timedelta(seconds=15)
_STOP_WITHIN = timedelta(seconds=5)
_LOOPBACK = "127.0.0.1"
_ROOT = Path(__file__).parents[2]


class BrokerError(Exception):
    """The embedded broker cannot run; the text says why."""


class MockCluster:
    """librdkafka's mock cluster with one node, which answers on a private port of 127.0.0.1 until it is opened."""

    def __init__(self, port: int) -> None:
        """Reserve `port`, or a free one if it is 0; whoever connects to it waits until `open`.

        Raises:
            BrokerError: the port is taken, or librdkafka is missing or cannot start.
        """
        self._library = _load_librdkafka()
        self._listener = _listen(port)
        self.address = f"{_LOOPBACK}:{self._listener.getsockname()[1]}"
        self._client = self._new_client()
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
        if not self._cluster:
            raise BrokerError("librdkafka could not start its mock cluster")
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

    @property
    def private_address(self) -> str:
        """`127.0.0.1:port` where it answers until it is opened."""
        address: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return address.decode()

    def open(self) -> None:
        """Answer on the reserved port, and no longer on the private one.

        Clients that outlived an earlier broker come back at once: a topic that is not there yet would be created by
        their asking for it, with a partition count of its own.
        """
        self._move_to(self._listener)

    def create(self, topics: Iterable[Topic]) -> None:
        """Create the topics with their partition counts; their other settings have no meaning here."""
        for topic in topics:
            name = topic.name.encode()
            if self._library.rd_kafka_mock_topic_create(self._cluster, name, topic.partitions, 1):
                raise BrokerError(f"librdkafka could not create {topic.name}")

    def close(self) -> None:
        """Close all connections and forget the log."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)

    def _new_client(self) -> int:
        error = ctypes.create_string_buffer(_ERROR_SIZE)
        conf = self._library.rd_kafka_conf_new()
        if self._library.rd_kafka_conf_set(conf, b"log_level", b"3", error, _ERROR_SIZE) != _CONF_OK:
            raise BrokerError(error.value.decode())
        client = self._library.rd_kafka_new(_PRODUCER, conf, error, _ERROR_SIZE)
        if not client:
            raise BrokerError(error.value.decode())
        return int(client)

    def _move_to(self, listener: socket.socket) -> None:
        """The mock cluster picks its own port: put our listener in its place, and announce ours."""
        host, port = self.private_address.rsplit(":", 1)
        os.dup2(listener.fileno(), _descriptor_bound_to(host, int(port)), inheritable=False)
        listener.close()
        ours = int(self.address.rsplit(":", 1)[1])
        self._library.rd_kafka_mock_broker_set_host_port(self._cluster, _BROKER_ID, _LOOPBACK.encode(), ours)


class EmbeddedBroker:
    """The embedded broker as a child process, which ends when this process does.

    Args:
        folder: where it leaves its log file `broker.log`, and its address while it runs.
        port: of 127.0.0.1; a free one is chosen at the first start, and kept, if it is 0.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """`127.0.0.1:port`; known after the first start, and the same after each."""
        return f"{_LOOPBACK}:{self._port}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process, to watch."""
        if self._process is None:
            raise BrokerError("The embedded broker was not started")
        return self._process

    def start(self) -> None:
        """Start with an empty log, and return when it has every topic and accepts connections.

        Raises:
            BrokerError: it did not come up within 15 s; the text is what it said.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        address_file = self._folder / "broker.address"
        address_file.unlink(missing_ok=True)
        with (self._folder / "broker.log").open("wb") as log:
            self._process = subprocess.Popen(
                command(self._port, address_file),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )
        self._await(address_file)
        self._port = int(address_file.read_text().rsplit(":", 1)[1])

    def stop(self) -> None:
        """End it with SIGTERM, and after 5 s with SIGKILL."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_WITHIN.total_seconds())
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        self.process.kill()
        self.process.wait()

    def _await(self, address_file: Path) -> None:
        deadline = time.monotonic() + _START_WITHIN.total_seconds()
        while not address_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                said = (self._folder / "broker.log").read_text(errors="replace").strip()
                raise BrokerError(said or f"The embedded broker ended with status {self.process.returncode}")
            time.sleep(0.02)


def command(port: int, address_file: Path) -> list[str]:
    """The command that serves on `port`, and writes `127.0.0.1:port` to `address_file` once it is ready."""
    return [sys.executable, "-m", __name__, "--port", str(port), "--address-file", str(address_file)]


def serve(port: int, address_file: Path | None) -> None:
    """Serve until SIGTERM, SIGINT or the death of the parent process.

    Raises:
        BrokerError: the port is taken, or librdkafka is missing or cannot start.
    """
    parent = os.getppid()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    cluster = MockCluster(port)
    cluster.create(all_topics())
    asyncio.run(_introduce_groups(cluster.private_address))
    cluster.open()
    if address_file is not None:
        _write(address_file, cluster.address)
    sys.stdout.write(f"The embedded broker listens on {cluster.address}\n")
    sys.stdout.flush()
    while not ended.wait(_PARENT_CHECK.total_seconds()) and os.getppid() == parent:
        continue
    cluster.close()
    if address_file is not None:
        address_file.unlink(missing_ok=True)


async def _introduce_groups(address: str) -> None:
    """Make the declared consumer groups known.

    A consumer that outlived an earlier process is then told that it is no member, and joins again. Of a group that
    it does not know, librdkafka says `GROUP_ID_NOT_FOUND`; Kafka never does, and it ends an aiokafka consumer.
    """
    groups = [(topic.name, consumer_group(topic.name, group)) for topic in declared_topics() for group in topic.groups]
    await asyncio.gather(*(_join_and_leave(address, topic, group) for topic, group in groups))


async def _join_and_leave(address: str, topic: str, group: str) -> None:
    from aiokafka import AIOKafkaConsumer

    # The session timeout is how long librdkafka makes the next member wait.
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=address, group_id=group, session_timeout_ms=100, heartbeat_interval_ms=30
    )
    await consumer.start()
    await consumer.stop()


def main(arguments: list[str] | None = None) -> None:
    """Serve the Kafka protocol on 127.0.0.1 from memory, with the declared topics."""
    parser = argparse.ArgumentParser(prog="python -m shared.embedded.broker", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8790, help="port of 127.0.0.1; 0 takes a free one (default: 8790)")
    parser.add_argument("--address-file", type=Path, help="takes host:port when all topics are there")
    given = parser.parse_args(arguments)
    try:
        serve(given.port, given.address_file)
    except BrokerError as error:
        sys.exit(str(error))


def _load_librdkafka() -> ctypes.CDLL:
    spec = importlib.util.find_spec("confluent_kafka")
    package = Path(spec.origin).parent if spec and spec.origin else Path()
    wheels = (*package.parent.glob("confluent_kafka.libs/librdkafka*"), *package.glob(".dylibs/librdkafka*"))
    if spec is None or not wheels:
        raise BrokerError("The embedded broker needs the confluent-kafka wheel: install requirements/embedded.txt")
    return _declare(ctypes.CDLL(str(wheels[0])))


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """State the C signatures of what is used, as librdkafka's rdkafka.h and rdkafka_mock.h give them."""
    pointer, text, number, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
    signatures = {
        "conf_new": (pointer, []),
        "conf_set": (number, [pointer, text, text, text, size]),
        "new": (pointer, [number, pointer, text, size]),
        "destroy": (None, [pointer]),
        "mock_cluster_new": (pointer, [pointer, number]),
        "mock_cluster_bootstraps": (text, [pointer]),
        "mock_cluster_destroy": (None, [pointer]),
        "mock_topic_create": (number, [pointer, text, number, number]),
        "mock_broker_set_host_port": (None, [pointer, ctypes.c_int32, text, number]),
        "mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
    }
    for name, (result, parameters) in signatures.items():
        function = getattr(library, f"rd_kafka_{name}")
        function.restype, function.argtypes = result, parameters
    return library


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_LOOPBACK, port))
    except OSError as error:
        raise BrokerError(f"Port {port} of {_LOOPBACK} cannot be used: {error.strerror}") from error
    listener.listen(_BACKLOG)
    return listener


def _descriptor_bound_to(host: str, port: int) -> int:
    for path in Path("/dev/fd").iterdir():
        try:
            with socket.socket(fileno=os.dup(int(path.name))) as candidate:
                if candidate.getsockname() == (host, port):
                    return int(path.name)
        except OSError:  # not a socket, or the descriptor by which the folder was listed
            continue
    raise BrokerError(f"librdkafka does not listen on {host}:{port}, as it says")


def _environment() -> dict[str, str]:
    """The child must find this package wherever the parent runs."""
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path}


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


if __name__ == "__main__":
    main()
