"""Sign-in at a certified OpenID Connect provider that runs here: the whole way, page by page."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from deploy.kafka.kafka import free_port
from services.events.sign_in import openid
from services.events.sign_in.openid import OpenId
from shared.contracts.organisations import Role
from tests.support.events_service import csrf, owner_address, running_events_service
from tests.support.openid_provider import BACK, CLIENT, PUBLIC_CLIENT, SECRET, running_provider


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    with running_provider(free_port(), tmp_path_factory.mktemp("provider")) as running:
        yield running


@pytest.fixture
async def events(migrated, provider):
    """The service, with two offices; in the first the provider's groups give the roles."""
    given = {"openid_issuer": provider.issuer, "openid_client_id": CLIENT, "openid_client_secret": SECRET}
    given |= {"openid_scopes": "openid email groups"}
    async with running_events_service(migrated, **given) as service:
        service.now = datetime.now(UTC)
        offices = [(await service.organisation(name)).organisation_ids[0] for name in ("Erstes", "Zweites")]
        mapping = {"lead": {offices[0]: Role.OWNER}, "team": {offices[0]: Role.ORGANISER}}
        changes = {"openid_roles_claim": "groups", "openid_roles": mapping}
        configure(service, **changes)
        service.offices = offices
        yield service


def configure(events, **changes) -> None:
    events.app.state.settings = events.app.state.settings.model_copy(update=changes)
    events.app.state.openid = OpenId(events.app.state.settings)


def account(address: str, *groups: str, verified: bool = True) -> dict:
    return {"email": address, "email_verified": verified, "groups": list(groups)}


async def log_in(provider, browser, name: str, page: str = "/sign-in/openid"):
    """Press the button, log in at the provider and agree, come back."""
    begun = await browser.get(page)
    assert begun.status == 303, begun.text
    back = await provider.log_in(begun.headers["location"], name)
    return await browser.get(back.removeprefix("http://127.0.0.1:8710"))


@pytest.mark.parametrize("client", [CLIENT, PUBLIC_CLIENT])
async def test_the_whole_way(events, provider, client):
    """From the button past the provider's pages to the console, with the roles that its groups give; and out again."""
    configure(events, openid_client_id=client)
    if client == PUBLIC_CLIENT:
        configure(events, openid_client_secret=type(events.settings.openid_client_secret)(""))
    provider.accounts(lead=account(f"{client}-lead@demo.example", "lead"), desk=account("desk@demo.example"))
    browser = events.browser("de")
    answer = await log_in(provider, browser, "lead", "/sign-in/openid?next=/console%3Fpage%3D1")
    assert (answer.status, answer.headers["location"]) == (303, "/console?page=1")
    page = (await browser.get("/console")).text
    assert ("Erstes" in page, "Zweites" in page) == (True, False)
    stranger = await log_in(provider, events.browser("de"), "desk")
    assert (stranger.status, "zu keiner Organisation" in stranger.text) == (403, True)
    await browser.post("/sign-out", {"csrf_token": await csrf(browser, "/console")})
    left = (await browser.get("/sign-in/openid/left")).text
    assert f"{provider.issuer}/session/end?client_id={client}" in left


async def test_groups_add_change_and_take_away(events, provider):
    """What changes at the provider holds here from the next sign-in on."""
    browser, statuses, roles = events.browser(), [], []
    for groups in (["team"], ["team", "lead"], []):
        provider.accounts(one=account("one@demo.example", *groups))
        statuses.append((await log_in(provider, browser, "one")).status)
        told = (await events.messages("organisations", events.offices[0]))[-1]["members"]
        roles.append(sorted(member["role"] for member in told))
    assert statuses == [303, 303, 403]
    assert roles == [["organiser", "owner"], ["owner", "owner"], ["owner"]]


async def test_a_member_without_groups_comes_by_address(events, provider):
    """In an organisation that the mapping does not speak of, the link by e-mail and the account are one person."""
    address = owner_address(events.offices[1])
    provider.accounts(two=account(address), three=account(owner_address(events.offices[0]), "lead", verified=False))
    browser = events.browser()
    assert (await log_in(provider, browser, "two")).status == 303
    assert "Zweites" in (await browser.get("/console")).text
    unverified = await log_in(provider, events.browser(), "three")
    assert (unverified.status, "has not confirmed" in unverified.text) == (403, True)


async def test_who_stops_at_the_provider_is_not_signed_in(events, provider):
    """Cancelling there ends on a page that says so, with the link by e-mail as the next step."""
    provider.accounts(lead=account("lead@demo.example", "lead"))
    browser = events.browser()
    begun = await browser.get("/sign-in/openid")
    back = await provider.log_in(begun.headers["location"], "lead", agree=False)
    answer = await browser.get(back.removeprefix("http://127.0.0.1:8710"))
    assert (answer.status, 'href="/sign-in"' in answer.text) == (403, True)


async def test_a_code_is_good_once(events, provider):
    """A code that somebody has seen on its way is of no use after us, nor before: the provider wants its verifier."""
    provider.accounts(lead=account("lead@demo.example", "lead"))
    browser = events.browser()
    begun = await browser.get("/sign-in/openid")
    kept = dict(browser.cookies)
    back = (await provider.log_in(begun.headers["location"], "lead")).removeprefix("http://127.0.0.1:8710")
    assert (await browser.get(back)).status == 303
    thief = events.browser()
    thief.cookies |= kept
    replayed = await thief.get(back)
    assert (replayed.status, thief.cookies.get("teilhabe_session")) == (502, None)


async def test_without_the_verifier_the_provider_gives_no_token(events, provider):
    """The negative control of PKCE: secret and code are right, the verifier is missing, another's, or ours."""
    provider.accounts(lead=account("lead@demo.example", "lead"))
    answers = {}
    for what in ("none", "another", "ours"):
        url, transaction = await events.app.state.openid.begin(language="en", next_url="", now=events.now)
        back = await provider.log_in(url, "lead")
        verifier = {"none": {}, "another": {"code_verifier": "a" * 43}, "ours": {"code_verifier": transaction.verifier}}
        form = {
            "grant_type": "authorization_code",
            "redirect_uri": BACK,
            "code": parse_qs(urlsplit(back).query)["code"][0],
        }
        auth = events.app.state.openid._client_auth({}).prepare("POST", "", {}, "")[1]
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{provider.issuer}/token", data={**form, **verifier[what]}, headers=auth) as answer,
        ):
            answers[what] = (answer.status, (await answer.json()).get("error"))
    assert answers == {"none": (400, "invalid_grant"), "another": (400, "invalid_grant"), "ours": (200, None)}


async def test_a_challenge_that_does_not_fit_signs_nobody_in(events, provider, monkeypatch):
    """With another hash in the browser's way the provider refuses us, and we refuse the person."""
    provider.accounts(lead=account("lead@demo.example", "lead"))
    monkeypatch.setattr(openid, "create_s256_code_challenge", lambda _: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    answer = await log_in(provider, events.browser(), "lead")
    assert answer.status == 502


async def test_the_provider_may_change_its_keys(events, provider):
    """While we know the old keys, a token that the new one has signed is read."""
    provider.accounts(lead=account("lead@demo.example", "lead"))
    assert (await log_in(provider, events.browser(), "lead")).status == 303
    provider.change_keys()
    assert (await log_in(provider, events.browser(), "lead")).status == 303


async def test_a_secret_that_is_wrong_is_told_to_the_operator_alone(events, provider):
    """The person gets the calm page; nothing of the secret is in it."""
    configure(events, openid_client_secret=type(events.settings.openid_client_secret)("not the secret"))
    provider.accounts(lead=account("lead@demo.example", "lead"))
    answer = await log_in(provider, events.browser(), "lead")
    assert answer.status == 502
    assert "secret" not in answer.text


async def test_claims_in_the_id_token_alone_are_enough(migrated, tmp_path):
    """A provider that tells all in the ID token is not asked again; ours above tells at its userinfo endpoint."""
    with running_provider(free_port(), tmp_path, in_id_token=True) as provider:
        given = {"openid_issuer": provider.issuer, "openid_client_id": CLIENT, "openid_client_secret": SECRET}
        async with running_events_service(migrated, **given) as service:
            service.now = datetime.now(UTC)
            member = await service.organisation()
            provider.accounts(two=account(owner_address(member.organisation_ids[0])))
            ask = service.app.state.openid._provider.ask
            asked = []

            async def noted(method, url, **rest):
                asked.append(urlsplit(url).path)
                return await ask(method, url, **rest)

            service.app.state.openid._provider.ask = noted
            assert (await log_in(provider, service.browser(), "two")).status == 303
            assert asked == ["/.well-known/openid-configuration", "/token", "/jwks"]
