"""Nobody reads or changes what is not theirs: every route of the three services, with every wrong token."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, table, text
from uuid6 import uuid7

from services.events.events.commands import create_event
from services.events.events.publishing import publish_event
from services.events.importing.commands import keep_import
from services.events.importing.composing import Entry
from services.events.series.commands import begin_series
from services.events.series.planning import Terms, Window
from services.events.series.rules import Frequency, Rule
from services.notifications.main import create_api
from services.notifications.optouts.tokens import unsubscribe_token
from shared.auth.members import Member, memberships
from tests.security.door import FORM, Way, form_token, ways_into
from tests.support import notifications as notifications_given
from tests.support import registrations as registrations_given
from tests.support.certificates import issue, sign_off
from tests.support.events_service import content, form_bytes
from tests.support.registration_list import admitted
from tests.support.registration_pages import own_path, registrations, send, where

OPEN = {
    "GET /", "GET /events", "GET /events/{reference}", "GET /events/{reference}.ics",
    "GET /events.ics", "GET /events/embed", "GET /events/embed.js",
    "GET /api/events", "GET /api/events/{reference}",
    "GET /organisations/{organisation_id}", "GET /organisations/{organisation_id}/logo/{digest}",
    "GET /sign-in", "POST /sign-in", "GET /sign-in/sent", "POST /sign-out",
    "GET /sign-in/openid", "GET /sign-in/openid/back", "GET /sign-in/openid/left",
    "GET /registrations", "GET /registrations/new/{event_id}", "POST /registrations/new/{event_id}",
    "GET /registrations/shifts/{event_id}", "POST /registrations/shifts/{event_id}",
    "GET /registrations/certificates", "POST /registrations/certificates", "GET /registrations/certificates/{code}",
    "GET /registrations/asked/{event_id}", "GET /registrations/already/{event_id}",
    "GET /registrations/api/events/{event_id}/places", "POST /registrations/api/events/{event_id}/registrations",
    "GET /assets", "GET /healthz", "HEAD /healthz", "GET /readyz", "HEAD /readyz", "GET /metrics", "HEAD /metrics",
}  # fmt: skip
"""Ways in that are for everybody."""

BY_SECRET = (
    "/r/{token}", "/registrations/api/own/{token}", "/sign-in/{token}", "/invitations/{token}",
    "/notifications/unsubscribe/{token}",
)  # fmt: skip
"""What such ways begin with is open to whoever has the secret in them."""

BY_COOKIE = {f"{method} /sign-in/renew" for method in ("GET", "POST", "PUT", "PATCH", "DELETE")}
DOCUMENTS = ("/api/docs", "/api/openapi.json", "/api/messages", "/api/asyncapi.json")
SIGNED = {"POST /notifications/twilio/inbound", "POST /notifications/twilio/receipts"}
TRIAL = "/notifications/phone"

BODIES = {
    "POST /api/events": {**content().model_dump(mode="json"), "organisation_id": None},
    "PUT /api/events/{event_id}/content": content().model_dump(mode="json"),
    "POST /api/events/{event_id}/reschedule": {
        "sessions": [{"starts_at": "2099-04-06T10:00:00", "ends_at": "2099-04-06T12:00:00"}]
    },
    "POST /api/events/{event_id}/postpone": {"reason": {"de": "Später."}},
    "POST /api/events/{event_id}/cancel": {"reason": {"de": "Fällt aus."}},
    "POST /registrations/api/events/{event_id}/check-in": {"code": "123456"},
    "POST /registrations/api/events/{event_id}/check-in/undo": {"code": "123456"},
    "POST /registrations/api/events/{event_id}/check-in/left": {"code": "123456"},
    "POST /registrations/api/events/{event_id}/hours": {"hours": [{"registration_id": str(uuid4()), "minutes": 60}]},
    "POST /registrations/api/events/{event_id}/check-in/walk-ins": {"people": 1},
    "POST /registrations/api/console/events/{event_id}/actions": {"action": "mark", "registrations": [str(uuid4())]},
}
FIELDS = [
    ("version", "2"), ("confirmed", "yes"), ("reason-de", "Fällt aus."), ("kind", "workshop"), ("language", "de"),
    ("title-de", "Gekapert"), ("starts-1", "2099-04-06T10:00"), ("ends-1", "2099-04-06T12:00"),
    ("main_language", "de"), ("time_zone", "Europe/Berlin"),
]  # fmt: skip


def is_open(way: Way) -> bool:
    """Whether the way is meant for people who are not signed in."""
    return (
        str(way) in OPEN | BY_COOKIE | SIGNED
        or way.path.startswith((*BY_SECRET, TRIAL))
        or (way.method == "GET" and way.path.endswith(DOCUMENTS))
    )


@pytest.fixture(scope="module")
async def house(doors):
    """An office with a published event that all three services know, with a certificate; and another office."""
    office, other = await doors.office(), await doors.office()
    database = doors.apps["events"].state.database
    now = datetime(2099, 1, 1, tzinfo=UTC)
    dates = [{"starts_at": "2099-04-05T10:00", "ends_at": "2099-04-05T12:00"}]
    async with database.begin() as session:
        member = Member(office.person_id, await memberships(session, office.person_id))
        made = content(kind="volunteering", sessions=dates)
        event_id = await create_event(session, member, office.organisation_id, made, uuid7(), now)
        await publish_event(session, member, event_id, 1, now)
    changes = {"id": event_id, "organisation_id": office.organisation_id, "code": "HOUSE"}
    registered = registrations_given.event(9, **changes)
    await registrations_given.publish(doors.apps["registrations"].state.database, registered)
    (doors.registration_id,) = await admitted(
        doors.apps["registrations"].state.database, registered, registrations_given.wish()
    )
    await sign_off(doors.apps["registrations"].state.database, registered, doors.registration_id, 60)
    await issue(doors.apps["registrations"].state.database, registered, doors.registration_id)
    state = notifications_given.event(**{name: changes[name] for name in ("id", "organisation_id")})
    state = state.model_copy(update={"id": event_id, "code": "HOUSE"})
    await notifications_given.publish_event(doors.apps["notifications"].state.database, state)
    return office, other, event_id


@pytest.fixture(scope="module")
async def series_id(doors, house):
    """A series of the office's, of drafts."""
    office, _, _ = house
    now = datetime(2099, 1, 1, tzinfo=UTC)
    dates = [{"starts_at": "2099-06-01T10:00", "ends_at": "2099-06-01T12:00"}]
    terms = Terms(Rule(Frequency.WEEKLY, (0,)), frozenset(), publishes=False)
    async with doors.apps["events"].state.database.begin() as session:
        member = Member(office.person_id, await memberships(session, office.person_id))
        event_id = await create_event(session, member, office.organisation_id, content(sessions=dates), uuid7(), now)
        return await begin_series(session, member, event_id, terms, uuid7(), Window(timedelta(), 1), now)


async def knock(doors, way: Way, url: str, token: str | None, organisation_id=None):
    """Go this way with everything right but the token."""
    browser = doors.browser(way.service, token)
    if way.method == "GET":
        return await browser.get(url)
    if way.for_programs:
        body = {**BODIES.get(str(way), {})}
        if "organisation_id" in body:
            body["organisation_id"] = str(organisation_id)
        headers = {"if-match": '"2"', "idempotency-key": str(uuid4()), "content-type": "application/json"}
        return await browser.request(way.method, url, json.dumps(body).encode(), headers)
    fields = [*FIELDS, ("request_key", str(uuid4())), ("organisation", str(organisation_id))]
    fields += [("csrf_token", form_token(browser))]
    return await browser.request(way.method, url, form_bytes(fields), FORM)


async def everything(doors) -> dict[str, list]:
    """What the events service holds of events and their versions, and what it has said."""
    tables = ("events", "event_texts", "event_versions", "sessions", "places", "outbox", "series", "occurrences")
    async with doors.apps["events"].state.database.read() as session:
        return {
            t: (await session.execute(select("*").select_from(table(t)).order_by(text("1, 2")))).all() for t in tables
        }


async def test_every_way_in_is_known(doors):
    """A route is for members, or it is on the list of those that are not: a new one cannot be open by oversight."""
    unknown = [str(way) for way in doors.ways() if not way.needs_member and not is_open(way)]
    assert unknown == []
    assert len([way for way in doors.ways() if way.needs_member]) >= 20


async def test_nobody_comes_in_with_a_wrong_token(doors, house):
    """No token, an expired, forged, unsigned or foreign one: each route of members says 401, or sign in."""
    office, _, event_id = house
    before = await everything(doors)
    for way in [way for way in doors.ways() if way.needs_member]:
        for what, token in doors.bad_tokens(office.person_id).items():
            answer = await knock(doors, way, way.url(event_id=event_id), token, office.organisation_id)
            if way.for_programs:
                assert answer.status == 401, (way, what)
            else:
                assert answer.status in {303, 307}, (way, what)
                assert "/sign-in/renew?next=" in answer.headers["location"], (way, what)
            assert answer.headers["cache-control"] == "no-store", (way, what)
    assert await everything(doors) == before


async def an_import(doors, office):
    """A list that the office's member has uploaded and not confirmed."""
    database, now = doors.apps["events"].state.database, datetime(2099, 1, 1, tzinfo=UTC)
    entry = Entry(line=2, title="Import", uid="import", content=content())
    async with database.begin() as session:
        member = Member(office.person_id, await memberships(session, office.person_id))
        return await keep_import(session, member, office.organisation_id, [entry], 0, uuid4(), now)


async def test_another_organisation_finds_nothing(doors, house, series_id):
    """With another office's token the event does not exist, whatever is asked of it, and nothing changes."""
    office, other, event_id = house
    own = {"event_id": event_id, "organisation_id": office.organisation_id, "import_id": await an_import(doors, office)}
    own["series_id"] = series_id
    before = await everything(doors)
    seen = 0
    for way in [way for way in doors.ways() if way.needs_member and any(f"{{{name}}}" in way.path for name in own)]:
        answer = await knock(
            doors, way, way.url(**own, registration_id=doors.registration_id), doors.token(other.person_id)
        )
        assert answer.status == 404, way
        seen += 1
    assert seen >= 15
    assert await everything(doors) == before


async def test_the_own_organisation_gets_there(doors, house, series_id):
    """The same walk with the right token is answered: the walks above knock at doors that there are."""
    office, _, event_id = house
    reached = [way for way in doors.ways() if way.needs_member and way.method == "GET"]
    ids = {"event_id": event_id, "organisation_id": office.organisation_id, "person_id": office.person_id}
    ids["import_id"] = await an_import(doors, office)
    ids["series_id"] = series_id
    for way in reached:
        url = way.url(**ids, registration_id=doors.registration_id)
        answer = await knock(doors, way, url, doors.token(office.person_id))
        assert answer.status == 200, way
        assert answer.headers["cache-control"] == "no-store", way


async def test_lists_show_only_what_is_ones_own(doors, house):
    """The consoles of another office do not name the event."""
    office, other, _ = house
    for service, path in (("events", "/console"), ("notifications", "/notifications/console")):
        pages = {
            who.person_id: (await doors.browser(service, doors.token(who.person_id)).get(path)).text
            for who in (office, other)
        }
        title = "Nähen" if service == "events" else "Gardening together"
        assert title in pages[office.person_id]
        assert title not in pages[other.person_id]


async def test_an_event_cannot_be_made_for_another_organisation(doors, house):
    """The API knows no organisation that is not the member's own, and the form makes the event for the member's own."""
    office, other, _ = house
    before = await everything(doors)
    token = doors.token(other.person_id)
    ways = {str(way): way for way in doors.ways()}
    by_program = await knock(doors, ways["POST /api/events"], "/api/events", token, office.organisation_id)
    assert by_program.status == 404
    by_form = ways["POST /console/events/new"]
    assert (await knock(doors, by_form, by_form.path, token, office.organisation_id)).status == 303
    known = {row.id for row in before["events"]}
    made = [row for row in (await everything(doors))["events"] if row.id not in known]
    assert [row.organisation_id for row in made] == [other.organisation_id]


async def test_a_removed_member_is_out_of_all_three_services(doors):
    """With a token that still lives, each route of members says 403 once the organisation has removed the person."""
    office = await doors.office()
    token = doors.token(office.person_id)
    assert (await doors.browser("notifications", token).get("/notifications/console")).status == 200
    await doors.dismiss(office)
    for way in [way for way in doors.ways() if way.needs_member]:
        answer = await knock(doors, way, way.url(event_id=uuid4()), token, office.organisation_id)
        assert answer.status == 403, way


async def test_a_link_opens_one_registration_alone(doors):
    """With the link of another registration, or a changed one, nothing of mine is seen or changed."""
    app = doors.apps["registrations"]
    event = registrations_given.event(9)
    await registrations_given.publish(app.state.database, event)
    mine = await own_path(doors.browser("registrations"), event, email="mine@example.org")
    theirs = await own_path(doors.browser("registrations"), event, email="theirs@example.org")
    assert mine != theirs
    browser = doors.browser("registrations")
    assert where(await send(browser, f"{theirs}/cancel", {}, page=f"{theirs}/cancel")) == theirs
    states = {row.address: row.state for row in await registrations(app.state.database, event)}
    assert states == {"mine@example.org": "confirmed", "theirs@example.org": "cancelled"}
    wrong = mine[:-1] + ("a" if mine[-1] != "a" else "b")
    row = next(r for r in await registrations(app.state.database, event) if r.address == "mine@example.org")
    for guess in (wrong, f"/r/{row.id}", f"/r/{row.token_hash.hex()}", "/r/%00", "/r/' OR 1=1 --"):
        assert (await browser.get(guess.replace(" ", "%20"))).status == 404, guess
        assert (await browser.get(f"/registrations/api/own/{guess[3:]}".replace(" ", "%20"))).status == 404, guess
    for method, path in (("PUT", "/party"), ("POST", "/accept"), ("DELETE", "")):
        url = f"/registrations/api/own/{wrong[3:]}{path}"
        answer = await browser.request(method, url, b'{"party_size": 2}', {"content-type": "application/json"})
        assert answer.status == 404, (method, path)
    after = next(r for r in await registrations(app.state.database, event) if r.address == "mine@example.org")
    assert after == row


async def test_an_unsubscribe_link_is_for_one_address(doors):
    """Somebody's link with another address's hash in it is no link."""
    vault = doors.apps["notifications"].state.vault
    mine, theirs = unsubscribe_token(vault, "mine@example.org"), unsubscribe_token(vault, "theirs@example.org")
    forged = mine[:32] + theirs[32:]
    browser = doors.browser("notifications")
    assert (await browser.post(f"/notifications/unsubscribe/{forged}", {})).status == 404
    async with doors.apps["notifications"].state.database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM optouts"))).scalar_one() == 0


async def test_the_trial_phone_is_not_there_in_production(doors):
    """The pages that show everybody's messages do not exist where people's messages are."""
    settings = doors.settings["notifications"].model_copy(update={"environment": "production"})
    app = create_api(settings)
    assert not [way for way in ways_into("notifications", app) if way.path.startswith(TRIAL)]
    await app.state.database.close()
