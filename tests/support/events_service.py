"""The events service in this process, on a database of its own, with a clock that the test sets."""

import json
import re
from base64 import urlsafe_b64encode
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text
from uuid6 import uuid7

from services.events.audit.consumers import keep_changes
from services.events.co_hosts.commands import answer as answer_co_hosting
from services.events.co_hosts.commands import invite as invite_co_host
from services.events.events.commands import create_event
from services.events.events.drafting import EventContent
from services.events.events.model import EventRow
from services.events.events.publishing import publish_event
from services.events.main import create_api
from services.events.organisations.commands import add_organisation
from services.events.organisations.members import add_member
from services.events.organisations.model import OrganisationKind
from services.events.programme.consumers import keep_counts
from services.events.settings import EventsSettings
from services.events.sign_in.commands import answer_requests, open_session
from services.events.sign_in.pages import SESSION_COOKIE
from shared.auth.members import Member, memberships
from shared.auth.tokens import TOKEN_COOKIE, sign_token
from shared.contracts.audit import ChangeRecorded
from shared.contracts.events import CoHostRole, Scope
from shared.contracts.notification_requests import Secret
from shared.contracts.organisations import Role
from shared.contracts.registrations import CapacityChanged, PlacesCount
from shared.database.engine import Database
from shared.vault import Vault
from tests.support.asgi_client import Answer, AsgiClient

NOW = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


def key_pair() -> tuple[str, str]:
    pair = Ed25519PrivateKey.generate()
    private = pair.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = pair.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def shared_settings() -> dict[str, Any]:
    private, public = key_pair()
    return {
        "environment": "test",
        "kafka": "127.0.0.1:1",
        "contact_keys": f"test1:{urlsafe_b64encode(bytes(32)).decode()}",
        "link_key": "a key for tests alone, of 32 characters and more",
        "token_private_key": private,
        "token_public_key": public,
        "database_connections": 8,
        "limit_factor": 1,
    }


def content(**changes: Any) -> EventContent:
    """A complete event, five weeks after `NOW`."""
    given = {
        "kind": "workshop",
        "main_language": "de",
        "words": {
            "de": {"title": "Nähen", "text": "Wir nähen.", "access_notes": "Rampe", "contact_hours": "Mo 9-12"},
        },
        "sessions": [{"starts_at": "2027-04-05T10:00", "ends_at": "2027-04-05T12:00"}],
        "venue_name": "Haus",
        "venue_address": "Weg 1",
        "spoken_languages": ["de", "tr"],
        "capacity": 10,
        "largest_party": 4,
        "contact_name": "Büro",
        "contact_phone": "030 23125010",
        "contact_languages": ["de"],
    }
    return EventContent.model_validate(given | changes)


@dataclass
class EventsService:
    """The service, and shortcuts for what most tests begin with."""

    app: Any
    database: Database
    vault: Vault
    settings: EventsSettings
    now: datetime = NOW
    statements: list[str] = field(default_factory=list)

    def browser(self, language: str = "en") -> AsgiClient:
        return AsgiClient(self.app, language)

    def later(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    async def organisation(self, name: str = "Büro") -> Member:
        """A new organisation's owner, whose address is `<organisation id>@demo.example`."""
        organisation_id = uuid7()
        async with self.database.begin() as session:
            await add_organisation(
                session,
                self.vault,
                organisation_id=organisation_id,
                kind=OrganisationKind.AUTHORITY,
                name={"de": name, "en": f"{name} (en)"},
                owner=owner_address(organisation_id),
                language="de",
                now=self.now,
            )
            query = text("SELECT person_id FROM members WHERE organisation_id = :id")
            person_id = (await session.execute(query, {"id": organisation_id})).scalar_one()
            return Member(person_id, await memberships(session, person_id))

    async def colleague(self, organisation_id: UUID, role: Role, address: str = "") -> Member:
        """Somebody else who acts for the organisation."""
        async with self.database.begin() as session:
            address = address or f"{uuid7()}@demo.example"
            person_id = await add_member(session, self.vault, organisation_id, address, role, "de")
            return Member(person_id, await memberships(session, person_id))

    async def session_of(self, member: Member, language: str = "en") -> AsgiClient:
        """A browser in which the member is signed in, without a mail."""
        browser = self.browser(language)
        async with self.database.begin() as session:
            secret = await open_session(
                session, member.person_id, replaces=None, lifetime=self.settings.session_lifetime, now=self.now
            )
        browser.cookies[SESSION_COOKIE] = secret
        browser.cookies[TOKEN_COOKIE] = sign_token(
            member.person_id, self.settings.token_private_key.get_secret_value(), self.now
        )
        return browser

    async def co_hosts(
        self, host: Member, event_id: UUID, organisation_id: UUID, *, accepted_by: Member | None, scope: str = "names"
    ) -> None:
        """The host has asked the organisation, for which `accepted_by` has said yes, or nobody yet."""
        async with self.database.begin() as session:
            role = CoHostRole.PARTNER
            await invite_co_host(session, host, event_id, organisation_id, role, Scope(scope), self.now)
            if accepted_by:
                await answer_co_hosting(session, accepted_by, event_id, organisation_id, accepts=True, now=self.now)

    async def draft(self, member: Member, **changes: Any) -> UUID:
        async with self.database.begin() as session:
            owner = member.organisation_ids[0]
            return await create_event(session, member, owner, content(**changes), uuid7(), self.now)

    async def published(self, member: Member, **changes: Any) -> UUID:
        event_id = await self.draft(member, **changes)
        async with self.database.begin() as session:
            await publish_event(session, member, event_id, 1, self.now)
        return event_id

    async def row(self, event_id: UUID) -> EventRow:
        async with self.database.read() as session:
            row = await session.get(EventRow, event_id)
        assert row is not None
        return row

    async def messages(self, topic: str, key: UUID | None = None) -> list[dict[str, Any]]:
        """What was published to the topic `teilhabe.<topic>.v1`, oldest first."""
        query = (
            "SELECT value FROM outbox WHERE topic = :topic AND (CAST(:key AS text) IS NULL OR key = :key) ORDER BY id"
        )
        values = {"topic": f"teilhabe.{topic}.v1", "key": str(key) if key else None}
        async with self.database.read() as session:
            rows = await session.execute(text(query), values)
            return [json.loads(value) for value in rows.scalars()]

    async def ask_for_link(self, browser: AsgiClient, address: str, **form: str) -> Answer:
        token = await csrf(browser, "/sign-in")
        return await browser.post("/sign-in", {"email": address, "csrf_token": token, **form})

    async def sent_token(self) -> str | None:
        """What the worker sends for the requests that wait: the token of the last link."""
        before = len(await self.messages("notification-requests"))
        async with self.database.begin() as session:
            await answer_requests(session, self.vault, self.settings.link_lifetime)
        sent = (await self.messages("notification-requests"))[before:]
        if not sent:
            return None
        return self.vault.open(sent[-1]["sealed"], Secret, f"request:{sent[-1]['aggregate_id']}").token

    async def signed_in(self, member: Member, language: str = "en") -> AsgiClient:
        browser = self.browser(language)
        await self.ask_for_link(browser, owner_address(member.organisation_ids[0]))
        answer = await use_link(browser, await self.sent_token())
        assert answer.status == 303
        return browser


async def taken_over(events: EventsService) -> None:
    """Write what was recorded into the log of changes, as the worker does."""
    messages = [ChangeRecorded.model_validate(one) for one in await events.messages("audit")]
    async with events.database.begin() as session:
        await keep_changes(session, messages)


def owner_address(organisation_id: UUID) -> str:
    return f"{organisation_id}@demo.example"


async def csrf(browser: AsgiClient, url: str) -> str:
    """The token of the first form of a page."""
    found = CSRF.search((await browser.get(url)).text)
    assert found
    return found[1]


async def use_link(browser: AsgiClient, token: str | None) -> Answer:
    page = await browser.get(f"/sign-in/{token}")
    found = CSRF.search(page.text)
    return await browser.post(f"/sign-in/{token}", {"csrf_token": found[1]}) if found else page


def form_bytes(pairs: list[tuple[str, str]]) -> bytes:
    """A form in which a name may come more than once."""
    return urlencode(pairs).encode()


async def count(events, event_id, taken: int, waiting: int = 0) -> None:
    """The registrations service has told how many places of an event are taken."""
    places_id = (await events.messages("events", event_id))[0]["event"]["places"][0]["id"]
    counts = PlacesCount(places_id=places_id, capacity=10, taken=taken, waiting=waiting, version=1)
    message = CapacityChanged(aggregate_id=event_id, aggregate_version=1, counts=counts)
    async with events.database.begin() as session:
        await keep_counts(session, [message])


def words(language: str, title: str, text: str = "Text") -> dict[str, dict[str, str]]:
    base = {"de": {"title": "Nähen", "text": "Wir nähen.", "access_notes": "Rampe", "contact_hours": "Mo 9-12"}}
    return base | {language: base.get(language, {}) | {"title": title, "text": text}}


async def send(browser, url: str, pairs: list[tuple[str, str]], page_url: str = ""):
    """Fill the form of a page and send it."""
    page = await browser.get(page_url or url)
    tokens = [("csrf_token", CSRF.findall(page.text)[-1]), ("request_key", str(uuid7()))]
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return await browser.request("POST", url, form_bytes([*pairs, *tokens]), kind)


@asynccontextmanager
async def running_events_service(url: str, **changes: Any):
    """The service on a migrated database; nobody has used up a limit of the sign-in there."""
    settings = EventsSettings(TEILHABE_DATABASE_EVENTS=url, **(shared_settings() | changes))
    app = create_api(settings)
    service = EventsService(app, app.state.database, app.state.vault, settings)
    app.state.clock = lambda: service.now
    sqlalchemy_event.listen(
        service.database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: service.statements.append(statement),
    )
    async with service.database.begin() as session:
        await session.execute(text("DELETE FROM attempts"))
    yield service
    await service.database.close()
