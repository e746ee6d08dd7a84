"""What every test may ask for: a broker with the declared topics, fresh databases, a browser, free ports.

The broker and the database server are started when the first test asks for them, and are shared by the whole run.
Topics have fixed names: a test uses ids of its own and consumer groups of its own, and ignores all else.
"""

from collections import Counter

import pytest

from deploy.kafka.kafka import LocalKafka, LocalKafkaError
from deploy.kafka.kafka import free_port as find_free_port
from shared.messaging.topics import create_topics
from tests.support.brokers import running_broker
from tests.support.databases import running_database_server
from tests.support.machine import NO_CHROMIUM, NO_KAFKA, Machine, Source, look, must_be_real

MACHINE = pytest.StashKey[Machine]()


def pytest_configure(config):
    """A run that must be real ends here when a part is missing."""
    config.stash[MACHINE] = machine = look()
    if must_be_real() and machine.lacks:
        raise pytest.UsageError("TEILHABE_REQUIRE_REAL is set, and this run " + "; ".join(machine.lacks))


def pytest_report_header(config):
    return _parts(config.stash[MACHINE])


def pytest_terminal_summary(terminalreporter, config):
    machine = config.stash[MACHINE]
    terminalreporter.section("parts of this run")
    for line in _parts(machine):
        terminalreporter.line(line)
    if machine.kafka_failure:
        terminalreporter.line(f"Apache Kafka did not start: {machine.kafka_failure}")
    for reason, count in _skipped_for_want(terminalreporter).items():
        terminalreporter.line(f"skipped: {count}, each {reason}")


def _parts(machine: Machine) -> list[str]:
    return [
        f"broker: {machine.broker}",
        f"database: {machine.database} PostgreSQL"
        if machine.database is Source.EMBEDDED
        else f"database: {machine.database}",
        f"browser: {machine.chromium or 'none'}",
    ]


def _skipped_for_want(terminalreporter) -> Counter[str]:
    reasons = (report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", ()))
    return Counter(reason for reason in reasons if reason.startswith((NO_KAFKA, NO_CHROMIUM)))


def _do_without(part: str) -> None:
    if must_be_real():
        pytest.fail(part)
    pytest.skip(part)


@pytest.fixture(scope="session")
def machine(request) -> Machine:
    """What this run uses."""
    return request.config.stash[MACHINE]


@pytest.fixture(scope="session")
async def kafka_address(machine, tmp_path_factory):
    """`host:port` of the run's broker, which has all declared topics; it may be the embedded one."""
    with running_broker(machine, tmp_path_factory.mktemp("broker")) as address:
        await create_topics(address, replication_factor=1)
        yield address


@pytest.fixture
def real_kafka_address(kafka_address, machine) -> str:
    """The same of a real Kafka; the test is skipped where there is none."""
    if not machine.has_real_kafka:
        _do_without(NO_KAFKA)
    return kafka_address


@pytest.fixture
def own_kafka(tmp_path):
    """A Kafka that the test may kill, pause and wipe: started, and without topics."""
    kafka = LocalKafka(tmp_path / "kafka")
    try:
        kafka.start()
    except LocalKafkaError as error:
        _do_without(f"{NO_KAFKA} ({error})")
    yield kafka
    kafka.kill()


@pytest.fixture(scope="session")
def database_server(machine, tmp_path_factory):
    """The run's PostgreSQL server."""
    with running_database_server(machine, tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def database_url(database_server):
    """Makes an empty database: `database_url("events")` is its address for SQLAlchemy; dropped after the module."""
    made = []

    def make(name: str) -> str:
        made.append(database_server.create(name))
        return database_server.url(made[-1])

    yield make
    for database in made:
        database_server.drop(database)


@pytest.fixture(scope="session")
def chromium(machine) -> str:
    """The path of Chromium; the test is skipped where there is none."""
    if machine.chromium is None:
        _do_without(NO_CHROMIUM)
    return machine.chromium


@pytest.fixture
def free_port():
    """Makes a port of 127.0.0.1 that nobody uses, at each call another."""
    return find_free_port
