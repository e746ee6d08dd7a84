"""Check-in: a party by code, by QR code and by name, twice, late, by two desks at once; numbers; and who may."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.registrations.check_in import commands, queries
from services.registrations.check_in.commands import Desk, NoPlaceError, WrongNumberError, check_in, undo
from services.registrations.check_in.model import Result
from services.registrations.check_in.queries import _folded, by_ticket, came_by_session, session_of
from services.registrations.main import create_api
from services.registrations.registrations.admission import admit
from services.registrations.registrations.commands import cancel
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE
from shared.contracts.events import CoHost, CoHostRole, Scope, Session
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.contracts.registrations import EndedBy
from shared.database.migrations import upgrade
from shared.i18n.folding import fold
from shared.tickets import code_of, ticket_of, ticket_sql, ticket_url
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import counted, hidden, messages, open_event, send, where, words

SOON = timedelta(minutes=30)


@pytest.fixture(scope="module")
async def app(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    app = create_api(given.settings(url).model_copy(update={"limit_factor": 0.2}))
    yield app
    await app.state.database.close()


@pytest.fixture
def database(app):
    return app.state.database


async def register(database, event, *wishes):
    """The ids of parties, in the order of the wishes."""
    async with database.begin() as session:
        pool = event.places[0].id
        decided = await admit(session, given.VAULT, given.RULES, pool, wishes, datetime.now(UTC))
    return [one.id for one in decided]


async def member_of(app, event, role=Role.DESK, organisation=None):
    """A browser of somebody with a role in the host."""
    person = uuid4()
    message = OrganisationChanged(
        aggregate_id=organisation or event.organisation_id,
        aggregate_version=int(datetime.now(UTC).timestamp() * 1_000_000),
        name={"de": "Büro"},
        members=[Membership(person_id=person, role=role)],
    )
    async with app.state.database.begin() as session:
        await keep_organisations(session, [message])
    browser = AsgiClient(app)
    browser.cookies[TOKEN_COOKIE] = given.sign(person)
    return browser


def page_of(event):
    return f"/registrations/console/events/{event.id}/check-in"


def api_of(event):
    return f"/registrations/api/events/{event.id}/check-in"


def at_desk(event, ago=timedelta(), key=None):
    now = datetime.now(UTC)
    return Desk(uuid4(), event, event.sessions[0], key or uuid4(), now - ago, now)


async def do(database, command, *args, **more):
    async with database.begin() as session:
        return await command(session, *args, **more)


async def rows(database, event):
    async with database.read() as session:
        query = "SELECT came, checked_in_at, undone_at FROM check_ins WHERE event_id = :id"
        return (await session.execute(text(query), {"id": event.id})).all()


async def numbers(database, event):
    async with database.read() as session:
        return [(one.expected, one.came, one.walk_ins) for one in await came_by_session(session, event)]


async def call(browser, event, path, body, key=None):
    headers = {"content-type": "application/json", "idempotency-key": str(key or uuid4())}
    return await browser.request("POST", api_of(event) + path, json.dumps(body).encode(), headers)


async def test_database_and_services_make_the_same_ticket(database):
    """The twelve digits that a mail shows are those by which the database finds the registration."""
    event = await open_event(database)
    ids = await register(database, event, *(given.wish() for _ in range(5)))
    async with database.read() as session:
        query = f"SELECT id, {ticket_sql('id')} AS ticket FROM registrations WHERE event_id = :id"  # noqa: S608
        found = {row.id: row.ticket for row in await session.execute(text(query), {"id": event.id})}
    assert found == {one: ticket_of(one) for one in ids}
    assert len(set(found.values())) == 5


async def test_a_party_is_checked_in_by_its_code(app, database):
    """Without scripts: type the code in any script's digits, see the party, press once; the number stands above."""
    event = await open_event(database, starts_in=SOON)
    party, _ = await register(database, event, given.wish(name="Ada Öz", size=3), given.wish(size=2))
    desk = await member_of(app, event)
    code = code_of(ticket_of(party)).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    page = await send(desk, page_of(event), {"search": code})
    assert (page.status, page.headers["cache-control"]) == (200, "no-store")
    assert "0 of 5 here" in words(page)
    assert "Ada Öz" in words(page)
    form = {"ticket": ticket_of(party), "came": "2"}
    to = where(await desk.post(f"{page_of(event)}/party", await hidden(desk, page_of(event)) | form))
    page = await desk.get(to)
    assert "Checked in" in words(page)
    assert "2 of 5 here" in words(page)
    assert ": 2 of 3" in words(page)


async def test_a_qr_code_leads_to_its_party_and_a_foreign_one_says_so(app, database):
    """What the own page's picture says is found; another event's code is a clear answer, a stranger finds nothing."""
    event, other = await open_event(database), None
    other = await open_event(database, organisation_id=event.organisation_id)
    (mine,), (theirs,) = (
        await register(database, event, given.wish(name="Bo")),
        await register(database, other, given.wish(name="Cy")),
    )
    desk = await member_of(app, event)
    scan = ticket_url("https://teilhabe.example", event.code, ticket_of(mine))
    assert "Bo" in words(await desk.get(urlsplit(scan).path))
    assert "Bo" in words(await send(desk, page_of(event), {"search": scan}))
    foreign = ticket_url("https://teilhabe.example", other.code, ticket_of(theirs))
    page = words(await send(desk, page_of(event), {"search": foreign}))
    assert "This code is for another event" in page
    assert other.code in page
    assert "Cy" not in page
    assert (await (await member_of(app, event, organisation=uuid4())).get(urlsplit(scan).path)).status == 404


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Ayşe Çelik", "AYSE"),
        ("Иван Ґалаґан", "галаган"),
        ("أحمد العلي", "احمد"),
        ("IŞIK", "işık"),
        ("Zoë Ní", "ni zoe"),
    ],
)
async def test_a_name_is_found_however_it_is_written(app, database, name, typed):
    """Case, accents and the letters of other scripts make no difference, nor does the order of the words."""
    event = await open_event(database)
    await register(database, event, given.wish(name=name), given.wish(name="Jemand anderes"))
    page = await send(await member_of(app, event), page_of(event), {"search": typed})
    assert name in words(page)
    assert "Jemand" not in words(page)
    assert fold(typed).split()[0] in _folded(name)


async def test_a_name_never_stands_in_an_address(app, database):
    """A name in the address is not looked for; only codes are."""
    event = await open_event(database)
    await register(database, event, given.wish(name="Ada"))
    page = await (await member_of(app, event)).get(f"{page_of(event)}?code=Ada")
    assert "Ada" not in words(page)


async def test_twice_is_seen(app, database):
    """The second check-in of a party changes nothing and says since when the party is here."""
    event = await open_event(database, starts_in=SOON)
    (party,) = await register(database, event, given.wish(size=2))
    first = await do(database, check_in, at_desk(event), party, 1)
    second = await do(database, check_in, at_desk(event), party)
    assert (first.result, second.result) == (Result.CHECKED_IN, Result.ALREADY)
    assert (second.came, second.since) == (1, first.since)
    changed = await do(database, check_in, at_desk(event), party, 2, change=True)
    assert (changed.result, changed.came, changed.since) == (Result.CHECKED_IN, 2, first.since)
    assert await numbers(database, event) == [(2, 2, 0)]
    desk = await member_of(app, event)
    form = await hidden(desk, page_of(event)) | {"ticket": ticket_of(party), "came": "2"}
    answer = await desk.get(where(await desk.post(f"{page_of(event)}/party", form)))
    assert "Somebody checked them in before" in words(answer)


async def race(database, event, party):
    """Two desks press at the same moment; what each is told."""
    tries = (do(database, check_in, at_desk(event), party) for _ in range(6))
    told = await asyncio.gather(*tries, return_exceptions=True)
    return sorted(one.result if not isinstance(one, Exception) else "error" for one in told)


async def test_of_desks_that_press_at_once_one_checks_the_party_in(database, monkeypatch):
    """One row, one "checked in", and the others hear "already"; without the row's lock somebody sees an error."""
    event = await open_event(database, 100, starts_in=SOON)
    parties = await register(database, event, *(given.wish(size=2) for _ in range(8)))
    for party in parties:
        assert await race(database, event, party) == ["already"] * 5 + ["checked-in"]
    assert await numbers(database, event) == [(16, 16, 0)]
    assert len(await messages(database, event, "ChangeRecorded")) == 8
    monkeypatch.setattr(commands, "_LOCK", text("SELECT state, party_size FROM registrations WHERE id = :id"))
    again = await register(database, event, *(given.wish() for _ in range(8)))
    told = [await race(database, event, party) for party in again]
    assert any(one != ["already"] * 5 + ["checked-in"] for one in told)


async def test_the_earlier_of_two_check_ins_stands(database):
    """A device that was without a connection tells of a check-in an hour ago: that counts, with its number."""
    event = await open_event(database, starts_in=SOON)
    (party,) = await register(database, event, given.wish(size=3))
    await do(database, check_in, at_desk(event), party, 3)
    early = at_desk(event, timedelta(hours=1))
    told = await do(database, check_in, early, party, 2)
    assert (told.result, told.came, told.since) == (Result.ALREADY, 2, early.at)
    late = await do(database, check_in, at_desk(event, timedelta(minutes=1)), party, 1)
    assert (late.result, late.came, late.since) == (Result.ALREADY, 2, early.at)
    assert [(row.came, row.checked_in_at) for row in await rows(database, event)] == [(2, early.at)]


async def test_a_change_that_comes_again_changes_nothing_more(database):
    """Each key counts once: a check-in that is sent again does not bring a party back that was taken out since."""
    event = await open_event(database, starts_in=SOON)
    (party,) = await register(database, event, given.wish())
    key = uuid4()
    assert (await do(database, check_in, at_desk(event, key=key), party)).result is Result.CHECKED_IN
    assert (await do(database, check_in, at_desk(event, key=key), party)).result is Result.CHECKED_IN
    back = uuid4()
    assert (await do(database, undo, at_desk(event, key=back), party)).result is Result.UNDONE
    assert (await do(database, check_in, at_desk(event, key=key), party)).result is Result.UNDONE
    assert await numbers(database, event) == [(1, 0, 0)]
    assert (await do(database, check_in, at_desk(event), party)).result is Result.CHECKED_IN
    assert (await do(database, undo, at_desk(event, key=back), party)).result is Result.CHECKED_IN
    assert (await do(database, undo, at_desk(event, timedelta(hours=1)), party)).result is Result.ALREADY
    assert await numbers(database, event) == [(1, 1, 0)]
    told = [m["action"] for m in await messages(database, event, "ChangeRecorded")]
    assert told == ["check-in.made", "check-in.undone", "check-in.made"]


async def test_only_a_party_with_a_place_comes_in(app, database):
    """Who waits or has cancelled is told at the desk, in words and in red; a number beyond the party is refused."""
    event = await open_event(database, 3)
    party, waiting, gone = await register(
        database, event, given.wish(size=2, name="Ada"), given.wish(size=2, name="Bo"), given.wish(name="Cy")
    )
    async with database.begin() as session:
        now = datetime.now(UTC)
        await cancel(session, given.VAULT, given.RULES, gone, EndedBy.PERSON, now)
    for one in (waiting, gone):
        with pytest.raises(NoPlaceError):
            await do(database, check_in, at_desk(event), one)
    for came in (0, 3):
        with pytest.raises(WrongNumberError):
            await do(database, check_in, at_desk(event), party, came)
    desk = await member_of(app, event)
    page = await send(desk, page_of(event), {"search": code_of(ticket_of(waiting))})
    assert "No place: on the waitlist" in words(page)
    assert "kern-badge--danger" in page.text
    page = await desk.get(f"{page_of(event)}?code={ticket_of(gone)}")
    assert "No place: the registration was cancelled" in words(page)
    form = await hidden(desk, page_of(event)) | {"ticket": ticket_of(party), "came": "5"}
    refused = await desk.post(f"{page_of(event)}/party", form)
    assert refused.status == 422
    assert 'value="5"' in refused.text
    assert await rows(database, event) == []


async def test_people_without_a_registration_are_counted(app, database):
    """One more, one fewer, never below none, each request once; many at once are all counted."""
    event = await open_event(database)
    desk = await member_of(app, event)
    form = await hidden(desk, page_of(event)) | {"people": "more", "session": str(event.sessions[0].id)}
    for _ in range(2):
        where(await desk.post(f"{page_of(event)}/walk-ins", form))
    assert await numbers(database, event) == [(0, 0, 1)]
    for people in ("fewer", "fewer"):
        await send(desk, f"{page_of(event)}/walk-ins", {"people": people}, page=page_of(event))
    assert await numbers(database, event) == [(0, 0, 0)]
    counts = (do(database, commands.count_walk_ins, at_desk(event), people) for people in [2] * 10 + [-3] * 4)
    await asyncio.gather(*counts)
    assert (await numbers(database, event))[0][2] >= 8


async def test_numbers_are_kept_per_session(app, database):
    """A party that came on the first evening has not come on the second; two statements for any number of dates."""
    start = datetime.now(UTC) + timedelta(hours=1)
    dates = [
        Session(id=uuid4(), starts_at=start + timedelta(days=n), ends_at=start + timedelta(days=n, hours=2))
        for n in range(3)
    ]
    event = await open_event(database, sessions=dates)
    (party,) = await register(database, event, given.wish(size=2))
    await do(database, check_in, at_desk(event), party)
    assert await numbers(database, event) == [(2, 2, 0), (2, 0, 0), (2, 0, 0)]
    desk = await member_of(app, event)
    second = await desk.get(f"{page_of(event)}?session={dates[1].id}&code={ticket_of(party)}")
    assert "0 of 2 here" in words(second)
    assert (await desk.get(f"{page_of(event)}?session={uuid4()}")).status == 404
    assert session_of(event, None, start + timedelta(days=1, minutes=1)).id == dates[1].id
    assert session_of(event, None, start + timedelta(days=40)).id == dates[2].id


async def test_only_the_host_s_desk_gets_there(app, database):
    """Viewers may not, co-hosts and strangers find nothing, on every way to the desk."""
    partner = uuid4()
    hosts = [CoHost(organisation_id=partner, role=CoHostRole.PARTNER, scope=Scope.CONTACT)]
    event = await open_event(database, co_hosts=hosts)
    (party,) = await register(database, event, given.wish())
    for role, organisation, status in (
        (Role.VIEWER, None, 403),
        (Role.OWNER, partner, 404),
        (Role.OWNER, uuid4(), 404),
    ):
        browser = await member_of(app, event, role, organisation)
        for path in (page_of(event), f"{page_of(event)}/worker.js", api_of(event), f"{api_of(event)}/parties"):
            assert (await browser.get(path)).status == status, (role, path)
        for path in ("", "/undo"):
            assert (await call(browser, event, path, {"code": ticket_of(party)})).status == status
        assert (await call(browser, event, "/walk-ins", {"people": 1})).status == status
    for role in (Role.DESK, Role.ORGANISER, Role.OWNER):
        assert (await (await member_of(app, event, role)).get(page_of(event))).status == 200
    assert await rows(database, event) == []


async def test_programs_check_in_too(app, database):
    """The list, what changed on it since, a check-in by code, an undo, walk-ins; each with a key."""
    event = await open_event(database, 3, starts_in=SOON)
    _, waiting = await register(database, event, given.wish(name="Ada", size=2), given.wish(name="Bo", size=2))
    desk = await member_of(app, event)
    everybody = (await desk.get(f"{api_of(event)}/parties")).json()
    assert [(p["name"], p["state"], p["came"]) for p in everybody["parties"]] == [
        ("Ada", "confirmed", 0),
        ("Bo", "waitlisted", 0),
    ]
    ticket, key = everybody["parties"][0]["ticket"], uuid4()
    for _ in range(2):
        here = await call(desk, event, "", {"code": ticket[:6], "came": 1, "seconds_ago": 60}, key)
        assert (here.status, here.json()["result"], here.json()["came"]) == (200, "checked-in", 1)
    since = datetime.fromisoformat(here.json()["since"])
    assert timedelta(seconds=50) < datetime.now(UTC) - since < timedelta(seconds=70)
    twice = (await call(desk, event, "", {"code": ticket})).json()
    assert (twice["result"], twice["came"]) == ("already", 1)
    assert (await call(desk, event, "", {"code": ticket_of(waiting)})).json()["state"] == "waitlisted"
    assert (await call(desk, event, "", {"code": ticket, "came": 7, "change": True})).status == 409
    assert (await call(desk, event, "/undo", {"code": ticket})).json()["result"] == "undone"
    assert (await call(desk, event, "/walk-ins", {"people": 4})).json() == {"walk_ins": 4}
    assert (await call(desk, event, "/walk-ins", {"people": 0})).status == 422
    without = await desk.post_json(api_of(event), {"code": ticket})
    assert without.status == 422
    [session] = (await desk.get(api_of(event))).json()
    assert (session["expected"], session["came"], session["walk_ins"]) == (2, 0, 4)
    later = datetime.now(UTC) + timedelta(hours=1)
    for since, parties in ((everybody["next"], 2), (later.isoformat(), 2), ("2001-01-01T00:00:00Z", 2)):
        query = since.replace("+", "%2B")
        assert len((await desk.get(f"{api_of(event)}/parties?since={query}")).json()["parties"]) == parties


async def test_what_has_ended_has_no_name_for_the_device(app, database):
    """Who cancelled is told of by ticket and state alone."""
    event = await open_event(database)
    desk = await member_of(app, event)
    (gone,) = await register(database, event, given.wish(name="Ada"))
    since = (await desk.get(f"{api_of(event)}/parties")).json()["next"]
    async with database.begin() as session:
        await cancel(session, given.VAULT, given.RULES, gone, EndedBy.PERSON, datetime.now(UTC))
    [told] = (await desk.get(f"{api_of(event)}/parties?since={since.replace('+', '%2B')}")).json()["parties"]
    assert (told["ticket"], told["state"], told["name"]) == (ticket_of(gone), "cancelled", None)


async def test_unknown_codes_come_to_an_end(app, database):
    """Sixty wrong codes an hour (a fifth of it here) are let through, right ones and names always; by page and API."""
    event = await open_event(database)
    (party,) = await register(database, event, given.wish(name="Ada"))
    desk = await member_of(app, event)
    form = await hidden(desk, page_of(event))
    statuses = [(await desk.post(page_of(event), form | {"search": "000000"})).status for _ in range(8)]
    statuses += [(await call(desk, event, "", {"code": "000000"})).status for _ in range(6)]
    assert statuses == [200] * 8 + [404] * 4 + [429] * 2
    assert "Ada" in words(await desk.post(page_of(event), form | {"search": ticket_of(party)}))
    assert (await desk.post(page_of(event), form | {"search": "Zed"})).status == 200
    assert (await (await member_of(app, event)).post(page_of(event), form)).status == 403


async def test_two_parties_with_one_code_are_told_apart(app, database, monkeypatch):
    """Where two share the six digits, the page shows both and a program is asked for the whole ticket."""
    event = await open_event(database)
    await register(database, event, given.wish(name="Ada"), given.wish(name="Bo"))
    same = text(f"{queries._PARTIES} AND left('111111222222', :digits) = :ticket ORDER BY r.queue")
    monkeypatch.setattr(queries, "_BY_TICKET", same)
    desk = await member_of(app, event)
    page = words(await send(desk, page_of(event), {"search": "111 111"}))
    assert "Two parties have this code" in page
    assert "Ada" in page
    assert "Bo" in page
    assert (await call(desk, event, "", {"code": "111111"})).json()["type"].endswith("ticket-needed")


async def test_the_camera_is_for_this_page_alone(app, database):
    """The desk's page may ask for it, the list may not; the worker's scope is the page."""
    event = await open_event(database)
    desk = await member_of(app, event)
    page, other = await desk.get(page_of(event)), await desk.get(f"/registrations/console/events/{event.id}")
    assert "camera=(self)" in page.headers["permissions-policy"]
    assert "camera=()" in other.headers["permissions-policy"]
    assert page_of(event) in other.text
    worker = await desk.get(f"{page_of(event)}/worker.js")
    assert worker.headers["service-worker-allowed"] == page_of(event)
    assert worker.headers["content-type"].startswith("text/javascript")


async def test_the_own_page_shows_the_ticket_to_who_has_a_place(app, database):
    """A confirmed party sees picture and code; the picture is nobody's without a place; no secret is in it."""
    event = await open_event(database, 1)
    async with database.begin() as session:
        wishes = [given.wish(), given.wish()]
        placed, waits = await admit(session, given.VAULT, given.RULES, event.places[0].id, wishes, datetime.now(UTC))
    browser = AsgiClient(app)
    page = await browser.get(f"/r/{placed.token}")
    assert code_of(ticket_of(placed.id)) in words(page)
    picture = await browser.get(f"/r/{placed.token}/ticket.svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.headers["cache-control"] == "no-store"
    assert b"style" not in picture.body
    assert "ticket.svg" not in (await browser.get(f"/r/{waits.token}")).text
    assert (await browser.get(f"/r/{waits.token}/ticket.svg")).status == 404


async def test_a_thousand_parties_need_no_more_statements_than_none(app, database):
    """Page, list and search cost the same number of statements however many are registered."""
    event = await open_event(database, 2000)
    desk = await member_of(app, event)
    paths = (page_of(event), f"{api_of(event)}/parties", f"{page_of(event)}?code=123456")
    none = [(await counted(database, desk, path))[0] for path in paths[:2]]
    ids = await register(database, event, *(given.wish(name=f"Ada {n}") for n in range(1000)))
    many = [(await counted(database, desk, path))[0] for path in paths[:2]]
    assert none == many
    async with database.read() as session:
        [found] = await by_ticket(session, event, event.sessions[0].id, ticket_of(ids[500]))
    assert found.name == "Ada 500"
    page = words(await send(desk, page_of(event), {"search": "ada"}))
    assert "There are more" in page


async def test_the_audit_says_who_and_nothing_personal(database):
    """Who checked in whom, by ids, at which session, from none to how many."""
    event = await open_event(database)
    (party,) = await register(database, event, given.wish(name="Ada", size=2))
    desk = at_desk(event)
    await do(database, check_in, desk, party)
    [told] = await messages(database, event, "ChangeRecorded")
    assert (told["action"], told["person_id"], told["subject_id"]) == (
        "check-in.made",
        str(desk.person_id),
        str(party),
    )
    assert (told["before"], told["after"]) == ({"came": 0}, {"came": 2, "session": str(event.sessions[0].id)})
    assert "Ada" not in str(told)


def test_the_address_of_a_scan_has_no_secret():
    """It names the event's code and the ticket, nothing of the link."""
    url = urlsplit(ticket_url("https://teilhabe.example/", "GARTEN", ticket_of(uuid4())))
    assert url.path.startswith("/registrations/at/GARTEN/")
    assert parse_qs(url.query) == {}
