"""The service's own two processes on a broker: what comes in by the topics goes out to phones, and back by topics."""

import asyncio
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer
from sqlalchemy import text

from services.notifications.main import create_api, create_worker
from shared.contracts.contacts import Contact, ContactChanged
from shared.contracts.deliveries import DeliveryEnded
from shared.contracts.events import EventPublished
from shared.contracts.registrations import RegistrationConfirmed
from shared.contracts.sms import Sms, SmsReceived
from shared.database.migrations import upgrade
from shared.messaging.producer import Producer
from tests.support import notifications as given
from tests.support.asgi_client import AsgiClient


@pytest.fixture
async def settings(database_url, kafka_address):
    url = database_url("notifications")
    await asyncio.to_thread(upgrade, "notifications", url)
    return given.settings(url, kafka=kafka_address, environment="development")


@pytest.fixture
async def worker(settings):
    worker = create_worker(settings)
    await worker.start()
    yield worker
    await worker.stop()


async def eventually(look, seconds=60):
    """What `look` finds, as soon as it finds anything."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):  # noqa: ASYNC110 - another process writes what is looked for
            await asyncio.sleep(0.1)
    return found


async def read_topic(address, topic, key):
    """The messages of one key, from the beginning of the topic."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            async for record in consumer:
                if record.key == str(key).encode():
                    return record.value
    finally:
        await consumer.stop()


async def test_registration_becomes_an_sms_and_its_end_is_published(worker, kafka_address):
    """Three topics in the wrong order, one SMS on the phone, and one message that says it was sent."""
    state, person_id, number = given.event(), uuid4(), given.number_of(uuid4())
    sealed = given.VAULT.seal(Contact(language="tr", phone=number), f"contact:{person_id}")
    messages = [
        given.registered(RegistrationConfirmed, state.id, person_id, party=3),
        ContactChanged(aggregate_id=person_id, aggregate_version=1, sealed=sealed),
        EventPublished(aggregate_id=state.id, aggregate_version=1, event=state),
    ]
    producer = Producer(kafka_address)
    for message in messages:
        key, value = str(message.aggregate_id).encode(), message.model_dump_json().encode()
        await producer.send_and_wait(message.topic, value, key, [])
        await asyncio.sleep(0.3)
    await producer.stop()

    async def on_the_phone():
        async with worker.database.read() as session:
            return list(await session.execute(text("SELECT idempotency_key, number, text FROM phone_messages")))

    ((key, to, said),) = await eventually(on_the_phone)
    assert to == number
    assert "GARTEN" in said
    value = await read_topic(kafka_address, DeliveryEnded.topic, key)
    ended = DeliveryEnded.model_validate_json(value)
    assert (ended.outcome, ended.template, ended.person_id) == ("sent", "confirmation", person_id)
    assert number.encode() not in value


@pytest.mark.usefixtures("worker")
async def test_text_from_the_phone_reaches_the_topic_sealed(settings, kafka_address):
    """What is written on the development phone can be read from the topic with the key, and not without."""
    app = create_api(settings)
    client = AsgiClient(app)
    number = given.number_of(uuid4())
    hidden = dict(given.hidden_fields((await client.get("/notifications/phone")).text))
    answer = await client.post("/notifications/phone", {**hidden, "number": number, "text": "GARTEN 3 TR"})
    assert answer.status == 303
    await app.state.database.close()
    value = await read_topic(kafka_address, SmsReceived.topic, given.VAULT.keyed_uuid(number, "sms"))
    message = SmsReceived.model_validate_json(value)
    assert given.VAULT.open(message.sealed, Sms, f"sms:{message.message_id}") == Sms(number=number, text="GARTEN 3 TR")
    assert number.encode() not in value
    assert b"GARTEN" not in value
