"""Apache Kafka and PostgreSQL in Docker, for machines whose Docker engine answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deploy.kafka.kafka import free_port

KAFKA_IMAGE = "apache/kafka:4.1.2"
POSTGRES_IMAGE = "postgres:18"
_INSIDE = 19_092


@contextmanager
def kafka_container() -> Iterator[str]:
    """The address of a one-node Kafka."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    port = free_port()
    container = DockerContainer(KAFKA_IMAGE).waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    _bind_to_loopback(container, _INSIDE, port)
    for name, value in _kafka_settings(port).items():
        container.with_env(name, value)
    with container:
        yield f"127.0.0.1:{port}"


@contextmanager
def postgres_container() -> Iterator[str]:
    """The libpq address of a PostgreSQL's superuser."""
    from testcontainers.community.postgres import PostgresContainer

    port = free_port()
    container = PostgresContainer(POSTGRES_IMAGE, username="postgres", password="postgres", dbname="postgres")
    _bind_to_loopback(container, container.port, port)
    with container:
        yield f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres"


def _bind_to_loopback(container: Any, inside: int, port: int) -> None:
    """`with_bind_ports` would listen on all addresses of the machine; Docker itself takes one with the port."""
    container.ports[str(inside)] = ("127.0.0.1", port)


def _kafka_settings(port: int) -> dict[str, str]:
    """All of them, since the image forgets its own as soon as it is given one."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"BROKER://0.0.0.0:{_INSIDE},CONTROLLER://127.0.0.1:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"BROKER://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@127.0.0.1:9093",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    }
