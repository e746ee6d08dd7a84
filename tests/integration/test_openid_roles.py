"""What the roles of an account at the identity provider make of a person here."""

import asyncio
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from services.events.organisations.members import add_member
from services.events.sign_in import identities
from services.events.sign_in.openid import claim_at
from services.notifications.main import create_api as create_notifications
from services.registrations.main import create_api as create_registrations
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE
from shared.contracts.organisations import OrganisationChanged, Role
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.security.door import SERVICES
from tests.support.asgi_client import AsgiClient
from tests.support.events_service import owner_address, shared_settings
from tests.support.openid_service import (
    has_roles,
    map_roles,
    rows,
    running_with_provider,
    with_new_account,
    without_roles,
)

CREATE = {"registrations": create_registrations, "notifications": create_notifications}
CONSOLES = {"registrations": f"/registrations/console/events/{uuid4()}", "notifications": "/notifications/console"}


@pytest.fixture(scope="module")
async def service(migrated):
    async with running_with_provider(migrated) as both:
        yield both


@pytest.fixture
def provider(service):
    _, forged = service
    return with_new_account(forged)


@pytest.fixture
def events(service):
    running, _ = service
    return without_roles(running)


async def role_of(events, organisation_id: UUID, address: str) -> str | None:
    hashed = identities.address_hash(events.vault, address)
    query = "SELECT role FROM members JOIN people ON id = person_id WHERE organisation_id = :o AND address_hash = :a"
    return next((row.role for row in await rows(events, query, o=organisation_id, a=hashed)), None)


async def test_roles_are_added_changed_and_taken_away(events, provider):
    """At each sign-in the claim is the truth for the organisations of the mapping, and for them alone."""
    offices = [await events.organisation(name) for name in ("Erstes", "Zweites", "Drittes")]
    first, second, third = (office.organisation_ids[0] for office in offices)
    map_roles(events, lead={first: Role.OWNER}, team={first: Role.DESK, second: Role.VIEWER})
    address = provider.claims["email"]

    async def roles_after(*roles: str) -> tuple[int, list[str | None]]:
        has_roles(provider, *roles)
        status = (await provider.sign_in(events.browser())).status
        return status, [await role_of(events, organisation, address) for organisation in (first, second, third)]

    assert await roles_after() == (403, [None, None, None])
    assert await roles_after("team") == (303, ["desk", "viewer", None])
    assert await roles_after("team", "lead") == (303, ["owner", "viewer", None])
    async with events.database.begin() as session:
        await add_member(session, events.vault, third, address, Role.ORGANISER, "de")
    assert await roles_after("lead") == (303, ["owner", None, "organiser"])
    told = len(await events.messages("organisations", first))
    assert await roles_after("lead") == (303, ["owner", None, "organiser"])
    assert len(await events.messages("organisations", first)) == told
    assert await roles_after("unknown") == (303, [None, None, "organiser"])
    del provider.claims["realm_access"]
    assert await roles_after("team") == (303, ["desk", "viewer", "organiser"])
    changes = await events.messages("audit", first)
    roles = [(change["action"], change["before"].get("role"), change["after"].get("role")) for change in changes[1:]]
    assert roles == [
        ("member.added", None, "desk"),
        ("member.role-changed", "desk", "owner"),
        ("member.removed", "owner", None),
        ("member.added", None, "desk"),
    ]


async def test_who_has_lost_every_role_is_out_although_nobody_signs_in(events, provider):
    """The refusal keeps what it learned: another browser of the same person is out, too."""
    office = (await events.organisation()).organisation_ids[0]
    map_roles(events, team={office: Role.ORGANISER})
    has_roles(provider, "team")
    signed_in = events.browser()
    await provider.sign_in(signed_in)
    assert (await signed_in.get("/console")).status == 200
    has_roles(provider)
    refused = events.browser()
    assert (await provider.sign_in(refused)).status == 403
    assert not refused.cookies.get("teilhabe_session")
    assert (await signed_in.get("/console")).status == 403


async def test_the_last_owner_stays(events, provider):
    """An organisation does not lose its last owner by a claim; the log says so by ids alone."""
    office = (await events.organisation()).organisation_ids[0]
    map_roles(events, lead={office: Role.OWNER}, team={office: Role.ORGANISER})
    provider.claims["email"] = owner_address(office)
    has_roles(provider, "team")
    with capture_logs() as logs:
        assert (await provider.sign_in(events.browser())).status == 303
    assert await role_of(events, office, owner_address(office)) == "owner"
    [line] = [line for line in logs if line["event"] == "openid_last_owner_stays"]
    assert (line["organisation_id"], line["log_level"]) == (str(office), "warning")
    assert "demo.example" not in str(logs)


async def test_roles_that_are_told_elsewhere_are_not_taken_for_none(events, provider):
    """A provider that says "too many groups, ask there" (OpenID Connect Core 1.0 §5.6.2) costs nobody their roles."""
    office = (await events.organisation()).organisation_ids[0]
    map_roles(events, team={office: Role.ORGANISER})
    has_roles(provider, "team")
    await provider.sign_in(events.browser())
    provider.claims |= {"realm_access": None, "_claim_names": {"realm_access": "src1"}}
    assert (await provider.sign_in(events.browser())).status == 502
    assert await role_of(events, office, provider.claims["email"]) == "organiser"


async def test_an_organisation_that_is_not_there_is_passed_over(events, provider):
    """A slip in the mapping makes nobody a member of nothing, keeps nothing of them, and is in the log."""
    missing = uuid4()
    map_roles(events, team={missing: Role.OWNER})
    has_roles(provider, "team")
    with capture_logs() as logs:
        assert (await provider.sign_in(events.browser())).status == 403
    hashed = identities.address_hash(events.vault, provider.claims["email"])
    assert await rows(events, "SELECT 1 FROM people WHERE address_hash = :h", h=hashed) == []
    assert str(missing) in str(logs)


async def test_roles_reach_all_three_services(events, provider, database_url):
    """What a sign-in adds and takes away travels as `OrganisationChanged`; the other two let in and out by it."""
    office = (await events.organisation()).organisation_ids[0]
    map_roles(events, team={office: Role.ORGANISER})
    apps = {}
    for name, create in CREATE.items():
        url = database_url(name)
        await asyncio.to_thread(upgrade, name, url)
        keys = shared_settings() | {"token_public_key": events.settings.token_public_key}
        apps[name] = create(SERVICES[name](**{f"TEILHABE_DATABASE_{name.upper()}": url}, **keys))
        apps[name].state.clock = lambda: events.now
    token, seen = "", []
    for roles in (["team"], [], ["team"]):
        has_roles(provider, *roles)
        browser = events.browser()
        await provider.sign_in(browser)
        token = browser.cookies.get(TOKEN_COOKIE) or token
        told = [OrganisationChanged.model_validate(m) for m in await events.messages("organisations", office)]
        statuses = []
        for name, app in apps.items():
            database: Database = app.state.database
            async with database.begin() as session:
                await keep_organisations(session, told)
            other = AsgiClient(app)
            other.cookies[TOKEN_COOKIE] = token
            statuses.append((await other.get(CONSOLES[name])).status)
        seen.append(statuses)
    for app in apps.values():
        await app.state.database.close()
    assert seen == [[404, 200], [403, 403], [404, 200]]


async def test_the_roles_need_no_more_than_the_claims_name():
    """A path leads into objects; a name with dots in it goes first."""
    claims = {"a": {"b": ["c"]}, "https://x.example/roles": ["d"], "a.e": ["f"]}
    found = [claim_at(claims, path) for path in ("a.b", "https://x.example/roles", "a.e", "a.x", "a.b.c", "z")]
    assert found == [["c"], ["d"], ["f"], None, None, None]
