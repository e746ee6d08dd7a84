"""A run of the whole system: no secret that it hands out is in a database, a log line or a metric afterwards."""

import asyncio
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from urllib.parse import quote, urlencode

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from deploy.kafka.kafka import free_port
from shared.embedded.broker import EmbeddedBroker
from tests.support.events_service import content
from tests.support.registration_pages import FIELD, typed
from tests.support.system import SERVICES, running_system

pytestmark = pytest.mark.timeout(240)

OFFICE, RESIDENT, NUMBER, NAME = "office@secrets.example", "resident@people.example", "+4915123459876", "Seltener Name"
INJECTED = 'zeile\r\n{"event": "eingeschleust", "level": "critical"}'
TRIAL_TABLES = {"mails", "phone_messages"}
"""The development phone and mailbox are their owners' devices; they do not exist in production."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Visitor:
    """A browser that follows nothing by itself."""

    def __init__(self) -> None:
        self.cookies = CookieJar()
        handlers = (urllib.request.HTTPCookieProcessor(self.cookies), _NoRedirect)
        self._opener = urllib.request.build_opener(*handlers)

    def open(self, url, data=None, headers=None):
        """Status, headers and text."""
        request = urllib.request.Request(url, data, {"user-agent": INJECTED.replace("\r\n", " "), **(headers or {})})
        try:
            with self._opener.open(request, timeout=15) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()

    def send(self, url, form):
        """Fill in the form of a page; returns where it leads."""
        fields = dict(reversed(FIELD.findall(self.open(url)[2])))
        status, headers, text = self.open(url, urlencode({**fields, **form}).encode())
        assert status == 303, text
        return headers["location"]

    def post_json(self, url, body, **headers):
        kind = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        status, _, text = self.open(url, json.dumps(body).encode(), kind)
        assert status in {200, 201}, text
        return json.loads(text)


def until(what, check):
    deadline = time.monotonic() + 60
    while not (found := check()):
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.3)
    return found


def mail_to(system, address, pattern):
    """What a mail to the address holds, once there is one."""
    phone = f"{system.url('notifications')}/notifications/phone"
    reader = Visitor()

    def look():
        for mail_id in re.findall(r"/mails/([0-9a-f-]{36})", reader.open(f"{phone}?address={quote(address)}")[2]):
            if found := re.search(pattern, reader.open(f"{phone}/mails/{mail_id}")[2]):
                return found[1]
        return None

    return until(f"a mail to {address}", look)


def use_everything(system) -> dict[str, str]:
    """Sign in, publish, register by mail and by SMS, try wrong things; returns each secret that was handed out."""
    command = ["events", "organisation", "add", "--kind", "authority", "--name-de", "Amt", "--owner", OFFICE]
    subprocess.run(
        [sys.executable, "-m", "shared.cli", *command], env=system.environment, check=True, capture_output=True
    )
    events, own = system.url("events"), system.url("registrations")
    office, resident, phone = Visitor(), Visitor(), Visitor()
    office.send(f"{events}/sign-in", {"email": OFFICE})
    link = mail_to(system, OFFICE, r"/sign-in/([a-z2-7]{32})")
    office.send(f"{events}/sign-in/{link}", {})
    organisation = organisation_of(system)
    dates = [{"starts_at": "2099-04-05T10:00:00Z", "ends_at": "2099-04-05T12:00:00Z"}]
    body = {**content(sessions=dates, code="GARTEN").model_dump(mode="json"), "organisation_id": organisation}
    event = office.post_json(f"{events}/api/events", body, idempotency_key="1")
    office.post_json(f"{events}/api/events/{event['id']}/publish", {}, if_match='"1"')
    form = f"{own}/registrations/new/{event['id']}"
    until("the event's arrival", lambda: resident.open(form)[0] == 200)
    page = resident.send(form, typed(email=RESIDENT, name=f"{NAME} {INJECTED}")).partition("?")[0]
    again = mail_to(system, RESIDENT, r"/unsubscribe/([0-9a-f]{32}[a-z2-7]{16})")
    texting = f"{system.url('notifications')}/notifications/phone"
    phone.send(texting, {"number": NUMBER, "text": f"{event['content']['code']} 1"})
    conversation = f"{texting}/conversation?number={quote(NUMBER)}"
    texted = until("an SMS", lambda: re.search(r"/r/([a-z2-7]{16})", phone.open(conversation)[2]))[1]
    for wrong in (quote(INJECTED, safe=""), f"{page[3:]}x", f"?token={page[3:]}"):
        resident.open(f"{own}/r/{wrong}")
    resident.open(f"{own}{page}", headers={"x-request-id": INJECTED.replace("\r\n", " "), "referer": f"{own}{page}"})
    secrets = {"link in the mail": page[3:], "link in the SMS": texted, "sign-in link": link, "proof": again[32:]}
    cookies = {cookie.name: cookie.value for visitor in (office, resident) for cookie in visitor.cookies}
    return secrets | {name: value for name, value in cookies.items() if name != "teilhabe_language"}


def organisation_of(system) -> str:
    [row] = asyncio.run(fetch(system.database("events"), "SELECT id::text AS line FROM organisations"))
    return row


async def fetch(url, query):
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(address)
    try:
        return [row["line"] for row in await connection.fetch(query)]
    finally:
        await connection.close()


def databases(system) -> dict[str, str]:
    """All rows of each table as text; what PostgreSQL shows in hex stands there as text, too."""
    found = {}
    for service in SERVICES:
        url = system.database(service)
        names = "SELECT tablename AS line FROM pg_tables WHERE schemaname = 'public'"
        for table in asyncio.run(fetch(url, names)):
            rows = "\n".join(asyncio.run(fetch(url, f'SELECT t::text AS line FROM "{table}" t')))  # noqa: S608 - ours
            hexes = re.findall(r"\\x((?:[0-9a-f]{2})+)", rows)
            plain = [bytes.fromhex(part).decode("utf-8", "replace") for part in hexes]
            found[f"{service}.{table}"] = "\n".join([rows, *plain])
    return found


@pytest.fixture(scope="module")
def run(database_server, tmp_path_factory):
    """What was handed out, and what is there afterwards."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("broker"), free_port())
    broker.start()
    try:
        with running_system(
            broker.address, database_server, tmp_path_factory.mktemp("run"), registrations_apis=1
        ) as system:
            secrets = use_everything(system)
            keys = ("TEILHABE_LINK_KEY", "TEILHABE_CONTACT_KEYS", "TEILHABE_TOKEN_PRIVATE_KEY")
            secrets |= {name: system.environment[name].partition(":")[2] or system.environment[name] for name in keys}
            metrics = [Visitor().open(url.replace("/readyz", "/metrics"))[2] for url in system.health.values()]
            time.sleep(1)
            yield secrets, databases(system), "\n".join(metrics), system.logs()
    finally:
        broker.stop()


def test_no_database_holds_a_secret(run):
    """Links, sessions, tokens and keys: none is in any table; the mailbox shows that the search would find them."""
    secrets, tables, _, _ = run
    assert len(secrets) >= 9
    found = {
        f"{what} in {table}" for what, secret in secrets.items() for table, rows in tables.items() if secret in rows
    }
    trial = {f"notifications.{name}" for name in TRIAL_TABLES}
    assert {hit for hit in found if hit.partition(" in ")[2].split(" in ")[-1] not in trial} == set()
    assert "link in the mail in notifications.mails" in found
    assert "link in the SMS in notifications.phone_messages" in found


def test_personal_data_is_in_its_own_tables_alone(run):
    """Address, number and name stand in the clear only where the service that owns them keeps them."""
    _, tables, _, _ = run
    where = {table for table, rows in tables.items() for data in (RESIDENT, NUMBER, NAME, OFFICE) if data in rows}
    own = {"registrations.people", "registrations.registrations", "notifications.contacts"}
    assert where - own - {f"notifications.{name}" for name in TRIAL_TABLES} == set()
    assert {"registrations.people", "registrations.registrations"} <= where


def test_no_log_line_holds_a_secret_or_a_person(run):
    """Nor an address, a number, a name, or what somebody put into a path, a header or a form."""
    secrets, _, _, logs = run
    personal = {"address": RESIDENT, "office": OFFICE, "number": NUMBER, "digits": NUMBER[1:], "name": NAME}
    assert [what for what, text in (secrets | personal | {"injected": "eingeschleust"}).items() if text in logs] == []
    assert '"route": "/r/{token}"' in logs


def test_nobody_writes_a_log_line_of_their_own(run):
    """Each line is one JSON object of ours: line ends in what people send make no new one."""
    _, _, _, logs = run
    lines = [json.loads(line) for line in logs.splitlines() if line.strip()]
    assert len(lines) > 20
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    assert not [line for line in lines if line["level"] == "critical"]


def test_no_metric_holds_a_secret_or_a_person(run):
    """What operators' figures are labelled with names routes and kinds, never people or links."""
    secrets, _, metrics, _ = run
    personal = (RESIDENT, OFFICE, NUMBER[1:], NAME, "eingeschleust")
    assert not [text for text in (*secrets.values(), *personal) if text in metrics]
    assert 'route="/r/{token}"' in metrics
