"""The broker that a run's tests share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.kafka.kafka import LocalKafka, LocalKafkaError, free_port
from shared.embedded.broker import EmbeddedBroker
from tests.support.containers import kafka_container
from tests.support.machine import Machine, Source, must_be_real


@contextmanager
def running_broker(machine: Machine, folder: Path) -> Iterator[str]:
    """The address of the broker; an Apache Kafka that does not start is replaced unless the run must be real."""
    started = _start(machine, folder)
    if started is not None:
        try:
            yield started.address
        finally:
            started.stop()
    elif machine.broker is Source.DOCKER:
        with kafka_container() as address:
            yield address
    else:
        yield os.environ["TEILHABE_KAFKA"]


def _start(machine: Machine, folder: Path) -> LocalKafka | EmbeddedBroker | None:
    if machine.broker is Source.LOCAL:
        kafka = LocalKafka(folder)
        try:
            kafka.start()
        except LocalKafkaError as error:
            if must_be_real():
                raise
            machine.broker, machine.kafka_failure = Source.EMBEDDED, str(error)
        else:
            return kafka
    if machine.broker is not Source.EMBEDDED:
        return None
    broker = EmbeddedBroker(folder, free_port())
    broker.start()
    return broker
