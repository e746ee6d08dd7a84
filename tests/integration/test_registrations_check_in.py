"""Check-in: once, late, by two desks at once, taken back; numbers; programs; and who may."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.registrations.check_in import commands
from services.registrations.check_in.commands import NoPlaceError, WrongNumberError, check_in, undo
from services.registrations.check_in.model import Result
from services.registrations.check_in.queries import session_of
from services.registrations.registrations.commands import cancel
from shared.contracts.events import CoHost, CoHostRole, Scope, Session
from shared.contracts.organisations import Role
from shared.contracts.registrations import EndedBy
from shared.tickets import code_of, ticket_of
from tests.support import registrations as given
from tests.support.check_in import SOON, api_of, at_desk, call, do, member_of, numbers, page_of, register
from tests.support.registration_pages import hidden, messages, open_event, running_api, send, where, words


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations"), limit_factor=0.2) as app:
        yield app


@pytest.fixture
def database(app):
    return app.state.database


async def rows(database, event):
    async with database.read() as session:
        query = "SELECT came, checked_in_at, undone_at FROM check_ins WHERE event_id = :id"
        return (await session.execute(text(query), {"id": event.id})).all()


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
