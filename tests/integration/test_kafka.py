"""The topics of Apache Kafka, and the Kafka of deploy/kafka that tests may break."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.messaging.topics import Topic, TopicsError, all_topics, create_topics
from tests.support.kafka import produce, read_topic

CONTACTS = "teilhabe.contacts.v1"
SMS = "teilhabe.sms-received.v1"
DAY = 24 * 60 * 60 * 1000  # milliseconds


@asynccontextmanager
async def admin_of(address):
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def partition_counts(address):
    async with admin_of(address) as admin:
        return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


async def config_of(address, topic):
    async with admin_of(address) as admin:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {entry[0]: entry[1] for answer in answers for resource in answer.resources for entry in resource[4]}


async def cluster_id(address):
    async with admin_of(address) as admin:
        return (await admin.describe_cluster())["cluster_id"]


async def test_topics_have_their_declared_partitions(kafka_address):
    """Every declared topic and every dead-letter topic exists with as many partitions as declared."""
    counts = await partition_counts(kafka_address)
    assert {topic.name: counts.get(topic.name) for topic in all_topics()} == {
        topic.name: topic.partitions for topic in all_topics()
    }


@pytest.mark.parametrize("topic", all_topics(), ids=lambda topic: topic.name)
async def test_topics_have_their_declared_settings(real_kafka_address, topic):
    """Kafka reports each declared setting of each topic as it was declared."""
    config = await config_of(real_kafka_address, topic.name)
    assert {name: config[name] for name in topic.config} == topic.config


async def test_personal_data_leaves_kafka_in_time(real_kafka_address):
    """A text message is gone after 25 hours at the latest, and what a contact was before within a month."""
    sms, contacts = await config_of(real_kafka_address, SMS), await config_of(real_kafka_address, CONTACTS)
    assert int(sms["retention.ms"]) == DAY
    assert int(sms["segment.ms"]) <= DAY / 24
    assert contacts["cleanup.policy"] == "compact"
    assert int(contacts["max.compaction.lag.ms"]) < 28 * DAY


async def test_creating_topics_again_changes_nothing(kafka_address):
    """A second creation creates nothing and keeps the records that the topics have."""
    await produce(kafka_address, CONTACTS, b"creating-again", b"sealed")
    assert await create_topics(kafka_address, replication_factor=1) == []
    assert [r.value for r in await read_topic(kafka_address, CONTACTS) if r.key == b"creating-again"] == [b"sealed"]


async def test_partitions_are_never_added(kafka_address):
    """A topic that exists with fewer partitions than declared is an error that names it, and stays as it is."""
    grown = Topic(CONTACTS, partitions=24, config={})
    with pytest.raises(TopicsError, match=r"teilhabe\.contacts\.v1 has 12 partitions, declared are 24"):
        await create_topics(kafka_address, replication_factor=1, topics=[grown])
    assert (await partition_counts(kafka_address))[CONTACTS] == 12


async def test_a_refused_topic_is_an_error(real_kafka_address):
    """What Kafka refuses to create is an error that says which topic and why."""
    wrong = Topic("teilhabe.refused.v1", partitions=1, config={"cleanup.policy": "burn"})
    with pytest.raises(TopicsError, match=r"teilhabe\.refused\.v1: .*burn"):
        await create_topics(real_kafka_address, replication_factor=1, topics=[wrong])


async def test_writing_to_an_undeclared_topic_fails(real_kafka_address):
    """Topics are never created by use."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await produce(real_kafka_address, "teilhabe.undeclared.v1", b"key", b"value")
    assert "teilhabe.undeclared.v1" not in await partition_counts(real_kafka_address)


async def test_reading_a_topic_finds_every_partition(kafka_address):
    """`read_topic` returns keys, values, tombstones and headers from all partitions, each in order."""
    keys = [f"every-partition-{number}".encode() for number in range(30)]
    for key in keys:
        await produce(kafka_address, CONTACTS, key, b"first", headers=[("message-id", key)])
    await produce(kafka_address, CONTACTS, keys[0], None)
    records = [record for record in await read_topic(kafka_address, CONTACTS) if record.key in keys]
    assert sorted(record.key for record in records) == sorted([*keys, keys[0]])
    assert len({record.partition for record in records}) > 6
    assert [record.value for record in records if record.key == keys[0]] == [b"first", None]
    assert all(record.headers == (("message-id", record.key),) for record in records if record.value)


async def test_local_kafka_keeps_its_records_through_a_kill(own_kafka):
    """After SIGKILL, Kafka comes back at the same address with every record that it had acknowledged."""
    address = own_kafka.address
    await create_topics(address, replication_factor=1)
    await produce(address, CONTACTS, b"key", b"kept")
    own_kafka.kill()
    own_kafka.start()
    assert own_kafka.address == address
    assert [record.value for record in await read_topic(address, CONTACTS)] == [b"kept"]


async def test_local_kafka_comes_back_empty_after_a_wipe(own_kafka):
    """A wiped Kafka has neither topics nor records, and the same cluster id as before."""
    await create_topics(own_kafka.address, replication_factor=1)
    before = await cluster_id(own_kafka.address)
    own_kafka.stop()
    own_kafka.wipe()
    own_kafka.start()
    assert await partition_counts(own_kafka.address) == {}
    assert await cluster_id(own_kafka.address) == before


async def test_local_kafka_can_be_paused(own_kafka):
    """A paused Kafka answers nobody; resumed, it answers again."""
    own_kafka.pause()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await partition_counts(own_kafka.address)
    own_kafka.resume()
    assert await partition_counts(own_kafka.address) == {}
