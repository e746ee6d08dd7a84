"""The organiser's list, and what happens while the database is away."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.registrations.main import create_api
from services.registrations.registrations.admission import admit
from services.registrations.registrations.writer import AdmissionWriter
from shared.auth.tokens import TOKEN_COOKIE
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import counted, open_event, own_path, signed_in, where, words


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
def browser(app):
    return AsgiClient(app)


async def test_the_list_belongs_to_the_event_s_organisation(app, browser, database):
    """Strangers sign in first; other organisations' members find nothing; members see who comes."""
    event = await open_event(database)
    await own_path(browser, event, name="Ada", party_size="3")
    path = f"/registrations/console/events/{event.id}"
    assert "/sign-in/renew?next=" in where(await browser.get(path))
    assert (await (await signed_in(app)).get(path)).status == 404
    member = await signed_in(app, event)
    assert (await member.get(f"/registrations/console/events/{uuid4()}")).status == 404
    page = await member.get(path)
    assert "Ada 3 Confirmed English E-mail" in words(page)
    assert page.headers["cache-control"] == "no-store"
    browser.cookies[TOKEN_COOKIE] = "forged.token.here"
    assert "/sign-in/renew" in where(await browser.get(path))


async def test_the_list_needs_as_many_statements_for_many_as_for_none(app, database):
    """Its pages hold a hundred; a page beyond the last is the last."""
    event = await open_event(database, 30, largest_party=5)
    member = await signed_in(app, event)
    path = f"/registrations/console/events/{event.id}"
    none, page = await counted(database, member, path)
    assert "Nobody has registered yet" in words(page)
    wishes = [given.wish(given.number() if n % 2 else None, 1, ask_owner=bool(n % 2)) for n in range(101)]
    async with database.begin() as session:
        await admit(session, given.VAULT, given.RULES, event.places[0].id, wishes, datetime.now(UTC))
    many, page = await counted(database, member, path)
    assert none == many
    assert page.text.count('role="rowheader"') == 100
    for number in (2, 9999):
        _, page = await counted(database, member, f"{path}?page={number}")
        assert page.text.count('role="rowheader"') == 1
    assert (await member.get(f"{path}?page=0")).status == 400


async def test_while_the_database_is_away_people_are_told_to_come_back(free_port):
    """503 with Retry-After, as a page and as a problem; nothing of the address is told."""
    away = create_api(given.settings(f"postgresql+asyncpg://u:p@127.0.0.1:{free_port()}/x"))
    browser = AsgiClient(away)
    page = await browser.get(f"/registrations/new/{uuid4()}")
    assert (page.status, page.headers["retry-after"]) == (503, "10")
    assert "We will be back soon" in words(page)
    program = await browser.get(f"/registrations/api/events/{uuid4()}/places")
    assert (program.status, program.headers["retry-after"]) == (503, "10")
    assert program.headers["content-type"] == "application/problem+json"
    assert program.json()["type"] == "urn:teilhabe:problem:database-away"
    await away.state.database.close()


async def test_another_database_error_is_not_called_an_outage(app, browser, monkeypatch):
    """A mistake of ours stays a 500."""

    async def broken(*_):
        async with app.state.database.begin() as session:
            await session.execute(text("SELECT nonsense"))

    monkeypatch.setattr("services.registrations.registrations.manage.by_token", broken)
    assert (await browser.get("/r/abc")).status == 500


async def test_a_database_that_hangs_fails_all_who_wait_at_once():
    """The writer does not try each wish of a batch against a database that is away."""

    class Away(Database):
        tries = 0

        def begin(self):
            Away.tries += 1
            raise ConnectionRefusedError

    writer = AdmissionWriter(Away("postgresql+asyncpg://nowhere"), given.VAULT, given.RULES)
    pool = uuid4()
    results = await asyncio.gather(*(writer.submit(pool, given.wish()) for _ in range(50)), return_exceptions=True)
    assert {type(result) for result in results} == {ConnectionRefusedError}
    assert Away.tries <= 2
