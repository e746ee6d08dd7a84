"""Whom an account at the identity provider signs in, and what its roles there make of them here."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Insert
from structlog.testing import capture_logs

from deploy.kafka.kafka import free_port
from services.events.organisations.members import add_member
from services.events.sign_in import identities
from services.events.sign_in.identities import unlink
from services.events.sign_in.openid import OpenId, claim_at
from services.notifications.main import create_api as create_notifications
from services.registrations.main import create_api as create_registrations
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE
from shared.contracts.contacts import Contact
from shared.contracts.organisations import OrganisationChanged, Role
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.security.door import SERVICES
from tests.support.asgi_client import AsgiClient
from tests.support.events_service import (
    NOW,
    csrf,
    owner_address,
    running_events_service,
    shared_settings,
)
from tests.support.forged_provider import CLIENT, ForgedProvider
from tests.support.notifications import serving

CREATE = {"registrations": create_registrations, "notifications": create_notifications}
CONSOLES = {"registrations": f"/registrations/console/events/{uuid4()}", "notifications": "/notifications/console"}


@pytest.fixture(scope="module")
async def service(migrated):
    forged, port = ForgedProvider("", NOW), free_port()
    async with serving(forged, port) as url:
        forged.url = url
        async with running_events_service(migrated, openid_issuer=url, openid_client_id=CLIENT) as running:
            yield running, forged


@pytest.fixture
def provider(service):
    """The provider, which names an account that nobody has used yet."""
    _, forged = service
    forged.__init__(forged.url, NOW)
    forged.claims |= {"sub": uuid4().hex, "email": f"{uuid4().hex}@demo.example"}
    return forged


@pytest.fixture
def events(service):
    """The service without a mapping of roles."""
    running, _ = service
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


async def role_of(events, organisation_id: UUID, address: str) -> str | None:
    hashed = identities.address_hash(events.vault, address)
    query = "SELECT role FROM members JOIN people ON id = person_id WHERE organisation_id = :o AND address_hash = :a"
    return next((row.role for row in await rows(events, query, o=organisation_id, a=hashed)), None)


async def contact_of(events, person_id: UUID) -> Contact:
    newest = (await events.messages("contacts", person_id))[-1]
    return events.vault.open(newest["sealed"], Contact, f"contact:{person_id}")


async def test_a_member_is_known_by_a_verified_address(events, provider):
    """The first sign-in finds the member by the address, whatever its case, and keeps a hash of the account alone."""
    member = await events.organisation()
    provider.claims["email"] = owner_address(member.organisation_ids[0]).upper()
    browser = events.browser("tr")
    assert (await provider.sign_in(browser)).status == 303
    assert "Büro" in (await browser.get("/console")).text
    [row] = await rows(events, "SELECT * FROM identities WHERE person_id = :id", id=member.person_id)
    assert provider.claims["sub"] not in str(row)
    assert (await contact_of(events, member.person_id)).language == "tr"


@pytest.mark.parametrize("verified", [False, None, "false", 0])
async def test_an_address_that_is_not_verified_finds_nobody(events, provider, verified):
    """Whoever may type any address at the provider does not become its owner here."""
    member = await events.organisation()
    provider.claims |= {"email": owner_address(member.organisation_ids[0]), "email_verified": verified}
    answer = await provider.sign_in(events.browser())
    assert answer.status == 403
    assert "has not confirmed your e-mail address" in answer.text
    assert await rows(events, "SELECT 1 FROM identities WHERE person_id = :id", id=member.person_id) == []


async def test_a_setting_may_vouch_for_the_addresses(events, provider):
    """A provider that hands out checked addresses alone need not say so each time; the claim may have another name."""
    configure(events, openid_addresses_are_verified=True, openid_address_claim="upn")
    member = await events.organisation()
    provider.claims |= {"upn": owner_address(member.organisation_ids[0]), "email": None, "email_verified": None}
    assert (await provider.sign_in(events.browser())).status == 303


async def test_claims_may_stand_at_the_userinfo_endpoint(events, provider):
    """What the ID token lacks is asked for; an answer about somebody else is none."""
    member = await events.organisation()
    provider.claims |= {"email": None, "email_verified": None}
    told = {"email": owner_address(member.organisation_ids[0]), "email_verified": True}
    provider.userinfo = {**told, "sub": "somebody else"}
    assert (await provider.sign_in(events.browser())).status == 502
    provider.userinfo = {**told, "sub": provider.claims["sub"]}
    assert (await provider.sign_in(events.browser())).status == 303


async def test_a_stranger_gets_no_account(events, provider):
    """Somebody whom no organisation knows is told whom to ask, and nothing is kept of them."""
    before = await rows(events, "SELECT count(*) FROM people")
    answer = await provider.sign_in(events.browser())
    assert answer.status == 403
    assert "Ask the organisation that you work for to add you" in answer.text
    assert await rows(events, "SELECT count(*) FROM people") == before


async def test_the_account_stays_the_persons_when_the_address_changes(events, provider):
    """The subject decides; the new address is taken over, and the old one signs nobody in any more."""
    member = await events.organisation()
    old, new = owner_address(member.organisation_ids[0]), f"{uuid4().hex}@demo.example"
    provider.claims["email"] = old
    await provider.sign_in(events.browser())
    provider.claims["email"] = new
    browser = events.browser()
    assert (await provider.sign_in(browser)).status == 303
    assert "Büro" in (await browser.get("/console")).text
    assert (await contact_of(events, member.person_id)).email == new
    await events.ask_for_link(events.browser(), old)
    assert await events.sent_token() is None
    await events.ask_for_link(events.browser(), new)
    assert await events.sent_token() is not None


async def test_a_known_account_needs_no_verified_address(events, provider):
    """An account that is linked signs in by its subject; an address that is not verified is not taken over."""
    member = await events.organisation()
    provider.claims["email"] = owner_address(member.organisation_ids[0])
    await provider.sign_in(events.browser())
    provider.claims |= {"email": "unproved@demo.example", "email_verified": False}
    assert (await provider.sign_in(events.browser())).status == 303
    assert (await contact_of(events, member.person_id)).email == owner_address(member.organisation_ids[0])


async def test_an_address_of_another_account_is_not_taken_over(events, provider):
    """Two accounts never become one person: neither at the first sign-in, nor when an address changes to another's."""
    first, second = await events.organisation("Erstes"), await events.organisation("Zweites")
    accounts = {}
    for member in (first, second):
        accounts[member.person_id] = uuid4().hex
        provider.claims |= {"sub": accounts[member.person_id], "email": owner_address(member.organisation_ids[0])}
        assert (await provider.sign_in(events.browser())).status == 303
    provider.claims["sub"] = uuid4().hex
    answer = await provider.sign_in(events.browser())
    assert (answer.status, "belongs to another account" in answer.text) == (403, True)
    provider.claims |= {"sub": accounts[first.person_id], "email": owner_address(second.organisation_ids[0])}
    browser = events.browser()
    with capture_logs() as logs:
        assert (await provider.sign_in(browser)).status == 303
    page = (await browser.get("/console")).text
    assert ("Erstes" in page, "Zweites" in page) == (True, False)
    assert (await contact_of(events, first.person_id)).email == owner_address(first.organisation_ids[0])
    assert "openid_address_of_another_person" in str(logs)
    assert "demo.example" not in str(logs)


async def test_an_operator_may_unlink_an_account(events, provider):
    """Whose account was lost gets in with a new one, once the old one is forgotten."""
    member = await events.organisation()
    provider.claims["email"] = owner_address(member.organisation_ids[0])
    await provider.sign_in(events.browser())
    provider.claims["sub"] = uuid4().hex
    assert (await provider.sign_in(events.browser())).status == 403
    async with events.database.begin() as session:
        assert await unlink(session, events.vault, provider.claims["email"])
        assert not await unlink(session, events.vault, provider.claims["email"])
    assert (await provider.sign_in(events.browser())).status == 303


class Unguarded(Insert):
    """An INSERT that does not mind what is there already."""

    inherit_cache = True

    def on_conflict_do_nothing(self, *_args, **_kwargs):
        return self


@pytest.mark.parametrize("guarded", [True, False])
async def test_first_sign_ins_at_once_all_find_the_person(events, provider, monkeypatch, guarded):
    """Four windows of one person who is new here: one account, one membership, four sessions; not so unguarded."""
    office = (await events.organisation()).organisation_ids[0]
    map_roles(events, team={office: Role.ORGANISER})
    has_roles(provider, "team")
    linked, barrier, waiting = identities._linked, asyncio.Barrier(4), iter(range(4))

    async def together(session, subject):
        """All four have seen that the account is new before any of them goes on."""
        found = await linked(session, subject)
        if next(waiting, None) is not None:
            await barrier.wait()
        return found

    monkeypatch.setattr(identities, "_linked", together)
    if not guarded:
        monkeypatch.setattr(identities, "insert", Unguarded)
    answers = await asyncio.gather(*(provider.sign_in(events.browser()) for _ in range(4)))
    statuses = [answer.status for answer in answers]
    assert (statuses == [303] * 4) == guarded, statuses
    query = """
        SELECT count(DISTINCT s.secret_hash) AS sessions, count(DISTINCT i.subject_hash) AS accounts
        FROM member_sessions s JOIN identities i USING (person_id) JOIN members m USING (person_id)
        WHERE m.organisation_id = :id
    """
    [row] = await rows(events, query, id=office)
    assert (row.sessions, row.accounts) == (statuses.count(303), 1)


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


async def test_a_session_is_new_at_each_sign_in_there(events, provider):
    """The session that the browser had ends, whichever way it was opened."""
    member = await events.organisation()
    browser = await events.signed_in(member)
    old = browser.cookies["teilhabe_session"]
    provider.claims["email"] = owner_address(member.organisation_ids[0])
    await provider.sign_in(browser)
    assert browser.cookies["teilhabe_session"] != old
    thief = events.browser()
    thief.cookies["teilhabe_session"] = old
    assert "/sign-in?next=" in (await thief.get("/sign-in/renew")).headers["location"]


async def test_after_a_day_the_provider_is_asked_again(events, provider):
    """However much it is used, a session that the provider opened ends after a day; one by a link goes on."""
    member = await events.organisation()
    by_link = await events.signed_in(member)
    by_provider = events.browser()
    provider.claims["email"] = owner_address(member.organisation_ids[0])
    await provider.sign_in(by_provider)
    for hours, ended in ((11, False), (11, False), (3, True)):
        events.later(hours=hours)
        for browser, out in ((by_link, False), (by_provider, ended)):
            assert ("/sign-in?next=" in (await browser.get("/sign-in/renew")).headers["location"]) == out


async def test_signing_out_leads_to_the_providers_own(events, provider):
    """Who came by the provider is told that it may still know them; who came by a link is not."""
    provider.metadata = {"end_session_endpoint": f"{provider.url}/end?x=1"}
    member = await events.organisation()
    provider.claims["email"] = owner_address(member.organisation_ids[0])
    by_provider, by_link = events.browser(), await events.signed_in(member)
    await provider.sign_in(by_provider)
    left = await by_link.post("/sign-out", {"csrf_token": await csrf(by_link, "/console")})
    assert left.headers["location"] == "/events"
    left = await by_provider.post("/sign-out", {"csrf_token": await csrf(by_provider, "/console")})
    assert left.headers["location"] == "/sign-in/openid/left"
    page = await by_provider.get("/sign-in/openid/left")
    assert f'href="{provider.url}/end?x=1&amp;client_id={CLIENT}&amp;ui_locales=en"' in page.text
    for metadata in ({}, {"end_session_endpoint": "https://evil.example/end"}):
        configure(events)
        provider.metadata = metadata
        page = await by_provider.get("/sign-in/openid/left")
        assert (page.status, "/end" in page.text) == (200, False)


async def test_without_a_provider_nothing_of_it_is_there(migrated):
    """The sign-in page has no button, and the addresses do not exist."""
    async with running_events_service(migrated) as service:
        browser = service.browser()
        assert "/sign-in/openid" not in (await browser.get("/sign-in")).text
        for path in ("/sign-in/openid", "/sign-in/openid/back?code=a&state=b", "/sign-in/openid/left"):
            assert (await browser.get(path)).status == 404, path


async def test_the_button_stands_above_the_form(events):
    """It has the provider's name, in the reader's language where it has one, and keeps where one wants to go."""
    configure(events, openid_label={"de": "Stadt & Land", "en": "City <login>"})
    events.app.state.pages.environment.globals["identity_provider"] = events.app.state.settings.openid_name
    for language, name in (("de", "Mit Stadt &amp; Land einloggen"), ("en", "Sign in with City &lt;login&gt;")):
        page = (await events.browser(language).get("/sign-in?next=/console?page=2")).text
        assert page.index(name) < page.index('name="email"')
        assert 'href="/sign-in/openid?next=/console%3Fpage%3D2"' in page


async def test_the_roles_need_no_more_than_the_claims_name():
    """A path leads into objects; a name with dots in it goes first."""
    claims = {"a": {"b": ["c"]}, "https://x.example/roles": ["d"], "a.e": ["f"]}
    found = [claim_at(claims, path) for path in ("a.b", "https://x.example/roles", "a.e", "a.x", "a.b.c", "z")]
    assert found == [["c"], ["d"], ["f"], None, None, None]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"openid_issuer": "http://login.example.org"}, "https://"),
        ({"openid_issuer": "https://login.example.org?x=1"}, "https://"),
        ({"openid_issuer": "login.example.org"}, "https://"),
        ({"openid_client_id": ""}, "CLIENT_ID"),
        ({"openid_scopes": "email"}, "SCOPES"),
        ({"openid_label": " "}, "LABEL"),
        ({"openid_roles_claim": "groups"}, "ROLES"),
        ({"openid_roles": {"team": {str(uuid4()): "owner"}}}, "ROLES"),
        ({"openid_roles": {"team": {str(uuid4()): "king"}}, "openid_roles_claim": "groups"}, "owner"),
    ],
)
def test_half_a_provider_is_refused(settings, why):
    """The process does not start with a provider that could not work, or one that is spoken to in the clear."""
    whole = {"openid_issuer": "https://login.example.org/realms/a", "openid_client_id": CLIENT}
    kind, common = SERVICES["events"], shared_settings() | {"TEILHABE_DATABASE_EVENTS": "postgresql://nowhere"}
    assert kind(**common, **whole).openid
    with pytest.raises(ValidationError, match=why):
        kind(**common, **(whole | settings))


def test_the_environment_says_which_values_give_which_roles(monkeypatch):
    """The mapping and the label are JSON in their variables; an empty variable is none."""
    organisation = uuid4()
    given = {"ISSUER": "https://login.example.org", "CLIENT_ID": "a", "ROLES_CLAIM": "groups", "LABEL": "Stadt"}
    given["ROLES"] = f'{{"team": {{"{organisation}": "organiser"}}}}'
    for name, value in given.items():
        monkeypatch.setenv(f"TEILHABE_OPENID_{name}", value)
    kind, common = SERVICES["events"], shared_settings() | {"TEILHABE_DATABASE_EVENTS": "postgresql://nowhere"}
    settings = kind(**common)
    assert settings.openid_roles == {"team": {organisation: Role.ORGANISER}}
    assert settings.openid_name("tr") == "Stadt"
    monkeypatch.setenv("TEILHABE_OPENID_LABEL", '{"de": "Stadt", "tr": "Kent"}')
    assert kind(**common).openid_name("tr") == "Kent"
    for name in given:
        monkeypatch.setenv(f"TEILHABE_OPENID_{name}", "")
    assert not kind(**common).openid
    assert kind(**common).openid_timeout == timedelta(seconds=10)
