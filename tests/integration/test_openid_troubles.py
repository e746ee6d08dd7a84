"""An identity provider that is down, slow, has other keys, or says of itself what cannot be: nobody is led astray."""

import json
import time

import pytest
from joserfc.jwk import RSAKey

from deploy.kafka.kafka import free_port
from services.events.sign_in import openid
from tests.support.events_service import running_events_service
from tests.support.forged_provider import CLIENT, KEY, signed
from tests.support.openid_service import CITY, SECRET, as_new, running_with_provider, with_known_member


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


METADATA = {
    "another issuer": {"issuer": "https://evil.example"},
    "tokens from elsewhere": {"token_endpoint": "https://evil.example/token"},
    "tokens from another port": {"token_endpoint": "http://127.0.0.1:9/token"},
    "tokens past a name": {"token_endpoint": "http://127.0.0.1:80@evil.example/token"},
    "keys from inside": {"jwks_uri": "http://169.254.169.254/latest/meta-data"},
    "keys from a file": {"jwks_uri": "file:///etc/passwd"},
    "a page elsewhere": {"authorization_endpoint": "https://evil.example/authorize"},
    "a page that is a script": {"authorization_endpoint": "javascript:alert(1)"},
    "no page": {"authorization_endpoint": None},
    "no S256": {"code_challenge_methods_supported": ["plain"]},
}


@pytest.mark.parametrize("what", METADATA)
async def test_wrong_metadata_lead_nowhere(events, provider, what):
    """Nothing is fetched from elsewhere, and nobody is sent elsewhere, whatever the provider says of itself."""
    provider.metadata = METADATA[what]
    answer = await events.browser().get("/sign-in/openid")
    assert answer.status == 502
    assert "location" not in answer.headers
    assert provider.paths() == ["/.well-known/openid-configuration"]


DISCOVERY = "/.well-known/openid-configuration"
TROUBLES = {
    "an error": ({DISCOVERY: (500, {}, b"")}, 503),
    "nothing there": ({DISCOVERY: (404, {}, b"{}")}, 503),
    "another address": ({DISCOVERY: (302, {"location": "/token"}, b"")}, 503),
    "a page": ({DISCOVERY: (200, {}, b"<html>")}, 502),
    "depth": ({DISCOVERY: (200, {}, b"[" * 200_000)}, 502),
    "no end": ({DISCOVERY: (200, {}, b" " * 600_000)}, 502),
    "keys: an error": ({"/keys": (500, {}, b"")}, 503),
    "keys: a page": ({"/keys": (200, {}, b"<html>")}, 502),
    "keys: none": ({"/keys": (200, {}, b'{"keys": []}')}, 502),
    "keys: rubbish": ({"/keys": (200, {}, b'{"keys": [{"kty": "RSA", "n": 1}]}')}, 502),
    "keys: no list": ({"/keys": (200, {}, b'{"keys": 7}')}, 502),
    "tokens: refused": ({"/token": (400, {}, b'{"error": "invalid_grant"}')}, 502),
    "tokens: elsewhere": ({"/token": (307, {"location": "/elsewhere"}, b"")}, 502),
    "tokens: an error": ({"/token": (503, {}, b"")}, 503),
    "tokens: a page": ({"/token": (200, {}, b"<html>")}, 502),
    "tokens: a list": ({"/token": (200, {}, b"[]")}, 502),
}


@pytest.mark.parametrize("what", TROUBLES)
async def test_trouble_at_the_provider_ends_calmly(events, provider, what):
    """Each end is a page with the link by e-mail as the next step, and no redirect is followed."""
    provider.raw, status = TROUBLES[what]
    browser = events.browser("de")
    answer = await browser.get("/sign-in/openid")
    if answer.status == 303:
        answer = await provider.sign_in(browser)
    assert answer.status == status
    assert "Mit einem Link per E-Mail einloggen" in answer.text
    assert "/elsewhere" not in provider.paths()


@pytest.mark.parametrize("methods", [None, 7, ["client_secret_post"], ["client_secret_basic", "client_secret_post"]])
async def test_the_client_shows_its_secret_as_the_provider_wants_it(events, provider, methods):
    """In the header, unless the provider takes it in the form alone; what it says of that may be rubbish."""
    provider.metadata = {"token_endpoint_auth_methods_supported": methods}
    assert (await provider.sign_in(events.browser())).status == 303
    [form] = [form for path, form in provider.asked if path == "/token"]
    assert form.get("client_secret") == ([SECRET] if methods == ["client_secret_post"] else None)


async def test_keys_of_another_kind_are_passed_over(events, provider):
    """A key that nobody here can read, beside the one that signs, stops nobody."""
    keys = [{"kty": "LATTICE", "kid": "third"}, {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"}, 7, {}]
    provider.raw = {"/keys": (200, {}, json.dumps({"keys": [*keys, KEY.as_dict(private=False)]}).encode())}
    assert (await provider.sign_in(events.browser())).status == 303


async def test_a_slow_provider_is_not_waited_for(events, provider):
    """After the time limit, one second here, the person goes on."""
    provider.seconds = 1.5
    begun = time.monotonic()
    assert (await events.browser().get("/sign-in/openid")).status == 503
    assert 0.9 < time.monotonic() - begun < 1.4


async def test_without_a_provider_links_still_sign_in(migrated):
    """While the provider is down its button ends on a calm page; the form below it works."""
    issuer = f"http://127.0.0.1:{free_port()}"
    async with running_events_service(migrated, openid_issuer=issuer, openid_client_id=CLIENT) as service:
        member = await service.organisation()
        assert (await service.browser().get("/sign-in/openid")).status == 503
        browser = await service.signed_in(member)
        assert (await browser.get("/console")).status == 200


async def test_new_keys_are_fetched_when_they_are_needed(events, provider):
    """A key that the provider has changed to is found, once it has signed something; metadata are asked for once."""
    assert (await provider.sign_in(events.browser())).status == 303
    fresh = RSAKey.generate_key(2048, {"kid": "second"})
    provider.keys, provider.sign = [fresh], lambda claims: signed(claims, fresh, kid="second")
    assert (await provider.sign_in(events.browser())).status == 303
    provider.sign = lambda claims: signed(claims, KEY)
    assert (await provider.sign_in(events.browser())).status == 502
    assert provider.paths().count("/.well-known/openid-configuration") == 1
    assert provider.paths().count("/keys") == 3


@pytest.mark.parametrize("algorithm", openid._ALGORITHMS[:6])
async def test_each_allowed_algorithm_is_read(events, provider, algorithm):
    """The list of algorithms holds what providers use; all of them are asymmetric."""
    provider.sign = lambda claims: signed(claims, KEY, algorithm)
    assert (await provider.sign_in(events.browser())).status == 303
