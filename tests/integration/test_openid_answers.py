"""What an identity provider, or somebody in its name, may answer: what is not exactly right signs nobody in."""

import logging
from base64 import urlsafe_b64encode

import pytest
from joserfc.jwk import RSAKey
from structlog.testing import capture_logs

from services.events.sign_in import openid
from tests.support.events_service import NOW
from tests.support.forged_provider import CLIENT, KEY, come_back, signed, signed_with_password, unsigned
from tests.support.openid_service import CITY, SECRET, as_new, running_with_provider, with_known_member

OTHER = RSAKey.generate_key(2048, {"kid": "first"})


@pytest.fixture(scope="module")
async def service(migrated):
    async with running_with_provider(migrated, **CITY) as both:
        yield both


@pytest.fixture
def provider(service):
    _, forged = service
    return as_new(forged)


@pytest.fixture
async def events(service, provider):
    running, _ = service
    return await with_known_member(running, provider)


def parts_swapped(claims):
    """The signature of one token under the claims of another."""
    head, _, signature = signed(claims | {"sub": "other"}, KEY).split(".")
    return ".".join([head, signed(claims, KEY).split(".")[1], signature])


def deep():
    """A token whose claims have no bottom."""
    head, _, signature = signed({}, KEY).split(".")
    return f"{head}.{urlsafe_b64encode(b'[' * 90_000).decode()}.{signature}"


TOKENS = {
    "another nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"claims": {"nonce": None}},
    "a foreign issuer": {"claims": {"iss": "https://evil.example"}},
    "no issuer": {"claims": {"iss": None}},
    "for another client": {"claims": {"aud": "other"}},
    "for nobody": {"claims": {"aud": None}},
    "for several, issued to another": {"claims": {"aud": [CLIENT, "other"], "azp": "other"}},
    "for several, issued to nobody": {"claims": {"aud": [CLIENT, "other"]}},
    "issued to another": {"claims": {"azp": "other"}},
    "expired": {"claims": {"exp": int(NOW.timestamp()) - 61}},
    "without an end": {"claims": {"exp": None}},
    "an end that is no number": {"claims": {"exp": "tomorrow"}},
    "from the future": {"claims": {"iat": int(NOW.timestamp()) + 120}},
    "not yet good": {"claims": {"nbf": int(NOW.timestamp()) + 120}},
    "no subject": {"claims": {"sub": None}},
    "an empty subject": {"claims": {"sub": ""}},
    "a subject that is no text": {"claims": {"sub": ["account-1"]}},
    "a subject without end": {"claims": {"sub": "a" * 256}},
    "another access token": {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
    "unsigned": {"sign": unsigned},
    "the public key as a password": {"sign": lambda claims: signed_with_password(claims, KEY.as_pem(private=False))},
    "the client's secret as a password": {"sign": lambda claims: signed_with_password(claims, SECRET.encode())},
    "another key of the same name": {"sign": lambda claims: signed(claims, OTHER)},
    "a key of an unknown name": {"sign": lambda claims: signed(claims, OTHER, kid="second")},
    "another's signature": {"sign": parts_swapped},
    "rubbish": {"sign": lambda _: "rubbish"},
    "depth": {"sign": lambda _: deep()},
    "rubbish in three parts": {"sign": lambda _: "a.b.c"},
    "no text": {"sign": lambda _: None},
}


async def test_the_right_answer_signs_in(events, provider):
    """The same walk as of the wrong answers, with nothing wrong: the doors that they knock at are there."""
    browser = events.browser()
    answer = await provider.sign_in(browser, "/sign-in/openid?next=/console%3Fpage%3D2")
    assert (answer.status, answer.headers["location"]) == (303, "/console?page=2")
    assert answer.headers["cache-control"] == "no-store"
    assert (await browser.get("/console")).status == 200
    assert provider.paths() == ["/.well-known/openid-configuration", "/token", "/keys"]


@pytest.mark.parametrize("what", TOKENS)
async def test_a_wrong_id_token_signs_nobody_in(events, provider, what):
    """The person reads that we could not check it, and finds the link by e-mail; the log says why, and not who."""
    changes = TOKENS[what]
    provider.claims |= changes.get("claims", {})
    provider.sign = changes.get("sign")
    browser = events.browser()
    with capture_logs() as logs:
        answer = await provider.sign_in(browser, "/sign-in/openid?next=/console%3Fa%3Db")
    assert answer.status == 502
    assert 'href="/sign-in?next=%2Fconsole%3Fa%3Db"' in answer.text
    assert not browser.cookies.get("teilhabe_session")
    assert (await browser.get("/console")).status == 303
    [line] = [line for line in logs if line["event"] == "openid_sign_in_failed"]
    assert line["reason"].startswith(("ID token: ", "no ID token"))
    assert "demo.example" not in str(logs)
    assert provider.all_claims().get("sub") or "account" not in str(logs)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(NOW.timestamp()) - 59},
        {"iat": int(NOW.timestamp()) + 59},
        {"aud": [CLIENT, "other"], "azp": CLIENT},
        {"aud": [CLIENT]},
    ],
)
async def test_clocks_may_differ_by_a_minute(events, provider, claims):
    """What is over for less than a minute, or comes from the next one, is good; so is a token for us among others."""
    provider.claims |= claims
    assert (await provider.sign_in(events.browser())).status == 303


WRONG_ANSWERS = {
    "another state": ({"state": "another"}, 400),
    "no state": ({"state": None}, 400),
    "another provider's": ({"iss": "https://evil.example"}, 502),
    "nobody's, though it says that it names itself": ({"iss": None}, 502),
    "no code": ({"code": None}, 502),
    "an error beside the code": ({"error": "invalid_scope"}, 502),
    "a refusal": ({"code": None, "error": "access_denied"}, 403),
    "an outage": ({"code": None, "error": "temporarily_unavailable"}, 503),
}


@pytest.mark.parametrize("what", WRONG_ANSWERS)
async def test_a_wrong_answer_asks_for_no_token(events, provider, what):
    """What does not come from this transaction of this browser at this provider never gets as far as the code."""
    changes, status = WRONG_ANSWERS[what]
    browser = events.browser()
    assert (await provider.sign_in(browser, **changes)).status == status
    assert "/token" not in provider.paths()
    assert not browser.cookies.get("teilhabe_session")


async def test_another_browsers_answer_is_not_taken(events, provider):
    """Somebody who lures a person to the end of a sign-in of their own gets them nowhere (login CSRF)."""
    answer = await provider.begin(events.browser())
    assert (await come_back(events.browser(), answer)).status == 400
    busy = events.browser()
    await provider.begin(busy)
    assert (await come_back(busy, answer)).status == 400
    assert "/token" not in provider.paths()


async def test_a_sign_in_has_ten_minutes(events, provider):
    """After nine it is good; after eleven one begins again."""
    for minutes, status in ((9, 303), (11, 400)):
        browser = events.browser()
        answer = await provider.begin(browser)
        events.later(minutes=minutes)
        provider.now = events.now
        assert (await come_back(browser, answer)).status == status


async def test_an_answer_is_good_once(events, provider):
    """The browser forgets what it had begun: the same address again leads who is signed in on, and others nowhere."""
    browser = events.browser()
    answer = await provider.begin(browser)
    assert (await come_back(browser, answer)).status == 303
    asked = provider.paths().count("/token")
    assert (await come_back(browser, answer)).headers["location"] == "/console"
    browser.cookies.clear()
    assert (await come_back(browser, answer)).status == 400
    assert provider.paths().count("/token") == asked


async def test_the_verifier_belongs_to_the_challenge(events, provider):
    """The code is asked for with the text whose hash the browser carried to the provider (RFC 7636)."""
    browser = events.browser()
    begun = await browser.get("/sign-in/openid")
    provider.asked.clear()
    await provider.sign_in(browser)
    [form] = [form for path, form in provider.asked if path == "/token"]
    assert "code_challenge_method=S256" in begun.headers["location"]
    assert len(form["code_verifier"][0]) >= 43
    assert form["redirect_uri"] == [f"{events.settings.events_url}/sign-in/openid/back"]


async def test_nothing_of_a_sign_in_is_in_a_log_line(events, provider, caplog):
    """No code, state, token, secret, subject or address is logged, at any level, by us or by a library."""
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        browser = events.browser()
        answer = await provider.begin(browser)
        sealed = browser.cookies["teilhabe_openid"]
        assert (await come_back(browser, answer)).status == 303
        assert (await provider.sign_in(events.browser(), error="invalid_scope")).status == 502
    [form] = [form for path, form in provider.asked if path == "/token"]
    known = [answer["code"], answer["state"], provider.nonces[answer["code"]], form["code_verifier"][0], sealed]
    known += [SECRET, "an access token", provider.claims["sub"], provider.claims["email"], *browser.cookies.values()]
    seen = "\n".join([str(logs), *(record.getMessage() for record in caplog.records)])
    assert len(seen) > 500
    assert [secret for secret in known if secret and secret in seen] == []


async def test_what_the_browser_keeps_is_sealed_and_short_lived(events):
    """The cookie is for this host and no script, for ten minutes, and tells nobody the verifier."""
    browser = events.browser()
    answer = await browser.get("/sign-in/openid")
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax"))
    transaction = events.vault.open(browser.cookies["teilhabe_openid"], openid.Transaction, "openid")
    assert not [secret for secret in (transaction.state, transaction.nonce, transaction.verifier) if secret in cookie]
    assert transaction.verifier not in answer.headers["location"]
    rubbish = events.browser()
    for value in ("rubbish", "test1.rubbish", "test1.", "ä", browser.cookies["teilhabe_openid"][:-4]):
        rubbish.cookies["teilhabe_openid"] = value
        assert (await come_back(rubbish, {"code": "a", "state": transaction.state})).status == 400


async def test_a_foreign_site_does_not_begin_a_sign_in(events, provider):
    """From a link elsewhere one gets to the sign-in page, where one decides; the page is kept in mind."""
    answer = await events.browser().get("/sign-in/openid?next=/console", {"sec-fetch-site": "cross-site"})
    assert answer.headers["location"] == "/sign-in?next=%2Fconsole"
    assert provider.asked == []


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
async def test_a_sign_in_at_the_provider_leads_nowhere_else(events, provider, target):
    """The page to go on to is one of ours."""
    answer = await provider.sign_in(events.browser(), f"/sign-in/openid?next={target}")
    assert answer.headers["location"] == "/console"


async def test_a_client_has_its_limit(events, provider):
    """Somebody who sends answers without end is stopped before the provider is asked."""
    browser = events.browser()
    scope = browser._scope
    browser._scope = lambda *args: scope(*args) | {"client": ("192.0.2.7", 1)}
    statuses = [(await come_back(browser, {"code": "x", "state": "y"})).status for _ in range(121)]
    assert statuses == [400] * 120 + [429]
    assert provider.asked == []
