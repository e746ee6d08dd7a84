"""What the tests of notifications share: settings, messages as the other services publish them, and fakes."""

import asyncio
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from services.notifications.contacts.consumers import keep
from services.notifications.deliveries.consumers import consumers as delivery_consumers
from services.notifications.deliveries.sending import Providers
from services.notifications.events.consumers import keep_events
from services.notifications.providers.port import Accepted
from services.notifications.settings import NotificationsSettings
from shared.auth.members import keep_organisations
from shared.contracts.contacts import Contact, ContactChanged
from shared.contracts.events import ContactPoint, EventPublished, EventState, Places, Session, Venue
from shared.contracts.notification_requests import NotificationRequested, Secret
from shared.contracts.organisations import Membership, OrganisationChanged
from shared.contracts.registrations import PlacesCount, RegistrationConfirmed
from shared.database.engine import Database
from shared.database.migrations import upgrade
from shared.vault import Vault

_KEY = Ed25519PrivateKey.generate()
PRIVATE_KEY = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC_KEY = _KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LONG_TITLE = {
    "de": "Gemeinsam gärtnern: Hochbeete anlegen und pflegen, Winterschnitt, Werkzeugkunde und Kompost für alle",
    "tr": "Birlikte bahçecilik: yükseltilmiş yataklar kurmak ve bakmak, kış budaması, alet bilgisi ve kompost",
    "ar": "البستنة معا: إنشاء أحواض مرتفعة والعناية بها، التقليم الشتوي، معرفة الأدوات والسماد للجميع في الحي",
    "uk": "Садівництво разом: високі грядки та догляд за ними, зимова обрізка, знання інструментів і компост",
}


def settings(database: str = "postgresql+asyncpg://nobody@/none", **changes) -> NotificationsSettings:
    """Settings of a test; nothing is read from the environment that the test gives itself."""
    return NotificationsSettings(
        **{
            "TEILHABE_DATABASE_NOTIFICATIONS": database,
            "environment": "test",
            "kafka": "127.0.0.1:1",
            "contact_keys": "k1:" + "A" * 43 + "=",
            "link_key": "for tests alone, 32 characters and more",
            "token_public_key": PUBLIC_KEY,
            **changes,
        }
    )


VAULT = Vault(settings())


@asynccontextmanager
async def open_database(url: str):
    """A database with the tables of notifications."""
    await asyncio.to_thread(upgrade, "notifications", url)
    database = Database(url)
    yield database
    await database.close()


def later() -> datetime:
    """A minute ahead, so that what is written in a test is due."""
    return datetime.now(UTC) + timedelta(minutes=1)


def event(title=None, *, organisation_id=None, **changes) -> EventState:
    """A published event in Berlin on a Saturday in December, with all that an event may have."""
    starts_at = datetime(2026, 12, 5, 9, 0, tzinfo=UTC)
    state = {
        "id": uuid4(),
        "code": "GARTEN",
        "organisation_id": organisation_id or uuid4(),
        "status": "published",
        "kind": "workshop",
        "title": title or {"de": "Gemeinsam gärtnern", "en": "Gardening together", "ar": "البستنة معا"},
        "text": {"de": "Wir legen Beete an."},
        "sessions": [Session(id=uuid4(), starts_at=starts_at, ends_at=starts_at + timedelta(hours=2))],
        "time_zone": "Europe/Berlin",
        "venue": Venue(name="Stadtteilhaus", address="Marktstraße 5", access_notes={"de": "Ohne Stufen"}),
        "places": [Places(id=uuid4(), capacity=20)],
        "largest_party": 5,
        "contact": ContactPoint(
            name="Integrationsbüro",
            email="buero@example.org",
            phone="+49 30 23125001",
            languages=["de", "tr", "ar"],
            hours={"de": "montags bis freitags, 9 bis 12 Uhr"},
        ),
    }
    return EventState(**state | changes)


async def publish_event(database, state: EventState, version: int = 1) -> None:
    """As the topic `events` brings it."""
    message = EventPublished(aggregate_id=state.id, aggregate_version=version, event=state)
    async with database.begin() as session:
        await keep_events(session, [message])


async def publish_organisation(database, organisation_id: UUID, *members: UUID, name="Integrationsbüro") -> None:
    """As the topic `organisations` brings it."""
    message = OrganisationChanged(
        aggregate_id=organisation_id,
        aggregate_version=1,
        name={"de": name},
        members=[Membership(person_id=person, role="organiser") for person in members],
    )
    async with database.begin() as session:
        await keep_organisations(session, [message])


async def publish_contact(database, person_id=None, *, version=1, language="de", **reach) -> UUID:
    """As the topic `contacts` brings it; by default somebody with a number of their own."""
    person_id = person_id or uuid4()
    reach = reach or {"phone": number_of(person_id)}
    sealed = VAULT.seal(Contact(language=language, **reach), f"contact:{person_id}")
    message = ContactChanged(aggregate_id=person_id, aggregate_version=version, sealed=sealed)
    async with database.begin() as session:
        await keep(session, VAULT, [message])
    return person_id


def number_of(person_id: UUID) -> str:
    """A number that nobody else in the tests has."""
    return f"+4930{uuid5(person_id, 'number').int % 10**8:08d}"


def registered(kind, event_id, person_id, *, registration_id=None, party=1, channel="web", token="", **more):
    """A message of a registration, with its sealed link."""
    registration_id = registration_id or uuid4()
    counts = PlacesCount(places_id=event_id, capacity=20, taken=1, waiting=0, version=1)
    return kind(
        aggregate_id=event_id,
        aggregate_version=1,
        counts=counts,
        registration_id=registration_id,
        person_id=person_id,
        party_size=party,
        channel=channel,
        sealed=VAULT.seal(Secret(token=token or "abcd"), f"registration:{registration_id}"),
        **more,
    )


def requested(template, *, secret: Secret | None = None, **more) -> NotificationRequested:
    """A request of another service."""
    request_id = uuid4()
    sealed = VAULT.seal(secret, f"request:{request_id}") if secret else None
    return NotificationRequested(aggregate_id=request_id, aggregate_version=0, template=template, sealed=sealed, **more)


async def hand_in(database, *messages) -> None:
    """Give messages to the consumer that they are for, as the broker would."""
    registrations, requests = delivery_consumers(VAULT)
    for message in messages:
        consumer = requests if isinstance(message, NotificationRequested) else registrations
        await consumer.handle(database, [message])


async def confirmed(database, language="de", **reach) -> UUID:
    """A delivery that is due: somebody's place is confirmed. Returns the person's id."""
    state = event()
    await publish_event(database, state)
    person_id = await publish_contact(database, language=language, **reach)
    await hand_in(database, registered(RegistrationConfirmed, state.id, person_id))
    return person_id


class FakeProvider:
    """A provider that remembers what it was given, and fails as it is told: one failure per attempt."""

    name = "fake"
    idempotent = False

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.given = []
        self.on_send = None

    async def send(self, message):
        """Take it, or fail."""
        if self.on_send is not None:
            await self.on_send(message)
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.given.append(message)
        return Accepted(f"fake-{len(self.given)}")

    async def close(self):
        """Nothing to let go of."""


def fakes(*failures: Exception | None) -> tuple[FakeProvider, Providers]:
    """One fake for SMS and mail."""
    fake = FakeProvider(*failures)
    return fake, Providers(fake, fake)


def hidden_fields(page: str) -> list[tuple[str, str]]:
    """The hidden fields of a page's last form, with their values."""
    form = page.rpartition("<form")[2]
    return re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)


@asynccontextmanager
async def serving(app, port: int):
    """The application on a port of this machine."""
    config = uvicorn.Config(app, "127.0.0.1", port, log_level="error", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await task
