"""Finding a party at the check-in: by code, by QR code and by name; and its ticket."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.registrations.check_in import queries
from services.registrations.check_in.queries import _folded, by_ticket
from services.registrations.registrations.admission import admit
from shared.i18n.folding import fold
from shared.tickets import code_of, ticket_of, ticket_sql, ticket_url
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.check_in import SOON, api_of, call, member_of, page_of, register
from tests.support.registration_pages import counted, hidden, open_event, running_api, send, where, words


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations"), limit_factor=0.2) as app:
        yield app


@pytest.fixture
def database(app):
    return app.state.database


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


def test_the_address_of_a_scan_has_no_secret():
    """It names the event's code and the ticket, nothing of the link."""
    url = urlsplit(ticket_url("https://teilhabe.example/", "GARTEN", ticket_of(uuid4())))
    assert url.path.startswith("/registrations/at/GARTEN/")
    assert parse_qs(url.query) == {}
