"""All of Teilhabe as processes of its own, on a broker of its own: nobody else's consumers share its groups."""

import pytest

from shared.messaging.topics import create_topics
from tests.support.brokers import running_broker
from tests.support.machine import NO_KAFKA
from tests.support.system import running_system


@pytest.fixture(scope="package")
async def own_broker(machine, tmp_path_factory):
    """`host:port` of a real Kafka that only these tests use, unless the environment names the one to use."""
    if not machine.has_real_kafka:
        pytest.skip(NO_KAFKA)
    with running_broker(machine, tmp_path_factory.mktemp("broker")) as address:
        await create_topics(address, replication_factor=1)
        yield address


@pytest.fixture(scope="package")
def system(own_broker, database_server, tmp_path_factory):
    """The three services, with two api processes of registrations."""
    with running_system(own_broker, database_server, tmp_path_factory.mktemp("system")) as system:
        yield system
