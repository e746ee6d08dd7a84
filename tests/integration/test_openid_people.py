"""Whom an account at the identity provider signs in, and for how long."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy.dialects.postgresql import Insert
from structlog.testing import capture_logs

from services.events.sign_in import identities
from services.events.sign_in.identities import unlink
from shared.contracts.contacts import Contact
from shared.contracts.organisations import Role
from tests.support.events_service import csrf, owner_address, running_events_service
from tests.support.forged_provider import CLIENT
from tests.support.openid_service import (
    configure,
    has_roles,
    map_roles,
    rows,
    running_with_provider,
    with_new_account,
    without_roles,
)


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
