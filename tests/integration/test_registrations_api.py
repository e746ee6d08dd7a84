"""Registrations for programs, through the application, on a real PostgreSQL."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.registrations.main import create_api
from shared.contracts.events import Status
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient

BASE = "/registrations/api"
SENT = {
    ("/events/{event_id}/places", "get"): {"200", "404", "422"},
    ("/events/{event_id}/registrations", "post"): {"200", "201", "400", "404", "409", "413", "422"},
    ("/own/{token}", "get"): {"200", "404"},
    ("/own/{token}", "delete"): {"204", "404"},
    ("/own/{token}/party", "put"): {"204", "400", "404", "409", "413", "422"},
    ("/own/{token}/accept", "post"): {"204", "404", "409"},
    ("/own/{token}/sharing", "get"): {"200", "404"},
    ("/own/{token}/sharing", "put"): {"204", "400", "404", "413", "422"},
}


@pytest.fixture(scope="module")
async def app(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    app = create_api(given.settings(url))
    yield app
    await app.state.database.close()


@pytest.fixture
def database(app):
    return app.state.database


@pytest.fixture
def program(app):
    return Program(app)


class Program(AsgiClient):
    """A program that speaks JSON."""

    async def call(self, method, path, body=None, **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.request(method, BASE + path, raw, {"content-type": "application/json", **headers})
        if answer.status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            problem = answer.json()
            assert problem["status"] == answer.status
            assert problem["title"]
            assert problem["detail"]
        return answer

    async def register(self, event, **changes):
        body = {"email": f"{uuid4().hex}@example.org", "consent": True, "language": "en"} | changes
        return await self.call("POST", f"/events/{event.id}/registrations", body)


async def open_event(database, capacity=10, **more):
    state = given.event(capacity, **more)
    await given.publish(database, state)
    return state


def token(answer):
    return answer.json()["link"].rpartition("/r/")[2]


async def test_a_program_registers_looks_changes_and_cancels(program, database):
    """The whole life of a registration, with the places counted."""
    event = await open_event(database, 3)
    made = await program.register(event, party_size=2)
    assert (made.status, made.json()["result"]) == (201, "confirmed")
    own = f"/own/{token(made)}"
    assert (await program.call("GET", own)).json()["state"] == "confirmed"
    assert (await program.call("PUT", f"{own}/party", {"party_size": 3})).status == 204
    places = (await program.call("GET", f"/events/{event.id}/places")).json()
    assert (places["capacity"], places["taken"], places["free"]) == (3, 3, 0)
    for _ in range(2):
        assert (await program.call("DELETE", own)).status == 204
    assert (await program.call("GET", own)).json()["state"] == "cancelled"


async def test_the_same_idempotency_key_is_the_same_registration(program, database):
    """Repeated, also at once: the same answer, and one registration."""
    event = await open_event(database)
    body = {"email": f"{uuid4().hex}@example.org", "consent": True}
    key = str(uuid4())
    path = f"/events/{event.id}/registrations"
    calls = (program.call("POST", path, body, idempotency_key=key) for _ in range(5))
    answers = await asyncio.gather(*calls)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    other = await program.call("POST", path, body)
    assert (other.status, other.json()["result"], other.json()["link"]) == (200, "already-registered", None)
    assert (await program.call("GET", f"/events/{event.id}/places")).json()["taken"] == 1


async def test_a_phone_number_gets_no_link_and_reveals_nothing(program, database):
    """The same answer for a number that is registered already."""
    event = await open_event(database)
    answers = [await program.register(event, email=None, phone="+4915123456789") for _ in range(2)]
    assert answers[0].body == answers[1].body
    assert answers[0].json() == {"result": "asked", "party_size": 1, "position": None, "link": None}
    assert {answer.status for answer in answers} == {201}


async def test_a_full_event_puts_on_the_waitlist_and_an_offer_is_accepted(program, database):
    """With the position; accepting where nothing is offered is a conflict."""
    event = await open_event(database, 1)
    first, waiting = await program.register(event), await program.register(event)
    assert (waiting.json()["result"], waiting.json()["position"]) == ("waitlisted", 1)
    early = await program.call("POST", f"/own/{token(waiting)}/accept")
    assert (early.status, early.json()["state"]) == (409, "waitlisted")
    await program.call("DELETE", f"/own/{token(first)}")
    offer = (await program.call("GET", f"/own/{token(waiting)}")).json()
    assert offer["state"] == "offered"
    assert datetime.fromisoformat(offer["expires_at"]) > datetime.now(UTC)
    assert (await program.call("POST", f"/own/{token(waiting)}/accept")).status == 204


@pytest.mark.parametrize(
    ("reason", "more", "size"),
    [
        ("not-open", {"registration_opens_at": datetime.now(UTC) + timedelta(days=1)}, 1),
        ("closed", {"registration_closes_at": datetime.now(UTC) - timedelta(days=1)}, 1),
        ("cancelled", {"status": Status.CANCELLED}, 1),
        ("party-too-large", {"largest_party": 3}, 4),
    ],
)
async def test_refusals_are_conflicts_that_programs_and_people_can_read(program, database, reason, more, size):
    """The type for programs, the sentence for people, and the largest party."""
    event = await open_event(database, **more)
    refused = await program.register(event, party_size=size)
    assert (refused.status, refused.json()["type"]) == (409, f"urn:teilhabe:problem:{reason}")
    assert refused.json()["largest_party"] == event.largest_party
    assert "in the meantime" not in refused.json()["title"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "x@example.org"}, "#/consent"),
        ({"email": "x@example.org", "consent": False}, "#/consent"),
        ({"email": "x", "consent": True}, "#/email"),
        ({"phone": "110", "consent": True}, "#/phone"),
        ({"phone": "+493023125000", "consent": True}, "#/phone"),
        ({"email": "x@example.org", "phone": "+4915123456789", "consent": True}, "#"),
        ({"consent": True}, "#"),
        ({"email": "x@example.org", "consent": True, "party_size": 0}, "#/party_size"),
        ({"email": "x@example.org", "consent": True, "party_size": 10**12}, "#/party_size"),
        ({"email": "x@example.org", "consent": True, "language": "xx"}, "#/language"),
        ({"email": "x@example.org", "consent": True, "name": "x" * 121}, "#/name"),
        ([], "#"),
        (b"{", "#"),
    ],
)
async def test_what_does_not_fit_is_pointed_to_and_not_echoed(program, database, body, pointer):
    """422 with a pointer into the body for each finding."""
    event = await open_event(database)
    answer = await program.call("POST", f"/events/{event.id}/registrations", body)
    assert answer.status == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert "x@example.org" not in answer.text


async def test_unreadable_unknown_and_oversized_requests_are_problems(program, database):
    """Each with its own status, as documented."""
    event = await open_event(database)
    path = f"/events/{event.id}/registrations"
    assert (await program.call("POST", path, b"\xff\xfe")).status in {400, 422}
    assert (await program.call("POST", path, b" " * 1_100_000)).status == 413
    assert (await program.call("POST", path, {}, idempotency_key="x")).status == 422
    body = {"email": "x@example.org", "consent": True}
    assert (await program.call("POST", f"/events/{uuid4()}/registrations", body)).status == 404
    assert (await program.call("GET", f"/events/{uuid4()}/places")).status == 404
    assert (await program.call("GET", "/events/x/places")).status == 422
    for method, action in (("GET", ""), ("DELETE", ""), ("POST", "/accept")):
        assert (await program.call(method, f"/own/xyz{action}")).status == 404
    assert (await program.call("PUT", "/own/xyz/party", {"party_size": 2})).status == 404
    assert (await program.call("PUT", path)).status == 405


async def test_the_ended_and_the_full_cannot_grow(program, database):
    """Conflicts that say why."""
    event = await open_event(database, 2)
    own = f"/own/{token(await program.register(event))}"
    refused = await program.call("PUT", f"{own}/party", {"party_size": 3})
    assert (refused.status, refused.json()["largest_party"]) == (409, 2)
    await program.call("DELETE", own)
    ended = await program.call("PUT", f"{own}/party", {"party_size": 2})
    assert (ended.status, ended.json()["type"]) == (409, "urn:teilhabe:problem:registration-ended")
    assert (await program.call("POST", f"{own}/accept")).status == 409


async def test_the_document_names_what_is_sent(program):
    """Each route with the statuses that these tests have seen, 429 and 503; all failures are problem documents."""
    document = (await program.call("GET", "/openapi.json")).json()
    described = {}
    known = {path for path, _ in SENT}
    ours = {path: one for path, one in document["paths"].items() if path.removeprefix(BASE) in known}
    for path, methods in ours.items():
        for method, operation in methods.items():
            described[path.removeprefix(BASE), method] = set(operation["responses"]) - {"429", "503", "default"}
            assert {"503", "default"} <= set(operation["responses"])
            for status, response in operation["responses"].items():
                if not status.startswith("2"):
                    assert list(response["content"]) == ["application/problem+json"]
    assert described == SENT
