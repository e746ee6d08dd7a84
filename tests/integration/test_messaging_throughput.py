"""How quick relay and consumption are: figures to look at; the gates are far below what is measured."""

from time import monotonic
from uuid import uuid4

from shared.messaging.producer import Producer
from shared.messaging.relay import Relay, follow_epoch
from tests.support.messaging import Service, running, until

COUNT = 10_000
FLOOR = 500
"""Messages a second, which even a busy machine reaches; one `send_and_wait` each would not."""


async def test_throughput_of_relay_and_consumption(real_kafka_address, database_url, capsys):
    """10,000 pending rows are published, and then consumed with inbox and one statement, in batches."""
    service = await Service(real_kafka_address, database_url("throughput")).create(partitions=12)
    await follow_epoch(service.database, service.name, "one", 3600)
    for _ in range(100):
        await service.steps(uuid4(), COUNT // 100)
    producer = Producer(service.kafka)
    relay = Relay(service.name, service.database, producer)
    start = monotonic()
    relay.start()

    async def published():
        return await service.pending() == 0

    await until(published, 60, every=0.02)
    relayed = COUNT / (monotonic() - start)
    await relay.stop()
    await producer.stop()
    worker = service.worker(service.consumer())

    async def effects():
        return await service.scalar("SELECT count(*) FROM effects")

    async def all_there():
        return await effects() == COUNT

    async with running(worker):
        await until(effects, 30, every=0.002)
        before, start = await effects(), monotonic()
        await until(all_there, 60, every=0.01)
        took = monotonic() - start
    assert len(await service.effects()) == COUNT
    with capsys.disabled():
        print(f"\nrelay {relayed:,.0f} messages/s, consumption {(COUNT - before) / took:,.0f} messages/s")  # noqa: T201
    await service.close()
    assert relayed > FLOOR
    assert (COUNT - before) / took > FLOOR
