"""What tests do with a topic as a whole; the topics are shared by all tests, so each looks at its own ids only."""

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition


async def read_topic(address: str, topic: str) -> list[ConsumerRecord]:
    """Every record that the topic has at the time of the call, by partition and offset; in nobody's group."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest", fetch_max_wait_ms=50)
    await consumer.start()
    try:
        partitions = consumer.assignment()
        assert partitions, f"{topic} does not exist"
        return await _read_to(consumer, await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


async def produce(
    address: str, topic: str, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]] = ()
) -> None:
    """Write one record, on the partition of its key, and return when the broker has it."""
    producer = AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=key, headers=list(headers))
    finally:
        await producer.stop()


async def _read_to(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> list[ConsumerRecord]:
    records: list[ConsumerRecord] = []
    while any([await consumer.position(partition) < end for partition, end in ends.items()]):
        for batch in (await consumer.getmany(timeout_ms=200)).values():
            records += batch
    inside = [record for record in records if record.offset < ends[TopicPartition(record.topic, record.partition)]]
    return sorted(inside, key=lambda record: (record.partition, record.offset))
