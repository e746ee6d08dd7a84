import json

import pytest
from uuid6 import uuid7

from services.events.events.commands import edit_event
from tests.support.events_service import NOW, content


@pytest.fixture
async def browser(events, member):
    return await events.signed_in(member)


def new_event(member, **changes) -> dict:
    body = json.loads(content().model_dump_json()) | {"organisation_id": str(member.organisation_ids[0])}
    body["sessions"] = [{"starts_at": "2027-05-08T10:00", "ends_at": "2027-05-08T12:00"}]
    return body | changes


async def call(browser, method: str, url: str, body=None, **headers: str):
    sent = {"content-type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    return await browser.request(method, url, b"" if body is None else json.dumps(body).encode(), sent)


async def create(browser, member, **changes):
    return await call(browser, "POST", "/api/events", new_event(member, **changes), idempotency_key=str(uuid7()))


async def test_a_program_takes_an_event_through_its_life(events, member, browser):
    """Create, edit, publish, move, cancel: each answer has the next version as its ETag."""
    made = await create(browser, member)
    assert (made.status, made.headers["etag"]) == (201, '"1"')
    event_id = made.json()["id"]
    url = f"/api/events/{event_id}"
    body = made.json()["content"] | {"capacity": 25}
    edited = await call(browser, "PUT", f"{url}/content", body, if_match='"1"')
    assert (edited.status, edited.headers["etag"], edited.json()["content"]["capacity"]) == (200, '"2"', 25)
    published = await call(browser, "POST", f"{url}/publish", if_match='"2"')
    assert (published.status, published.json()["state"]) == (200, "published")
    dates = {"sessions": [{"starts_at": "2027-06-08T10:00", "ends_at": "2027-06-08T12:00"}]}
    moved = await call(browser, "POST", f"{url}/reschedule", dates, if_match='"3"')
    assert moved.json()["content"]["sessions"][0]["starts_at"] == "2027-06-08T08:00:00Z"
    cancelled = await call(browser, "POST", f"{url}/cancel", {"reason": {"de": "Krank"}}, if_match='"4"')
    assert (cancelled.status, cancelled.headers["etag"]) == (200, '"5"')
    public = (await events.browser().get(url)).json()
    assert (public["status"], public["cancellation_reason"]) == ("cancelled", {"de": "Krank"})
    assert public["registration"]["state"] == "cancelled"


async def test_the_same_idempotency_key_makes_one_event(member, browser):
    """A request that is sent again answers with the event that it made; without a key it is refused."""
    answers = [await call(browser, "POST", "/api/events", new_event(member), idempotency_key="one") for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    refused = await call(browser, "POST", "/api/events", new_event(member))
    assert refused.status == 400
    assert refused.json()["type"] == "urn:teilhabe:problem:idempotency-key-missing"


async def test_a_change_names_the_version_that_was_seen(events, member, browser):
    """Without it 428, with an old one 412 and what changed since, with an equal body success."""
    event_id = (await create(browser, member)).json()["id"]
    url = f"/api/events/{event_id}/content"
    body = (await browser.get(url)).json()["content"]
    assert (await call(browser, "PUT", url, body | {"capacity": 3})).status == 428
    async with events.database.begin() as session:
        await edit_event(session, member, event_id, content(venue_name="Halle"), 1, NOW)
    stale = await call(browser, "PUT", url, body | {"capacity": 3}, if_match='"1"')
    assert stale.status == 412
    assert stale.json()["version"] == 2
    changes = {change["field"]: (change["before"], change["now"]) for change in stale.json()["changes"]}
    assert changes["venue_name"] == ("Haus", "Halle")
    equal = (await browser.get(url)).json()["content"]
    assert (await call(browser, "PUT", url, equal, if_match='"1"')).status == 200


@pytest.mark.parametrize(
    ("changes", "pointer", "says"),
    [
        ({"capacity": -1}, "#/capacity", "0 or more"),
        ({"main_language": "xx"}, "#/main_language", "one of the languages"),
        ({"words": {"tr": {"title": "Dikiş"}}}, "#/words", "main language"),
        ({"time_zone": "Mars/Base"}, "#/time_zone", "Europe/Berlin"),
        ({"contact_phone": "call"}, "#/contact_phone", "phone number"),
        ({"code": "OIL9"}, "#/code", "other letters"),
        ({"sessions": [{"starts_at": "2027-03-28T02:30", "ends_at": "2027-03-28T05:00"}]}, "#/sessions", "forward"),
        ({"sessions": [{"starts_at": "2027-10-31T02:30", "ends_at": "2027-10-31T05:00"}]}, "#/sessions", "offset"),
        ({"surprise": 1}, "#/surprise", "not known"),
    ],
)
async def test_a_value_that_does_not_fit_is_named(member, browser, changes, pointer, says):
    """The answer points at the value and says how to mend it, without repeating it."""
    refused = await create(browser, member, **changes)
    assert refused.status == 422
    assert refused.headers["content-type"] == "application/problem+json"
    [found] = [error for error in refused.json()["errors"] if error["pointer"] == pointer]
    assert says in found["detail"]


async def test_what_cannot_be_done_is_said(member, browser):
    """A taken code, a fixed field, a missing part and a wrong state each have a name of their own."""
    made = (await create(browser, member, code="KARTE")).json()
    url = f"/api/events/{made['id']}"
    assert (await create(browser, member, code="KARTE")).json()["type"].endswith("code-taken")
    bare = (await create(browser, member, capacity=None)).json()
    incomplete = await call(browser, "POST", f"/api/events/{bare['id']}/publish", if_match='"1"')
    assert (incomplete.status, incomplete.json()["errors"][0]["field"]) == (422, "capacity")
    await call(browser, "POST", f"{url}/publish", if_match='"1"')
    fixed = await call(browser, "PUT", f"{url}/content", made["content"] | {"code": "ANKER"}, if_match='"2"')
    assert (fixed.status, fixed.json()["field"]) == (409, "code")
    draft = await call(browser, "POST", f"/api/events/{bare['id']}/cancel", {"reason": {"de": "x"}}, if_match='"1"')
    assert (draft.status, draft.json()["state"]) == (409, "draft")


async def test_a_program_of_somebody_else_finds_nothing(events, member, browser):
    """Others' events are 404 for it, and without sign-in it is 401."""
    event_id = (await create(browser, member)).json()["id"]
    stranger = await events.signed_in(await events.organisation())
    for method, path, body in (
        ("GET", "content", None),
        ("POST", "publish", None),
        ("POST", "cancel", {"reason": {"de": "x"}}),
    ):
        url = f"/api/events/{event_id}/{path}"
        assert (await call(stranger, method, url, body, if_match='"1"')).status == 404
        assert (await call(events.browser(), method, url, body, if_match='"1"')).status == 401
    assert (await create(stranger, member)).status == 404


async def test_a_foreign_page_cannot_use_the_members_cookie(member, browser):
    """A request that the browser marks as another site's is refused."""
    answer = await call(
        browser, "POST", "/api/events", new_event(member), idempotency_key="x", sec_fetch_site="cross-site"
    )
    assert answer.status == 403


async def test_the_public_list_filters_and_pages(events, member):
    """The same filters as the page, and a page size."""
    for _ in range(3):
        await events.published(member, venue_name="Apihaus", spoken_languages=["ti"])
    browser = events.browser()
    first = (await browser.get("/api/events?q=apihaus&language=ti&page_size=2&from=2027-04-01&left=true")).json()
    assert (first["count"], len(first["events"]), first["page"]) == (3, 2, 1)
    assert (await browser.get("/api/events?q=apihaus&language=vi")).json()["count"] == 0
    assert (await browser.get("/api/events?page=0")).status == 422
    event = first["events"][0]
    assert event["registration"]["places_left"] == 10
    assert event["contact"]["hours"] == {"de": "Mo 9-12"}
    assert event["url"].startswith("http://127.0.0.1:8710/events/")


async def test_the_document_describes_every_operation(events):
    """Each operation of the API has a description and its error answers; each model an example or a description."""
    document = (await events.browser().get("/api/openapi.json")).json()
    operations = [
        operation for path in document["paths"].values() for operation in path.values() if "responses" in operation
    ]
    assert len(operations) == 9
    for operation in operations:
        assert operation["description"]
        errors = [status for status in operation["responses"] if status.startswith("4")]
        assert errors
        for status in errors:
            assert "application/problem+json" in operation["responses"][status]["content"]
    assert "examples" in json.dumps(document["components"]["schemas"]["PublicEvent"])


async def test_health_and_messages_are_served(events):
    """The service says that it is well, and what it sends and hears."""
    browser = events.browser()
    assert (await browser.get("/readyz")).json()["checks"] == {"database": True, "schema": True}
    topics = {channel["address"] for channel in (await browser.get("/api/asyncapi.json")).json()["channels"].values()}
    assert {
        "teilhabe.events.v1",
        "teilhabe.organisations.v1",
        "teilhabe.contacts.v1",
        "teilhabe.notification-requests.v1",
        "teilhabe.registrations.v1",
    } <= topics
