"""Headers that no program of ours would write: the record behind them is handled, and so is the next one."""

from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.consumer import fetcher
from aiokafka.producer import message_accumulator
from aiokafka.producer import producer as producers
from aiokafka.record import default_records, memory_records

from shared.messaging import broker, dlq
from shared.messaging.records import Records
from tests.support.messaging import Service, has_effects, never, running, until

HEADERS = {
    "a name that is no UTF-8": (b"\xff\xfe", b"x"),
    "a name that is cut within a letter": ("Büro".encode()[:2], b"x"),
    "a name of zeros": (b"\0\0", b"x"),
    "no name": (b"", b"x"),
    "a long name": (b"n" * 50_000, b"x"),
    "no value": (b"a", None),
    "a value that is no UTF-8": (b"a", b"\xff"),
    "a forged origin": (b"dlq-topic", b"teilhabe.contacts.v1"),
    "a forged mark": (b"dlq-replayed", b"1"),
}


@pytest.fixture
async def service(real_kafka_address, database_url):
    made = await Service(real_kafka_address, database_url("headers")).create(partitions=1)
    yield made
    await made.close()


class Name(str):
    """The name of a header as a producer in another language writes it."""

    __slots__ = ("raw",)

    def encode(self, *_):
        return self.raw


def name_of(raw: bytes) -> Name:
    name = Name("x" * len(raw))
    name.raw = raw
    return name


@pytest.fixture
def any_header(monkeypatch):
    """The producer of aiokafka in Python, which takes any name; its twin in C takes texts alone."""
    for module in (message_accumulator, producers):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", default_records._DefaultRecordBatchBuilderPy)


async def send(service, *records, compression=None):
    """Values with their headers, in as few batches as possible."""
    producer = AIOKafkaProducer(bootstrap_servers=service.kafka, linger_ms=50, compression_type=compression)
    await producer.start()
    sent = [await producer.send(service.topic, value, key=b"k", headers=headers) for value, headers in records]
    for future in sent:
        await future
    await producer.stop()


def value(service, aggregate, number):
    return service.message(aggregate, number).model_dump_json().encode()


@pytest.mark.usefixtures("any_header")
@pytest.mark.parametrize("compression", [None, "gzip"])
async def test_a_header_of_rubbish_stops_nobody(service, compression):
    """Good messages with such headers take effect, in order; rubbish with such headers is set aside as it came."""
    aggregate = uuid4()
    records = []
    for number, (name, content) in enumerate(HEADERS.values(), 1):
        headers = [(name_of(name), content)]
        records += [(value(service, aggregate, number), headers), (b"{", headers)]
    await send(service, *records, (value(service, aggregate, 100), []), compression=compression)
    async with running(service.worker(service.consumer())):
        await until(lambda: has_effects(service, len(HEADERS) + 1))
    assert await service.effects(aggregate) == [*range(1, len(HEADERS) + 1), 100]
    letters = await dlq.open_letters(service.kafka, service.dead)
    assert [letter.headers["dlq-topic"] for letter in letters] == [service.topic] * len(HEADERS)


@pytest.mark.usefixtures("any_header")
async def test_as_aiokafka_reads_such_a_header_stops_its_partition(service, monkeypatch):
    """The negative control: with aiokafka's own reader nothing behind the record is ever handled."""
    monkeypatch.setattr(fetcher, "MemoryRecords", memory_records.MemoryRecords)
    monkeypatch.setattr(broker, "read_any_header", lambda: None)
    aggregate = uuid4()
    await send(service, (value(service, aggregate, 1), [(name_of(b"\xff"), b"x")]), (value(service, aggregate, 2), []))
    async with running(service.worker(service.consumer())):
        await never(lambda: has_effects(service, 1), 4)


@pytest.mark.usefixtures("any_header")
async def test_letters_with_such_headers_are_listed_shown_and_replayed(service):
    """`teilhabe dlq` reads them all; what comes back is set aside again, and each time the old letter is closed."""
    records = [(b"{", [(name_of(name), content)]) for name, content in HEADERS.values()]
    await send(service, *records)

    async def set_aside():
        return len(await dlq.open_letters(service.kafka, service.dead)) == len(HEADERS)

    async with running(service.worker(service.consumer())):
        await until(set_aside)
        for letter in await dlq.open_letters(service.kafka, service.dead):
            assert "ValidationError" in await dlq.describe(service.kafka, service.dead, letter.offset)
        assert await dlq.replay(service.kafka, service.dead) == len(HEADERS)
        await until(set_aside)


def test_a_batch_that_is_corrupt_is_still_refused():
    """The way around reads names, not what is broken."""
    builder = default_records._DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 10_000)
    builder.append(0, 0, b"k", b"v" * 20, [("a", b"b")])
    raw = bytearray(builder.build())
    raw[-10] ^= 0x7F
    assert not Records(bytes(raw)).next_batch().validate_crc()
