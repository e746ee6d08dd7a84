"""A worker of the real service whose database is away while rubbish and good messages come."""

import asyncio

import pytest

from shared.embedded.postgres import EmbeddedPostgres
from tests.badinput.kafka.readers import reading, stage
from tests.support.kafka import produce, read_topic
from tests.support.messaging import running, until

SERVICE, NAME = "registrations", "registrations-sms"


@pytest.fixture
async def postgres(tmp_path):
    """A PostgreSQL of the test's own, to stop and start."""
    server = EmbeddedPostgres(tmp_path / "postgres")
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)


@pytest.mark.parametrize("before", [True, False], ids=["away at the start", "away later"])
async def test_rubbish_during_an_outage_is_set_aside_and_the_rest_handled(real_kafka_address, postgres, before):
    """What cannot be read is set aside while the database is away or after it; what can be read waits for it.

    A reader that lost its place in the group reads its last batch again: a letter may be there twice, none is missing.
    """
    async with reading(SERVICE, NAME, postgres.url("postgres")) as reader:
        on = await stage(reader, real_kafka_address)
        good = [await reader.good() for _ in range(4)]
        if before:
            await stop(postgres, reader)
        async with running(on.worker):
            if not before:
                await write(on, good[0])
                await until(lambda: reader.has(good[0]))
                await stop(postgres, reader)
            for message in good:
                await write(on, b"{", message)
            await asyncio.sleep(3)
            await asyncio.to_thread(postgres.start)
            await until(lambda: all_of(reader, good), 60)
            await until(lambda: set_aside(on, len(good)))
        letters = await read_topic(on.kafka, on.dead)
        assert {letter.value for letter in letters} == {b"{"}
        assert len({dict(letter.headers)["dlq-offset"] for letter in letters}) == len(good)


async def stop(postgres, reader):
    await asyncio.to_thread(postgres.stop)
    await reader.database.close()


async def write(on, *messages):
    for message in messages:
        value = message if isinstance(message, bytes) else message.model_dump_json().encode()
        await produce(on.kafka, on.topic, b"k", value)


async def all_of(reader, messages):
    return all([await reader.has(message) for message in messages])


async def set_aside(on, count):
    return len(await read_topic(on.kafka, on.dead)) >= count
