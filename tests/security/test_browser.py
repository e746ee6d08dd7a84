"""What every answer tells a browser: policies, cookies, caches; and that nobody is led elsewhere."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest

from shared.auth.sign_in import safe_next
from shared.auth.tokens import TOKEN_COOKIE
from shared.web.urls import ServiceUrls
from tests.security.door import FORM, Doors, close_doors, form_token, open_doors
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import open_event, register, send, typed, where

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
HEADERS = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
FOR_FOREIGN_SITES = {"/events/embed.js": {"cross-origin-resource-policy": "cross-origin"}}
"""What foreign sites load; the frame's page has a test of its own (`test_only_the_frames_page_may_be_framed`)."""

HTTPS = {f"{service}_url": "https://teilhabe.example.org" for service in ("events", "registrations", "notifications")}
COOKIE = re.compile(r"(?P<name>[^=]+)=(?P<value>[^;]*)(?P<rest>.*)")
NO_TOKEN_NEEDED = {
    "/notifications/unsubscribe/{token}": "RFC 8058: mail programs press the button",
    "/sign-in/renew": "changes nothing but the token of the browser itself, and passes the form on",
    "/notifications/twilio/inbound": "signed by the provider",
    "/notifications/twilio/receipts": "signed by the provider",
}


@pytest.fixture(scope="module")
async def secure(database_url):
    """The services as browsers reach them in production: over https, on one origin."""
    opened = await open_doors(database_url, **HTTPS)
    yield opened
    await close_doors(opened)


def policy_of(answer):
    directives = answer.headers["content-security-policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives if " " in directive)


async def every_get(doors: Doors, token: str):
    """Each route that is read, as a signed-in member; with parts of the path that are not there."""
    for way in doors.ways():
        if way.method == "GET":
            answer = await doors.browser(way.service, token).get(way.url(event_id=uuid4(), token="wrong"))
            yield way, answer


async def test_every_answer_has_its_headers(secure):
    """Each page, problem, document and asset says who may frame, sniff and refer; nothing of others is loaded."""
    office = await secure.office()
    statuses = set()
    async for way, answer in every_get(secure, secure.token(office.person_id)):
        statuses.add(answer.status)
        assert (HEADERS | FOR_FOREIGN_SITES.get(way.path, {})).items() <= answer.headers.items(), way
        assert policy_of(answer).items() >= POLICY.items(), way
        assert "unsafe" not in answer.headers["content-security-policy"], way
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains", way
        assert "server" not in answer.headers, way
        assert "access-control-allow-origin" not in answer.headers, way
    assert {200, 303, 404} <= statuses


@pytest.mark.parametrize("service", ["events", "registrations", "notifications"])
@pytest.mark.parametrize("method", ["GET", "POST", "TRACE", "DELETE", "FOO"])
async def test_error_pages_have_them_too(doors, service, method):
    """What does not exist, and what cannot be done, is answered with the same policies; TRACE is not answered."""
    browser = doors.browser(service)
    for path in ("/nothing/here", "/registrations/api/nothing", "/events", "/assets/x/../../etc/passwd", "/healthz"):
        answer = await browser.request(method, path, b"", FORM)
        assert HEADERS.items() <= answer.headers.items(), path
        assert policy_of(answer).items() >= POLICY.items(), path
        assert method != "TRACE" or answer.status in {404, 405}, path


async def test_no_page_has_script_or_style_of_its_own(doors):
    """The policy can be strict since no page needs an exception: no inline script, style or handler."""
    office = await doors.office()
    async for way, answer in every_get(doors, doors.token(office.person_id)):
        if "text/html" in answer.headers.get("content-type", ""):
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", answer.text), way
            assert not re.search(r'(?:src|action)="(?:https?:)?//(?!127\.0\.0\.1)', answer.text), way


async def test_cookies_are_for_this_host_and_no_script(secure):
    """Over https each cookie is `__Host-`, Secure, HttpOnly and SameSite, and has no domain."""
    seen = {}
    office = await secure.office()
    for service, path in (("events", "/sign-in?lang=tr"), ("registrations", "/r/wrong?lang=tr")):
        for header in await set_cookies(secure.browser(service), "GET", path):
            seen[header["name"]] = header
    secret = await secure.link(office)
    browser = secure.browser("events")
    token = form_token(browser)
    browser.cookies["__Host-teilhabe_csrf"] = browser.cookies["teilhabe_csrf"]
    for header in await set_cookies(browser, "POST", f"/sign-in/{secret}", f"csrf_token={token}".encode()):
        seen[header["name"]] = header
    assert set(seen) == {f"__Host-teilhabe_{name}" for name in ("csrf", "language", "session", "token")}
    for header in seen.values():
        attributes = {part.strip().partition("=")[0].lower() for part in header["rest"].split(";") if part.strip()}
        assert {"secure", "httponly", "samesite", "path"} <= attributes, header
        assert "domain" not in attributes, header
        assert "samesite=lax" in header["rest"].lower(), header
    assert (await browser.get("/console")).status == 200
    stranger = secure.browser("events", browser.cookies[f"__Host-{TOKEN_COOKIE}"])
    assert (await stranger.get("/console")).status == 303, "a cookie without the prefix is not ours"


async def set_cookies(browser: AsgiClient, method: str, path: str, body: bytes = b"") -> list[dict[str, str]]:
    """Each Set-Cookie header of an answer; the browser of the tests keeps only what they hold."""
    headers: list[str] = []
    keep = browser._keep_cookies

    def note(given):
        headers.extend(value.decode() for name, value in given if name == b"set-cookie")
        keep(given)

    browser._keep_cookies = note
    await browser.request(method, path, body, FORM)
    return [COOKIE.fullmatch(header).groupdict() for header in headers]


async def test_a_planted_session_is_not_used(doors):
    """Who signs in gets a new session, whatever cookie somebody had planted in the browser before."""
    office = await doors.office()
    browser = doors.browser("events")
    browser.cookies["teilhabe_session"] = planted = "a" * 32
    secret = await doors.link(office)
    answer = await browser.post(f"/sign-in/{secret}", {"csrf_token": form_token(browser)})
    assert answer.status == 303
    assert browser.cookies["teilhabe_session"] != planted
    thief = doors.browser("events")
    thief.cookies["teilhabe_session"] = planted
    assert "/sign-in?next=" in (await thief.get("/sign-in/renew")).headers["location"]


async def test_a_session_ends_after_thirty_days_of_use(doors):
    """However often it is used, a session has an end: then the person signs in again."""
    app, office = doors.apps["events"], await doors.office()
    browser, now = doors.browser("events"), datetime.now(UTC)
    await browser.post(f"/sign-in/{await doors.link(office)}", {"csrf_token": form_token(browser)})
    try:
        for hours in range(10, 24 * 31, 10):
            app.state.clock = lambda hours=hours: now + timedelta(hours=hours)
            if "/sign-in?next=" in (await browser.get("/sign-in/renew")).headers["location"]:
                break
    finally:
        del app.state.clock
    assert timedelta(days=30) <= timedelta(hours=hours) <= timedelta(days=30, hours=10)


async def test_every_form_needs_its_token(doors):
    """Without the token against forgery, or with another browser's, each form is refused; exceptions have reasons."""
    office = await doors.office()
    forms = [way for way in doors.ways() if way.method == "POST" and not way.for_programs]
    assert len(forms) > 10
    for way in forms:
        if way.path in NO_TOKEN_NEEDED:
            continue
        assert way.checks_form, way
        for token in (None, form_token(doors.browser("events"))):
            browser = doors.browser(way.service, doors.token(office.person_id))
            answer = await browser.post(
                way.url(event_id=uuid4(), token="wrong"), {"csrf_token": token} if token else {}
            )
            assert answer.status == 403, way
            assert answer.headers["cache-control"] == "no-store", way


async def test_forms_of_foreign_sites_are_refused(doors):
    """What the browser says comes from elsewhere is refused, even with the right token; programs' routes as well."""
    office = await doors.office()
    for foreign in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        browser = doors.browser("events", doors.token(office.person_id))
        token = form_token(browser)
        assert (await browser.post("/sign-out", {"csrf_token": token}, foreign)).status == 403
        json = {"content-type": "application/json", "idempotency-key": "1", **foreign}
        assert (await browser.request("POST", "/api/events", b"{}", json)).status == 403


URLS = ServiceUrls("http://127.0.0.1:8710", "http://127.0.0.1:8720", "http://127.0.0.1:8730")
ELSEWHERE = [
    "//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "https:/evil.example",
    "https:///evil.example", "http:\\\\evil.example", "//127.0.0.1:8710@evil.example",
    "http://127.0.0.1:8710.evil.example",
    "http://127.0.0.1:8710@evil.example", "javascript:alert(1)", "data:text/html,x",
    "/\tevil.example", "/\nevil.example",
    "\x00//evil.example", " //evil.example", "//evil%2eexample", "http://127.0.0.1:8711/", "ftp://127.0.0.1:8710/",
    "HTTPS://EVIL.EXAMPLE", "///evil.example", "/ok\r\nLocation: https://evil.example",
    "http://[::1]/", "http://127.0.0.1:8710\\@evil.example",
]  # fmt: skip


@pytest.mark.parametrize("address", ELSEWHERE)
async def test_nobody_is_led_elsewhere(doors, address):
    """The sign-in goes on to addresses of ours alone, in the link, in the form and in the redirect."""
    assert safe_next(address, URLS, "/console") == "/console"
    office = await doors.office()
    browser = doors.browser("events", doors.token(office.person_id))
    answer = await browser.get(f"/sign-in?next={quote(address, safe='')}")
    assert where(answer) == "/console"
    page = await doors.browser("events").get(f"/sign-in?next={quote(address, safe='')}")
    assert "evil" not in page.text.lower().partition("<main")[2].partition("</main>")[0]
    renewed = await doors.browser("events").get(f"/sign-in/renew?next={quote(address, safe='')}")
    assert renewed.headers["location"] == "http://127.0.0.1:8710/sign-in?next=%2Fconsole"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8710", "127.0.0.1:8710@evil.example"])
async def test_the_host_header_decides_nothing(doors, host):
    """No page, no link, no redirect and no cookie takes over what the Host header claims; nor X-Forwarded-Host."""
    office = await doors.office()
    forged = {
        "host": host,
        "x-forwarded-host": "evil.example",
        "forwarded": "host=evil.example",
        "x-original-url": "/x",
    }
    for way in doors.ways():
        if way.method == "GET":
            for slash in ("", "/"):
                url = way.url(event_id=uuid4(), token="wrong") + slash
                answer = await doors.browser(way.service, doors.token(office.person_id)).get(url, forged)
                assert "evil" not in answer.headers.get("location", ""), url
                assert b"evil.example" not in answer.body, url


async def test_personal_pages_are_kept_by_no_cache(doors):
    """Own pages, answers of forms, JSON of a link, redirects with a secret: no-store, all of them."""
    app = doors.apps["registrations"]
    event = await open_event(app.state.database)
    browser = doors.browser("registrations")
    registered = await register(browser, event, email="cached@example.org")
    wrong = await send(browser, f"/registrations/new/{event.id}", typed(email="typed wrong"))
    own = where(registered)
    answers = [registered, wrong, await browser.get(own), await browser.get(own.partition("?")[0] + "/cancel")]
    answers.append(await browser.get("/registrations/api" + own.partition("?")[0].replace("/r/", "/own/")))
    answers.append(
        await browser.post_json(
            f"/registrations/api/events/{event.id}/registrations", {"email": "other@example.org", "consent": True}
        )
    )
    assert [answer.status for answer in answers] == [303, 422, 200, 200, 200, 201]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd", "/..%2f..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
        "/x/..%5c..%5cpyproject.toml", "/x/teilhabe.css/../../pages.py", "/x/../pages.py",
        "/x/" + "../" * 12 + "etc/passwd",
        "/x/.stamp", "/x/%00", "/x/", "/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("service", ["events", "registrations", "notifications"])
async def test_nothing_but_assets_is_served(doors, service, path):
    """Files are looked up by name in a list, so that no path leads out of it; folders have no listing."""
    assert (await doors.browser(service).get(f"/assets{path}")).status == 404
