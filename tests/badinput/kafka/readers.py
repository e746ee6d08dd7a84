"""Every consumer of every service, on a migrated database where its good messages find what they speak of."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID, uuid4

from sqlalchemy import text

from services.events.main import consumers as events_consumers
from services.notifications.main import _consumers as notifications_consumers
from services.registrations.main import consumers as registrations_consumers
from shared.contracts.audit import ChangeRecorded
from shared.contracts.base import Message
from shared.contracts.contacts import Contact, ContactChanged
from shared.contracts.deliveries import DeliveryEnded
from shared.contracts.events import EventPublished
from shared.contracts.notification_requests import NotificationRequested
from shared.contracts.organisations import Membership, OrganisationChanged
from shared.contracts.registrations import PlacesCount, RegistrationConfirmed
from shared.contracts.sms import SmsReceived
from shared.database.engine import Database
from shared.database.migrations import is_behind, upgrade
from shared.messaging.consumers import Consumer
from shared.messaging.topics import Topic, create_topics, dead_letter_topic
from shared.runtime.worker import Worker
from tests.support import notifications, registration_phone, registrations
from tests.support.events_service import running_events_service

UNCHANGING = {"inbox", "log_positions", "alembic_version"}
"""Tables that keep no state of the service: what was received, and how far."""

Good = Callable[[], Awaitable[Message]]


@dataclass(frozen=True)
class Reader:
    """One consumer at work: `good` makes a message that it can handle at once, each time another."""

    service: str
    consumer: Consumer
    database: Database
    good: Good

    async def has(self, message: Message) -> bool:
        """Whether the message took effect: the inbox names it in the transaction of the effect."""
        query = text("SELECT count(*) FROM inbox WHERE consumer = :consumer AND message_id = :id")
        async with self.database.read() as session:
            values = {"consumer": self.consumer.name, "id": message.message_id}
            return bool((await session.execute(query, values)).scalar_one())

    async def state(self) -> dict[str, str]:
        """A digest of each table of the service; what was received, and published when, counts for nothing."""
        query = text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        async with self.database.read() as session:
            tables = set((await session.execute(query)).scalars()) - UNCHANGING
            return {table: await _digest(session, table) for table in sorted(tables)}

    async def count(self, table: str) -> int:
        """The rows of a table."""
        async with self.database.read() as session:
            return (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()  # noqa: S608


async def _digest(session, table: str) -> str:
    row = "(t.message_id, t.value)" if table == "outbox" else "t"
    statement = f"SELECT md5(coalesce(string_agg({row}::text, '|' ORDER BY {row}::text), '')) FROM {table} t"  # noqa: S608
    return (await session.execute(text(statement))).scalar_one()


async def event_of(_: Database) -> EventPublished:
    """An event that nobody has heard of."""
    state = registrations.event(20)
    return EventPublished(aggregate_id=state.id, aggregate_version=1, event=state)


async def organisation_of(_: Database) -> OrganisationChanged:
    """An organisation with one member."""
    members = [Membership(person_id=uuid4(), role="owner")]
    return OrganisationChanged(aggregate_id=uuid4(), aggregate_version=1, name={"de": "Büro"}, members=members)


async def sms_of(database: Database) -> SmsReceived:
    """HELP from a number that nobody has."""
    return registration_phone.Phone(database).message("HILFE")


async def delivery_of(_: Database) -> DeliveryEnded:
    """A delivery that failed."""
    more = {"outcome": "failed", "channel": "sms", "template": "confirmation", "registration_id": uuid4()}
    return DeliveryEnded(aggregate_id=uuid4(), aggregate_version=1, **more)


async def contact_of(_: Database) -> ContactChanged:
    """Somebody new."""
    person = uuid4()
    sealed = notifications.VAULT.seal(Contact(language="de", phone="+4915123456789"), f"contact:{person}")
    return ContactChanged(aggregate_id=person, aggregate_version=1, sealed=sealed)


async def registration_of(database: Database) -> RegistrationConfirmed:
    """A place confirmed, at an event and of a person that notifications knows."""
    state = notifications.event()
    await notifications.publish_event(database, state)
    person = await notifications.publish_contact(database)
    return notifications.registered(RegistrationConfirmed, state.id, person)


async def request_of(database: Database) -> NotificationRequested:
    """A request for a person that notifications knows."""
    return notifications.requested("sms-help", person_id=await notifications.publish_contact(database))


async def change_of(_: Database) -> ChangeRecorded:
    """Something that a member changed."""
    return ChangeRecorded(aggregate_id=uuid4(), aggregate_version=0, action="event.changed", organisation_id=uuid4())


@asynccontextmanager
async def _counts(url: str):
    async with running_events_service(url) as service:
        event_id = await service.published(await service.organisation())
        row = await service.messages("events", event_id)
        places_id, version = UUID(row[0]["event"]["places"][0]["id"]), iter(range(1, 10_000))

        async def counts() -> RegistrationConfirmed:
            at = next(version)
            told = PlacesCount(places_id=places_id, capacity=10, taken=1, waiting=0, version=at)
            confirmed = notifications.registered(RegistrationConfirmed, event_id, uuid4())
            return confirmed.model_copy(update={"counts": told, "aggregate_version": at})

        yield service.database, counts


@asynccontextmanager
async def _plain(url: str, make):
    database = Database(url, connections=8)
    yield database, lambda: make(database)
    await database.close()


GOOD = {
    "registrations": {
        "registrations-events": event_of,
        "registrations-organisations": organisation_of,
        "registrations-sms": sms_of,
        "registrations-deliveries": delivery_of,
    },
    "notifications": {
        "members": organisation_of,
        "events": event_of,
        "contacts": contact_of,
        "deliveries-registrations": registration_of,
        "deliveries-requests": request_of,
    },
    "events": {"places-counts": None, "audit": change_of},
}
NAMES = [(service, name) for service, readers in GOOD.items() for name in readers]


def all_consumers() -> list[tuple[str, Consumer]]:
    """Each service's consumers, as its worker wires them."""
    wired = {
        "events": events_consumers(),
        "registrations": registrations_consumers(registrations.settings()),
        "notifications": notifications_consumers(notifications.VAULT),
    }
    return [(service, consumer) for service, consumers in wired.items() for consumer in consumers]


@asynccontextmanager
async def reading(service: str, name: str, url: str):
    """The service's own consumer of that name, on the database at `url`, which is migrated first."""
    await asyncio.to_thread(upgrade, service, url)
    consumer = next(consumer for at, consumer in all_consumers() if (at, consumer.name) == (service, name))
    make = GOOD[service][name]
    async with _counts(url) if make is None else _plain(url, make) as (database, good):
        yield Reader(service, consumer, database, good)


@dataclass(frozen=True)
class Stage:
    """A reader's consumer in a worker, on a topic of the test's own with its dead letters."""

    reader: Reader
    worker: Worker
    kafka: str
    topic: str

    @property
    def dead(self) -> str:
        """The dead letters' topic."""
        return dead_letter_topic(self.topic, self.worker.service)


async def stage(reader: Reader, kafka: str, **settings) -> Stage:
    """A worker that is not started yet; the topic has one partition, so that what blocks it blocks everything."""
    name = f"test-{uuid4().hex[:8]}"
    topic = f"test.{name}.v1"
    limits = {"max.message.bytes": "1048576"}
    dead = Topic(dead_letter_topic(topic, name), 1, {"max.message.bytes": "2097152"})
    await create_topics(kafka, replication_factor=1, topics=[Topic(topic, 1, limits), dead])
    given = registrations.settings(reader.database.url, kafka).model_copy(update=settings)
    consumer = replace(reader.consumer, topic=topic)
    behind = partial(is_behind, reader.service, reader.database)
    worker = Worker(name, given, Database(reader.database.url), [consumer], behind=behind)
    return Stage(reader, worker, kafka, topic)
