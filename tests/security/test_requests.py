"""What somebody may send: more fields than were asked for, addresses to fetch, lines for the log, half requests."""

import ast
import asyncio
import email
import hmac
import json
import statistics
import time
from datetime import timedelta
from email.policy import default
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text

from services.notifications.optouts.tokens import address_of_token, unsubscribe_token
from services.notifications.providers.port import NotRetryableError, OutgoingSms
from services.notifications.providers.twilio import INBOUND_PATH, TwilioSms, signature
from services.notifications.templates.facts import EventFacts, Telling
from services.notifications.templates.mail import render_mail
from tests.security.door import FORM, form_token
from tests.support import notifications as notifications_given
from tests.support.events_service import content, form_bytes
from tests.support.notifications import serving
from tests.support.registration_pages import open_event, registrations, send, typed, where

ROOT = Path(__file__).parents[2]
CLIENTS = {
    "aiohttp", "httpx", "requests", "urllib3", "aiosmtplib", "smtplib", "ftplib", "telnetlib", "socket", "subprocess",
    "urllib.request", "http.client", "xmlrpc", "pickle", "marshal", "shelve", "yaml", "lxml", "xml",
}  # fmt: skip
MAY_CALL = {
    "services/events/sign_in/provider.py": {"aiohttp"},
    "services/events/importing/fetching.py": {"aiohttp", "socket"},
    "services/notifications/providers/twilio.py": {"aiohttp"},
    "services/notifications/providers/smtp.py": {"aiosmtplib"},
    "shared/runtime/processes.py": {"socket"},
    "shared/runtime/serve.py": {"socket"},
    "shared/web/assets.py": {"subprocess"},
}
"""Who may speak to others, run programs or read formats that run code: providers, the import, listeners, npm."""

EXTRA = {
    "id": str(uuid4()), "state": "confirmed", "organisation_id": str(uuid4()), "person_id": str(uuid4()),
    "role": "owner", "version": 99, "queue": -1, "token_hash": "00", "holds_places": True, "event_id": str(uuid4()),
    "by_owner": True, "ask_owner": False, "channel": "sms", "unreachable": True, "created_at": "2000-01-01T00:00:00Z",
}  # fmt: skip


async def test_further_fields_of_a_registration_count_for_nothing(doors):
    """State, ids, queue and channel that somebody adds to JSON or form change nothing of what is stored."""
    app = doors.apps["registrations"]
    event = await open_event(app.state.database, capacity=1)
    browser = doors.browser("registrations")
    url = f"/registrations/api/events/{event.id}/registrations"
    first = await browser.post_json(url, {"email": "json@example.org", "consent": True, **EXTRA})
    assert first.status == 201
    form = typed(email="form@example.org", **{name: str(value) for name, value in EXTRA.items() if name != "channel"})
    own = where(await send(browser, f"/registrations/new/{event.id}", form)).partition("?")[0]
    await send(browser, f"{own}/party", {"party_size": "2", "state": "confirmed", "holds_places": "1"}, page=own)
    phone = {"phone": "+4915112345601", "consent": True, **EXTRA}
    assert (await browser.post_json(url, phone)).json()["result"] == "asked"
    rows = {row.address: row for row in await registrations(app.state.database, event)}
    states = {address: (row.state, row.channel, row.party_size) for address, row in rows.items()}
    assert states == {
        "json@example.org": ("confirmed", "web", 1),
        "form@example.org": ("waitlisted", "web", 2),
        "+4915112345601": ("held", "web", 1),
    }
    assert not {str(row.id) for row in rows.values()} & set(map(str, EXTRA.values()))


async def test_further_fields_of_an_event_are_refused(doors):
    """The API names the field that it does not know; the form passes it over."""
    office, other = await doors.office(), await doors.office()
    browser = doors.browser("events", doors.token(office.person_id))
    body = {**content().model_dump(mode="json"), "organisation_id": str(office.organisation_id)}
    headers = {"content-type": "application/json", "idempotency-key": uuid4().hex}
    for name in ("id", "state", "version", "owner"):
        answer = await browser.request("POST", "/api/events", json.dumps(body | {name: "published"}).encode(), headers)
        assert (answer.status, answer.json()["errors"][0]["pointer"]) == (422, f"#/{name}"), name
    fields = [
        *(("kind", "workshop"), ("main_language", "de"), ("language", "de"), ("title-de", "Neu")),
        *(("state", "published"), ("id", str(uuid4())), ("organisation_id", str(other.organisation_id))),
        *(("request_key", str(uuid4())), ("csrf_token", form_token(browser)), ("version", "7")),
    ]
    made = await browser.request("POST", "/console/events/new", form_bytes(fields), FORM)
    assert made.status == 303, made.text
    async with doors.apps["events"].state.database.read() as session:
        row = (
            await session.execute(
                text("SELECT state, version, organisation_id FROM events WHERE organisation_id = :id"),
                {"id": office.organisation_id},
            )
        ).one()
    assert tuple(row) == ("draft", 1, office.organisation_id)


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_only_the_providers_call_others():
    """No other module of the services can fetch an address: links of events are not followed."""
    seen = {}
    for folder in ("services", "shared"):
        for path in (ROOT / folder).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            used = {c for c in CLIENTS for i in _imports(path) if i == c or i.startswith(f"{c}.")}
            if used and not name.startswith("shared/embedded/"):
                seen[name] = used
    assert seen == MAY_CALL


def test_nothing_runs_text_as_code():
    """No eval, no exec, no shell."""
    for folder in ("services", "shared"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    assert getattr(node.func, "id", "") not in {"eval", "exec", "compile", "__import__"}, path
                    assert not [k for k in node.keywords if k.arg == "shell"], path


async def test_the_link_of_an_event_is_not_fetched(doors, free_port):
    """An event whose link, venue and contact lead to a listener of ours is made, shown and mailed; nobody calls."""
    called = []
    port = free_port()
    server = await asyncio.start_server(lambda *_: called.append(1), "127.0.0.1", port)
    link = f"http://127.0.0.1:{port}/latest/meta-data"
    office = await doors.office()
    browser = doors.browser("events", doors.token(office.person_id))
    words = {"de": {"title": f"<img src={link}>", "text": f"{link} <iframe src={link}>"}}
    dates = [{"starts_at": "2099-04-05T10:00:00Z", "ends_at": "2099-04-05T12:00:00Z"}]
    given = content(online_link=link, words=words, sessions=dates).model_dump(mode="json")
    headers = {"content-type": "application/json", "idempotency-key": uuid4().hex, "if-match": '"1"'}
    body = json.dumps({**given, "organisation_id": str(office.organisation_id)}).encode()
    made = await browser.request("POST", "/api/events", body, headers)
    assert made.status == 201, made.text
    event = made.json()
    published = await browser.request("POST", f"/api/events/{event['id']}/publish", b"", headers)
    for page in ("/console", f"/console/events/{event['id']}", f"/events/{event['content']['code']}", "/api/events"):
        await browser.get(page)
    state = notifications_given.event(online_link=link)
    telling = Telling("confirmation", "de", uuid4(), uuid4(), event=EventFacts(state, 1, "Büro", "de"))
    render_mail(telling, address="a@example.org", sender="b@example.org")
    await asyncio.sleep(0.2)
    server.close()
    assert (called, published.status in {200, 422}) == ([], True)


async def test_a_provider_cannot_send_us_elsewhere(free_port):
    """A redirect of the SMS provider is an error: number, text and password go nowhere else."""
    seen = []

    async def app(scope, _receive, send):
        seen.append(scope["path"])
        headers = [(b"location", b"/elsewhere"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 307, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async with serving(app, free_port()) as url:
        provider = TwilioSms(
            url=url, account="AC1", token="t", sender="+4930", callback=url, timeout=timedelta(seconds=5), connections=1
        )
        with pytest.raises(NotRetryableError):
            await provider.send(OutgoingSms(delivery_id=uuid4(), key=uuid4(), number="+4915112345678", text="x"))
        await provider.close()
    assert seen == ["/2010-04-01/Accounts/AC1/Messages.json"]


@pytest.mark.parametrize(
    ("template", "data", "shown"),
    [
        ("confirmation", {}, True),
        ("changed", {"state": "confirmed"}, True),
        ("rescheduled", {"state": "confirmed"}, True),
        ("changed", {"state": "waitlisted"}, False),
        ("rescheduled", {"state": "offered"}, False),
        ("waitlist", {"position": 1}, False),
        ("offer", {"until": "2026-12-01T10:00:00Z"}, False),
        ("cancelled-by-person", {}, False),
        ("already-registered", {"state": "waitlisted"}, False),
    ],
)
def test_the_online_link_is_for_who_has_a_place(template, data, shown):
    """Mail and calendar file name the link of an online event to people with a place alone."""
    link = "https://meet.example.org/secret-room"
    state = notifications_given.event(online_link=link, venue=None)
    telling = Telling(template, "de", uuid4(), uuid4(), data=data, event=EventFacts(state, 1, "Büro", "de"))
    mail = render_mail(telling, address="a@example.org", sender="b@example.org")
    parts = email.message_from_bytes(mail.raw, policy=default).walk()
    texts = [part.get_content() for part in parts if not part.is_multipart()]
    found = "".join(t if isinstance(t, str) else t.decode() for t in texts).replace("\r\n ", "")
    assert ("secret-room" in found) == shown


@pytest.mark.parametrize("what", ["form", "unsubscribe", "webhook"])
async def test_proofs_are_compared_in_constant_time(doors, monkeypatch, what):
    """`hmac.compare_digest` decides on each proof: where it says no, the right proof is refused."""
    browser, vault = doors.browser("events"), doors.apps["notifications"].state.vault
    token = form_token(browser)
    settings = doors.settings["notifications"]
    form = {"From": "+4915112345678", "Body": "HILFE", "MessageSid": uuid4().hex}
    key = settings.twilio_token.get_secret_value()
    proof = signature(key, settings.notifications_url + INBOUND_PATH, form.items())

    async def accepted() -> bool:
        if what == "unsubscribe":
            return address_of_token(vault, unsubscribe_token(vault, "a@example.org")) is not None
        if what == "form":
            return (await browser.post("/sign-out", {"csrf_token": token})).status == 303
        sent = await doors.browser("notifications").post(INBOUND_PATH, form, {"x-twilio-signature": proof})
        return sent.status == 200

    assert await accepted()
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)
    assert not await accepted()


async def test_secrets_that_are_looked_up_are_looked_up_by_hash(doors):
    """No query compares a secret itself: the database sees SHA-256 hashes alone, whose bytes tell nothing by time."""
    secret, seen = "geheimesgeheimnis", []

    def note(_connection, _cursor, statement, parameters, *_):
        seen.append(f"{statement} {parameters}")

    engines = [app.state.database.engine.sync_engine for app in doors.apps.values()]
    for engine in engines:
        sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    for way in doors.ways():
        if "{token}" in way.path:
            browser = doors.browser(way.service)
            browser.cookies["teilhabe_session"] = secret
            fields = form_bytes([("csrf_token", form_token(browser))])
            await browser.request(way.method, way.url(token=secret), fields, FORM)
    renewing = doors.browser("events")
    renewing.cookies["teilhabe_session"] = secret
    await renewing.get("/sign-in/renew")
    for engine in engines:
        sqlalchemy_event.remove(engine, "before_cursor_execute", note)
    assert len(seen) > 10
    assert secret not in "".join(seen)


async def test_sign_in_takes_as_long_for_strangers(doors):
    """Asked in turns, a member's address and a stranger's are answered equally fast; the median shows no difference."""
    office = await doors.office()
    took = {"member": [], "stranger": []}
    browser = doors.browser("events")
    for number in range(60):
        for who, address in (
            ("member", f"{office.organisation_id}@demo.example"),
            ("stranger", f"{uuid4()}@demo.example"),
        ):
            fields = {"email": address, "csrf_token": form_token(browser)}
            start = time.perf_counter()
            answer = await browser.post("/sign-in", fields, {"x-forwarded-for": str(number)})
            took[who].append(time.perf_counter() - start)
            assert answer.status in {303, 429}
        async with doors.apps["events"].state.database.begin() as session:
            await session.execute(text("DELETE FROM attempts"))
    ratio = statistics.median(took["member"]) / statistics.median(took["stranger"])
    assert 0.67 < ratio < 1.5, ratio
