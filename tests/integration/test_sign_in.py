"""Signing in by a link, from the wish for it to the end of the session."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
from sqlalchemy import text

from services.events.sign_in.commands import forget_old
from shared.auth.sign_in import safe_next
from shared.auth.tokens import TOKEN_COOKIE, check_token, sign_token
from shared.contracts.contacts import Contact
from shared.web.urls import ServiceUrls
from tests.support.events_service import CSRF, NOW, csrf, key_pair, owner_address, use_link


async def test_a_link_signs_in_once(events):
    """The link that was sent signs in; the second time it is gone."""
    member = await events.organisation()
    browser = events.browser()
    answer = await events.ask_for_link(browser, owner_address(member.organisation_ids[0]))
    assert answer.headers["location"] == "/sign-in/sent"
    token = await events.sent_token()
    signed_in = await use_link(browser, token)
    assert signed_in.headers["location"] == "/console"
    assert (await browser.get("/console")).status == 200
    assert (await use_link(events.browser(), token)).status == 410


async def test_looking_at_a_link_does_not_use_it(events):
    """A mail scanner that opens the link leaves it good for the person."""
    member = await events.organisation()
    await events.ask_for_link(events.browser(), owner_address(member.organisation_ids[0]))
    token = await events.sent_token()
    scanner = events.browser()
    for _ in range(3):
        assert (await scanner.get(f"/sign-in/{token}")).status == 200
    assert "teilhabe_session" not in scanner.cookies
    assert (await use_link(events.browser(), token)).status == 303


async def test_of_two_who_use_a_link_at_once_one_signs_in(events):
    """Eight browsers press the button at the same time: one session comes of it."""
    member = await events.organisation()
    await events.ask_for_link(events.browser(), owner_address(member.organisation_ids[0]))
    token = await events.sent_token()
    browsers = [events.browser() for _ in range(8)]
    fields = [await csrf(browser, f"/sign-in/{token}") for browser in browsers]
    answers = await asyncio.gather(
        *(b.post(f"/sign-in/{token}", {"csrf_token": f}) for b, f in zip(browsers, fields, strict=True))
    )
    assert sorted(answer.status for answer in answers) == [303] + [410] * 7


async def test_a_link_is_good_for_fifteen_minutes(events):
    """A minute before its end it works, at its end it does not."""
    member = await events.organisation()
    address = owner_address(member.organisation_ids[0])
    for minutes, status in ((14, 303), (15, 410)):
        await events.ask_for_link(events.browser(), address)
        token = await events.sent_token()
        events.later(minutes=minutes)
        assert (await use_link(events.browser(), token)).status == status


async def test_known_and_unknown_addresses_get_the_same(events):
    """Answer, headers and statements are equal; only the member gets a mail."""
    member = await events.organisation()
    seen = []
    for address in (owner_address(member.organisation_ids[0]), "stranger@demo.example"):
        browser = events.browser()
        token = await csrf(browser, "/sign-in")
        events.statements.clear()
        answer = await browser.post("/sign-in", {"email": address, "csrf_token": token})
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        seen.append((answer.status, headers, answer.body, list(events.statements)))
        assert (await events.sent_token() is None) == (address == "stranger@demo.example")
    assert seen[0] == seen[1]
    assert len(seen[0][3]) > 0


async def test_an_address_gets_five_links_in_fifteen_minutes(events):
    """The sixth wish is refused, in the same words for a stranger, and is possible again later."""
    member = await events.organisation()
    refusals = []
    for address in (owner_address(member.organisation_ids[0]), f"{uuid4()}@demo.example"):
        browser = events.browser()
        for _ in range(5):
            assert (await events.ask_for_link(browser, address)).status == 303
        refused = await events.ask_for_link(browser, address.upper())
        assert refused.status == 429
        assert refused.headers["retry-after"] == "180"
        refusals.append(CSRF.sub("", refused.text).replace(address.upper(), ""))
    assert refusals[0] == refusals[1]
    events.later(minutes=15, seconds=1)
    assert (await events.ask_for_link(events.browser(), owner_address(member.organisation_ids[0]))).status == 303


async def test_a_client_asks_for_thirty_links_in_fifteen_minutes(events):
    """Somebody who tries many addresses is stopped, and somebody else is not."""
    events.later(days=1)
    statuses = [(await events.ask_for_link(events.browser(), f"{uuid4()}@demo.example")).status for _ in range(31)]
    assert statuses == [303] * 30 + [429]
    elsewhere = events.browser()
    scope = elsewhere._scope
    elsewhere._scope = lambda *args: scope(*args) | {"client": ("127.0.0.9", 1)}
    assert (await events.ask_for_link(elsewhere, "somebody@demo.example")).status == 303


async def test_parallel_wishes_do_not_pass_the_limit(events):
    """Twelve wishes at the same time are counted one after the other."""
    events.later(days=2)
    address = f"{uuid4()}@demo.example"
    browsers = [events.browser() for _ in range(12)]
    tokens = [await csrf(browser, "/sign-in") for browser in browsers]
    answers = await asyncio.gather(
        *(b.post("/sign-in", {"email": address, "csrf_token": t}) for b, t in zip(browsers, tokens, strict=True))
    )
    assert sorted(answer.status for answer in answers) == [303] * 5 + [429] * 7


async def test_what_is_no_address_is_said(events):
    """A typing mistake is named at its field, and what was typed stays."""
    answer = await events.ask_for_link(events.browser(), "office at demo")
    assert answer.status == 422
    assert "office at demo" in answer.text
    assert "office@example.org" in answer.text


async def test_a_session_is_new_at_each_sign_in(events):
    """Signing in again ends the session that the browser had."""
    member = await events.organisation()
    browser = await events.signed_in(member)
    old = browser.cookies["teilhabe_session"]
    browser.cookies.pop(TOKEN_COOKIE)
    await events.ask_for_link(browser, owner_address(member.organisation_ids[0]))
    await use_link(browser, await events.sent_token())
    assert browser.cookies["teilhabe_session"] != old
    thief = events.browser()
    thief.cookies["teilhabe_session"] = old
    assert "/sign-in?next=" in (await thief.get("/sign-in/renew")).headers["location"]


async def test_a_token_is_renewed_while_the_session_lives(events):
    """After ten minutes the browser passes by the renewal and is back; after twelve idle hours it is not."""
    browser = await events.signed_in(await events.organisation())
    events.later(minutes=11)
    sent_away = await browser.get("/console?page=1")
    assert sent_away.status == 303
    back = await browser.get(sent_away.headers["location"].removeprefix(events.settings.events_url))
    assert back.headers["location"] == f"{events.settings.events_url}/console?page=1"
    assert (await browser.get("/console?page=1")).status == 200
    events.later(hours=11, minutes=59)
    assert (await browser.get("/sign-in/renew")).headers["location"] == "/console"
    events.later(hours=12)
    assert "/sign-in?next=" in (await browser.get("/sign-in/renew")).headers["location"]


async def test_a_form_survives_the_renewal(events):
    """What was typed into a form for longer than the token lives is sent on with it."""
    browser = await events.signed_in(await events.organisation())
    events.later(minutes=11)
    sent_away = await browser.post("/console/events/new", {"title-de": "Lang getippt"})
    assert sent_away.status == 307
    back = await browser.post(sent_away.headers["location"].removeprefix(events.settings.events_url), {})
    assert back.status == 307
    assert back.headers["location"].endswith("/console/events/new")


async def test_signing_out_ends_the_session(events):
    """After signing out neither the cookie of the session nor the browser gets in."""
    browser = await events.signed_in(await events.organisation())
    secret = browser.cookies["teilhabe_session"]
    answer = await browser.post("/sign-out", {"csrf_token": await csrf(browser, "/console")})
    assert answer.status == 303
    browser.cookies["teilhabe_session"] = secret
    assert "/sign-in?next=" in (await browser.get("/sign-in/renew")).headers["location"]


async def test_the_link_leads_where_the_person_wanted_to_go(events):
    """Who is sent to the sign-in from another service comes out there."""
    member = await events.organisation()
    wanted = f"{events.settings.registrations_url}/registrations/console/events/1"
    await events.ask_for_link(events.browser(), owner_address(member.organisation_ids[0]), next=wanted)
    assert (await use_link(events.browser(), await events.sent_token())).headers["location"] == wanted


URLS = ServiceUrls("http://127.0.0.1:8710", "http://127.0.0.1:8720", "http://127.0.0.1:8730")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "http://127.0.0.1:8710@evil.example/",
        "http://127.0.0.1:87100/",
        "javascript:alert(1)",
        "http:evil.example",
        "/ok\r\nset-cookie: a=b",
        "/" + "a" * 3000,
        "http://[",
        "evil.example",
    ],
)
def test_nobody_is_led_elsewhere(address):
    """An address that is not one of the three services' is not followed."""
    assert safe_next(address, URLS, "/console") == "/console"


@pytest.mark.parametrize("address", ["/console?page=2", "http://127.0.0.1:8720/registrations/console/events/1"])
def test_our_own_addresses_are_followed(address):
    """Paths, and the addresses of the three services."""
    assert safe_next(address, URLS, "/console") == address


async def test_signing_in_sets_the_language_of_the_mails(events):
    """Who asks for the link on a Turkish page is written to in Turkish from then on."""
    member = await events.organisation()
    await events.signed_in(member, "tr")
    newest = (await events.messages("contacts", member.person_id))[-1]
    assert newest["aggregate_version"] == 2
    assert events.vault.open(newest["sealed"], Contact, f"contact:{member.person_id}").language == "tr"


async def test_old_links_and_sessions_are_forgotten(events):
    """What no longer works does not stay in the database."""
    await events.signed_in(await events.organisation())
    await events.ask_for_link(events.browser(), "stranger@demo.example")
    await events.sent_token()
    events.later(hours=13)
    async with events.database.begin() as session:
        await forget_old(session, events.settings.sign_in_window, events.now)
        counted = "SELECT count(*) FROM {} WHERE {} <= :now"
        for table, column in (("member_sessions", "expires_at"), ("sign_in_requests", "requested_at")):
            left = await session.execute(text(counted.format(table, column)), {"now": events.now})
            assert left.scalar_one() == 0


async def test_only_our_key_makes_a_token(events):
    """A token signed by another key, by none, for another audience or for the past names nobody."""
    person, private = uuid4(), events.settings.token_private_key.get_secret_value()
    public = events.settings.token_public_key
    assert check_token(sign_token(person, private, NOW), public, NOW) == person
    assert check_token(sign_token(person, key_pair()[0], NOW), public, NOW) is None
    assert check_token(sign_token(person, private, NOW), public, NOW + timedelta(minutes=10)) is None
    claims = {"sub": str(person), "aud": "teilhabe", "iat": NOW, "exp": NOW + timedelta(hours=1)}
    assert check_token(jwt.encode(claims, "", algorithm="none"), public, NOW) is None
    assert check_token(jwt.encode(claims | {"aud": "other"}, private, algorithm="EdDSA"), public, NOW) is None
    assert check_token(jwt.encode(claims | {"sub": "me"}, private, algorithm="EdDSA"), public, NOW) is None
    assert check_token("rubbish", public, NOW) is None
