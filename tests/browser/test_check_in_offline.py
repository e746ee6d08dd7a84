"""The desk's page in a real browser without a connection, without a token and without the right: what it keeps."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.auth.tokens import TOKEN_COOKIE
from shared.tickets import code_of
from tests.support import registrations as given
from tests.support.check_in_desk import HERE, check_page, look_for, ready, running_desk
from tests.support.look import open_page


@pytest.fixture(scope="module")
async def desk(database_url):
    async with running_desk(database_url("registrations")) as desk:
        yield desk


@pytest.mark.timeout(60)
async def test_the_desk_goes_on_without_a_connection_and_catches_up(browser, desk):
    """The server is away: by code and name it goes on, also after a reload; then all of it arrives, once.

    Meanwhile another desk checked one of the parties in: the earlier one stands and the device says so. What is kept
    on the device has no name in it.
    """
    event = await desk.event()
    wishes = [given.wish(name="Ada Lovelace", size=2), given.wish(name="Bo"), given.wish(name="Cyra")]
    ada, bo, cyra = await desk.register(event, *wishes)
    async with open_page(browser, 360, locale="en") as page:
        await desk.sign_in(page, event)
        await page.goto(desk.path(event))
        await ready(page)
        await page.wait_for_function(KEPT, timeout=10_000)
        await desk.close()
        await look_for(page, "ada")
        await page.click(".t-party [data-slot=check-in]")
        await page.wait_for_selector("#connection[data-kind=offline]")
        assert await page.inner_text("#came") == "2 of 4 here"
        await page.reload()
        await ready(page)
        assert await page.inner_text("#came") == "2 of 4 here"
        await check_page(page, "check-in-offline")
        kept = await page.evaluate("JSON.stringify(localStorage)")
        assert ada in kept
        assert "Lovelace" not in kept
        await look_for(page, "Bo")
        await page.wait_for_selector("#results .kern-badge")
        await look_for(page, code_of(bo))
        await page.click(".t-party [data-slot=check-in]")
        await page.wait_for_selector(HERE)
        await page.click("#walk-ins button[value=more]")
        await look_for(page, cyra)
        await page.click(".t-party [data-slot=check-in]")
        await page.wait_for_selector(HERE)
        await an_hour_ago(desk, event, cyra)
        await desk.open()
        await desk.until(event, 4, 1)
        await page.wait_for_selector("#conflicts li", timeout=10_000)
        said = await page.inner_text("#conflicts")
        assert "already checked in" in said
        await page.wait_for_selector("#connection[data-kind=online]")
        await check_page(page, "check-in-caught-up")
        assert "queue" not in await page.evaluate("Object.keys(localStorage).join()")


KEPT = """async () => {
  const kept = await caches.open('teilhabe-check-in');
  const paths = (await kept.keys()).map((request) => new URL(request.url).pathname);
  return Boolean(navigator.serviceWorker.controller)
    && ['check-in', 'check-in.js', 'index.js'].every((name) => paths.some((path) => path.endsWith(name)));
}"""


async def an_hour_ago(desk, event, ticket):
    """Another desk checked the party in before."""
    from services.registrations.check_in import commands
    from services.registrations.check_in.queries import by_ticket

    now = datetime.now(UTC)
    async with desk.database.begin() as session:
        [party] = await by_ticket(session, event, event.sessions[0].id, ticket)
        other = commands.Desk(uuid4(), event, event.sessions[0], uuid4(), now - timedelta(hours=1), now)
        await commands.check_in(session, other, party.id)


async def test_without_the_queue_what_was_done_offline_is_lost(browser, desk):
    """The control: with what the device kept thrown away, nothing arrives afterwards."""
    event = await desk.event()
    [ticket] = await desk.register(event, given.wish())
    async with open_page(browser, 360, locale="en") as page:
        await desk.sign_in(page, event)
        await page.goto(desk.path(event))
        await ready(page)
        await page.wait_for_function(KEPT, timeout=10_000)
        await desk.close()
        await look_for(page, ticket)
        await page.click(".t-party [data-slot=check-in]")
        await page.wait_for_selector("#connection[data-kind=offline]")
        await page.evaluate("localStorage.clear()")
        await page.goto("about:blank")
        await desk.open()
        await page.goto(desk.path(event))
        await page.wait_for_selector("#connection[data-kind=online]", timeout=15_000)
        assert await desk.numbers(event) == (0, 0)


async def test_a_page_that_stays_open_renews_its_token(browser, desk):
    """A token lives for minutes: without one the page gets the next by itself; while sign-in is away it goes on."""
    event = await desk.event()
    [ticket] = await desk.register(event, given.wish(name="Ada"))
    async with open_page(browser, 360, locale="en") as page:
        await desk.sign_in(page, event)
        await page.goto(desk.path(event))
        await ready(page)
        await page.context.clear_cookies(name=TOKEN_COOKIE)
        await page.wait_for_selector("#connection[data-kind=offline]", timeout=9000)
        await look_for(page, "ada")
        await page.click(".t-party [data-slot=check-in]")
        await page.wait_for_selector(HERE)
        assert await desk.numbers(event) == (0, 0)
        desk.renews = desk.people[event.id]
        await desk.until(event, 1)
        await page.wait_for_selector("#connection[data-kind=online]")
        assert ticket not in await page.evaluate("localStorage.getItem('teilhabe.check-in.queue') ?? ''")
    desk.renews = None


async def test_who_may_not_any_more_keeps_no_list(browser, desk):
    """A member who was removed sees it within seconds: the device forgets the list."""
    event = await desk.event()
    await desk.register(event, given.wish(name="Ada"))
    async with open_page(browser, 360, locale="en") as page:
        await desk.sign_in(page, event)
        await page.goto(desk.path(event))
        await ready(page)
        assert "teilhabe.check-in.list" in await page.evaluate("Object.keys(localStorage).join()")
        async with desk.database.begin() as session:
            await session.execute(
                text("DELETE FROM members WHERE organisation_id = :id"), {"id": event.organisation_id}
            )
        await page.wait_for_selector("#connection[data-kind=offline]", timeout=9000)
        assert "sign in" in await page.inner_text("#connection")
        assert "teilhabe.check-in.list" not in await page.evaluate("Object.keys(localStorage).join()")
