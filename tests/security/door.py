"""The three services as somebody at the door finds them: their routes, their pages, and who may come in."""

import asyncio
import hmac
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
from fastapi.routing import APIRoute
from sqlalchemy import delete
from sqlmodel import select

from services.events.organisations.commands import add_organisation
from services.events.organisations.model import MemberRow, OrganisationKind
from services.events.settings import EventsSettings
from services.events.sign_in.model import SignInLinkRow
from services.notifications.settings import NotificationsSettings
from services.registrations.settings import RegistrationsSettings
from shared.auth.members import keep_organisations
from shared.auth.sign_in import signed_in_member
from shared.auth.tokens import TOKEN_COOKIE, sign_token
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.database.migrations import upgrade
from shared.runtime.processes import module_of
from shared.vault import token_hash
from shared.web.csrf import COOKIE, CsrfSecret
from shared.web.forms import checked_form
from tests.support.asgi_client import AsgiClient
from tests.support.events_service import key_pair, shared_settings

SERVICES = {
    "events": EventsSettings,
    "registrations": RegistrationsSettings,
    "notifications": NotificationsSettings,
}
TWILIO = {"sms_provider": "twilio", "twilio_account": "AC1", "twilio_token": "the provider's token"}
PART = re.compile(r"\{(\w+)\}")
FORM = {"content-type": "application/x-www-form-urlencoded"}


NOWHERE = {"reference": "NOTHERE", "place": 0, "code": "HOUSE", "ticket": "000000000000", "language": "tr"}
"""What stands in a path where it does not matter; `HOUSE` is the code of the event that most tests know."""


@dataclass(frozen=True)
class Way:
    """One way in: a method on a route."""

    service: str
    method: str
    path: str
    needs_member: bool
    checks_form: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, **parts: Any) -> str:
        somewhere = {name: uuid4() for name in PART.findall(self.path)}
        return self.path.format(**somewhere | NOWHERE | parts)

    @property
    def for_programs(self) -> bool:
        return "api" in self.path.split("/")


@dataclass
class Office:
    """An organisation's member, as all three services know them."""

    person_id: UUID
    organisation_id: UUID


@dataclass
class Doors:
    """The three applications, which trust one key. `registration_id` is of somebody who is registered."""

    apps: dict[str, Any]
    settings: dict[str, Any]
    registration_id: UUID | None = None

    def browser(self, service: str, token: str | None = None) -> AsgiClient:
        client = AsgiClient(self.apps[service])
        if token is not None:
            client.cookies[TOKEN_COOKIE] = token
        return client

    def ways(self) -> list[Way]:
        return [way for service in self.apps for way in ways_into(service, self.apps[service])]

    async def office(self) -> Office:
        """A new organisation with one owner, which the other two services have heard of."""
        organisation_id = uuid4()
        async with self.apps["events"].state.database.begin() as session:
            await add_organisation(
                session,
                self.apps["events"].state.vault,
                organisation_id=organisation_id,
                kind=OrganisationKind.AUTHORITY,
                name={"de": "Büro"},
                owner=f"{organisation_id}@demo.example",
                language="de",
                now=datetime.now(UTC),
            )
            query = select(MemberRow.person_id).where(MemberRow.organisation_id == organisation_id)
            person_id = (await session.execute(query)).scalar_one()
        await self._tell(organisation_id, 1, person_id)
        return Office(person_id, organisation_id)

    async def dismiss(self, office: Office) -> None:
        """The organisation removes its member, and all three services know."""
        async with self.apps["events"].state.database.begin() as session:
            await session.execute(delete(MemberRow).where(MemberRow.person_id == office.person_id))
        await self._tell(office.organisation_id, 2)

    async def _tell(self, organisation_id: UUID, version: int, *people: UUID) -> None:
        message = OrganisationChanged(
            aggregate_id=organisation_id,
            aggregate_version=version,
            name={"de": "Büro"},
            members=[Membership(person_id=person, role=Role.OWNER) for person in people],
        )
        for service in ("registrations", "notifications"):
            async with self.apps[service].state.database.begin() as session:
                await keep_organisations(session, [message])

    async def link(self, office: Office) -> str:
        """A sign-in link that was sent to the office's owner: its secret."""
        secret = uuid4().hex
        good_until = datetime.now(UTC) + timedelta(minutes=1)
        row = SignInLinkRow(token_hash=token_hash(secret), person_id=office.person_id, expires_at=good_until)
        async with self.apps["events"].state.database.begin() as session:
            session.add(row)
        return secret

    @property
    def private_key(self) -> str:
        return self.settings["events"].token_private_key.get_secret_value()

    def token(self, person_id: UUID, **age: float) -> str:
        return sign_token(person_id, self.private_key, datetime.now(UTC) - timedelta(**age))

    def bad_tokens(self, person_id: UUID) -> dict[str, str | None]:
        """Tokens that must not let the person in, by what is wrong with them."""
        now = datetime.now(UTC)
        claims = {"sub": str(person_id), "aud": "teilhabe", "iat": now, "exp": now + timedelta(minutes=5)}
        public = self.settings["events"].token_public_key
        return {
            "none": None,
            "empty": "",
            "expired": self.token(person_id, minutes=11),
            "signed by another key": sign_token(person_id, key_pair()[0], now),
            "unsigned": jwt.encode(claims, "", algorithm="none"),
            "public key as a password": _hmac_token(claims, public),
            "another audience": jwt.encode(claims | {"aud": "other"}, self.private_key, algorithm="EdDSA"),
            "cut": self.token(person_id)[:-2],
            "the id alone": str(person_id),
        }


def _hmac_token(claims: dict[str, Any], secret: str) -> str:
    """PyJWT refuses to make one, so its parts are put together by hand."""

    def part(raw: bytes) -> str:
        return urlsafe_b64encode(raw).rstrip(b"=").decode()

    plain = claims | {name: int(claims[name].timestamp()) for name in ("iat", "exp")}
    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + "." + part(json.dumps(plain).encode())
    return f"{head}.{part(hmac.digest(secret.encode(), head.encode(), 'sha256'))}"


def form_token(browser: AsgiClient) -> str:
    """What a form of ours would hold for this browser."""
    secret = CsrfSecret("s" * 43, is_new=False, secure=False)
    browser.cookies[COOKIE] = secret.value
    return secret.token()


def ways_into(service: str, app: Any) -> Iterator[Way]:
    for path, route in _routes(app.routes):
        calls = set(_calls(route.dependant)) if isinstance(route, APIRoute) else set()
        for method in sorted(getattr(route, "methods", None) or ["GET"]):
            yield Way(service, method, path, signed_in_member in calls, checked_form in calls)


def _routes(routes: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """FastAPI keeps an included router as it is and joins the paths when a request comes."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield prefix + route.path, route
        else:
            yield from _routes(included.routes, prefix + route.include_context.prefix)


def _calls(dependant: Any) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)


async def open_doors(database_url: Any, **changes: Any) -> Doors:
    """The three services on databases of their own."""
    common = shared_settings() | {"live_time": timedelta(0)} | changes
    settings, apps = {}, {}
    for service, kind in SERVICES.items():
        url = database_url(service)
        await asyncio.to_thread(upgrade, service, url)
        given = {f"TEILHABE_DATABASE_{service.upper()}": url} | common | (TWILIO if service == "notifications" else {})
        settings[service] = kind(**given)
        apps[service] = module_of(service, "main").create_api(settings[service])
    return Doors(apps, settings)


async def close_doors(doors: Doors) -> None:
    for app in doors.apps.values():
        await app.state.database.close()
