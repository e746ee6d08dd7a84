"""A Kafka connection that breaks under uvloop, on which the processes run, and a client that no broker answers."""

import asyncio
import time

import pytest
import uvloop
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from shared.messaging import connections


async def ask_over_a_broken_connection():
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = AIOKafkaConnection("127.0.0.1", port)
    connection._reader, connection._writer = await asyncio.open_connection("127.0.0.1", port)
    connection._read_task = asyncio.create_task(asyncio.sleep(60))
    connection._versions = {MetadataRequest.API_KEY: (0, 5)}
    connection._writer.transport.abort()
    await asyncio.sleep(0.05)
    try:
        await connection.send(MetadataRequest([]))
    finally:
        server.close()
        connection.close()


def run(work):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def test_a_write_to_a_broken_connection_is_a_connection_error(monkeypatch):
    """Every part of aiokafka knows what to do with one."""
    monkeypatch.setattr(AIOKafkaConnection, "send", connections._send)
    connections.mend_connections()
    with pytest.raises(KafkaConnectionError):
        run(ask_over_a_broken_connection())


def test_left_alone_it_is_an_error_that_ends_the_client(monkeypatch):
    """The negative control: aiokafka's own way. Once this fails, `connections` can go."""
    monkeypatch.setattr(AIOKafkaConnection, "send", connections._send)
    with pytest.raises(RuntimeError, match="handler is closed"):
        run(ask_over_a_broken_connection())


async def tries_in_half_a_second():
    """How often a client looks for a broker that is not there, when it is to learn of brokers again and again."""
    client, tries, ends = AIOKafkaClient(bootstrap_servers="127.0.0.1:1"), 0, time.monotonic() + 0.5
    while time.monotonic() < ends:
        assert not await client._metadata_update(client.cluster, [])
        tries += 1
    return tries


def test_a_client_without_brokers_asks_again_in_its_time(monkeypatch):
    """Some times in half a second, and no more."""
    monkeypatch.setattr(AIOKafkaClient, "_metadata_update", connections._update)
    connections.mend_connections()
    assert 2 <= run(tries_in_half_a_second()) <= 5


def test_left_alone_it_asks_without_end(monkeypatch):
    """The negative control: aiokafka's own way, some thousand times."""
    monkeypatch.setattr(AIOKafkaClient, "_metadata_update", connections._update)
    assert run(tries_in_half_a_second()) > 100
