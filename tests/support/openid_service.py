"""The events service in this process, and the identity provider that it knows, which says whatever a test wants."""

from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from deploy.kafka.kafka import free_port
from services.events.sign_in.openid import OpenId
from shared.contracts.organisations import Role
from tests.support.events_service import NOW, owner_address, running_events_service
from tests.support.forged_provider import CLIENT, ForgedProvider
from tests.support.notifications import serving

SECRET = "the secret that both sides know, long enough"
CITY = {
    "openid_client_secret": SECRET,
    "openid_label": {"de": "Stadt-Konto", "en": "City account"},
    "openid_timeout": timedelta(seconds=1),
}
"""A provider that has all that one may have; it is waited for one second."""


@asynccontextmanager
async def running_with_provider(url, **settings):
    """The service on a migrated database, and the provider that it knows."""
    forged, port = ForgedProvider("", NOW), free_port()
    async with serving(forged, port) as address:
        forged.url = address
        async with running_events_service(url, openid_issuer=address, openid_client_id=CLIENT, **settings) as running:
            yield running, forged


def as_new(forged):
    """The provider, as it is when all is well."""
    forged.__init__(forged.url, NOW)
    return forged


def with_new_account(forged):
    """The provider, which names an account that nobody has used yet."""
    as_new(forged).claims |= {"sub": uuid4().hex, "email": f"{uuid4().hex}@demo.example"}
    return forged


async def with_known_member(running, forged):
    """The service, which has asked the provider nothing yet, with a member whom the provider names."""
    running.now, running.app.state.openid = NOW, OpenId(running.settings)
    member = await running.organisation()
    forged.claims |= {"email": owner_address(member.organisation_ids[0]), "sub": uuid4().hex}
    return running


def without_roles(running):
    """The service without a mapping of roles."""
    configure(running)
    running.now = NOW
    return running


def configure(events, **settings) -> None:
    """Give the running service other settings for the provider."""
    plain = {"openid_roles": {}, "openid_roles_claim": "", "openid_addresses_are_verified": False}
    events.app.state.settings = events.settings.model_copy(update=plain | settings)
    events.app.state.openid = OpenId(events.app.state.settings)


def map_roles(events, **values: dict[UUID, Role]) -> None:
    configure(events, openid_roles_claim="realm_access.roles", openid_roles=values)


def has_roles(provider, *roles: str) -> None:
    provider.claims["realm_access"] = {"roles": [*roles, "offline_access"]}


async def rows(events, query: str, **values):
    async with events.database.read() as session:
        return (await session.execute(text(query), values)).all()
