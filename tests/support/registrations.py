"""An event and its places in a registrations database, and wishes for them."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.registrations.events.commands import take_over
from services.registrations.people.commands import Address
from services.registrations.people.model import Means
from services.registrations.registrations.admission import Rules, Wish
from services.registrations.settings import RegistrationsSettings
from shared.auth.tokens import sign_token
from shared.contracts.events import ContactPoint, EventState, Kind, Places, Session, Status, Venue
from shared.contracts.registrations import Channel
from shared.database.engine import Database
from shared.vault import Vault

PRIVATE_KEY = Ed25519PrivateKey.generate()
PUBLIC_PEM = (
    PRIVATE_KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
RULES = Rules(hold_time=timedelta(hours=2), offer_time=timedelta(hours=24))
KEYS = {
    "environment": "test",
    "contact_keys": "k1:" + base64.urlsafe_b64encode(b"k" * 32).decode(),
    "link_key": "l" * 32,
    "token_public_key": PUBLIC_PEM,
    "live_time": timedelta(0),
}


def sign(person_id: UUID) -> str:
    """The token of a member who has just signed in."""
    private = serialization.PrivateFormat.PKCS8
    pem = PRIVATE_KEY.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()).decode()
    return sign_token(person_id, pem, datetime.now(UTC))


def settings(database: str = "postgresql+asyncpg://nowhere", kafka: str = "127.0.0.1:1") -> RegistrationsSettings:
    return RegistrationsSettings(TEILHABE_DATABASE_REGISTRATIONS=database, kafka=kafka, **KEYS)


VAULT = Vault(settings())


def event(capacity: int, *, largest_party: int = 10, starts_in: timedelta = timedelta(days=14), **more) -> EventState:
    starts_at = datetime.now(UTC) + starts_in
    fields = {
        "id": uuid4(),
        "code": "T" + uuid4().hex[:7].upper(),
        "organisation_id": uuid4(),
        "status": Status.PUBLISHED,
        "kind": Kind.VOLUNTEERING,
        "title": {"de": "Gartentag", "en": "Garden day"},
        "text": {"de": "Wir pflanzen."},
        "sessions": [Session(id=uuid4(), starts_at=starts_at, ends_at=starts_at + timedelta(hours=2))],
        "time_zone": "Europe/Berlin",
        "venue": Venue(name="Nachbarschaftsgarten", address="Gartenweg 1"),
        "places": [Places(id=uuid4(), capacity=capacity)],
        "largest_party": largest_party,
        "contact": ContactPoint(name="Büro", phone="+493023125001", languages=["de"]),
    }
    return EventState(**fields | more)


async def publish(database: Database, state: EventState, version: int = 1) -> UUID:
    """Take the event over as the consumer does; returns the id of its pool of places."""
    async with database.begin() as session:
        await take_over(session, VAULT, RULES, state, version, datetime.now(UTC))
    return state.places[0].id


def with_capacity(state: EventState, capacity: int) -> EventState:
    return state.model_copy(update={"places": [Places(id=state.places[0].id, capacity=capacity)]})


def wish(address: str | None = None, size: int = 1, *, ask_owner: bool = False, **more) -> Wish:
    address = address or f"{uuid4().hex}@example.org"
    means = Means.PHONE if address.startswith("+") else Means.EMAIL
    channel = Channel.SMS if means is Means.PHONE and not ask_owner else Channel.WEB
    return Wish(Address(means, address, "de"), size, channel, "test", ask_owner=ask_owner, **more)


def number() -> str:
    """A mobile number that nobody has."""
    return f"+49151{uuid4().int % 10**8:08d}"
