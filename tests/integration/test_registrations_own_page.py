"""The person's own page behind the secret link, on a real PostgreSQL."""

import asyncio
import re

import pytest
from sqlalchemy import text

from services.registrations.main import create_api
from shared.contracts.contacts import Contact
from shared.contracts.events import Status
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import (
    email,
    hidden,
    messages,
    open_event,
    own_path,
    registrations,
    send,
    where,
    words,
)


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


async def test_the_party_changes_on_the_own_page(browser, database):
    """What fits is saved; what does not is said with the free places, and what was typed stays."""
    event = await open_event(database, 5, largest_party=4)
    path = await own_path(browser, event)
    await own_path(browser, event, party_size="3")
    saved = await browser.get(where(await send(browser, f"{path}/party", {"party_size": "2"}, path)))
    assert "Saved" in words(saved)
    refused = await send(browser, f"{path}/party", {"party_size": "4"}, path)
    assert refused.status == 422
    assert "0 more places are free. You can be at most 2 people" in words(refused)
    assert 'name="party_size" type="text" value="4"' in refused.text
    too_many = await send(browser, f"{path}/party", {"party_size": "5"}, path)
    assert too_many.status == 422
    for nonsense in ("0", "-1", "abc", "", "1000000000000", "٣٣"):
        assert (await send(browser, f"{path}/party", {"party_size": nonsense}, path)).status == 422
    assert [row.party_size for row in await registrations(database, event)] == [2, 3]


async def test_a_party_is_told_the_largest_that_the_event_allows(browser, database):
    """There are places enough, and the event wants small parties."""
    event = await open_event(database, 50, largest_party=4)
    path = await own_path(browser, event)
    refused = await send(browser, f"{path}/party", {"party_size": "5"}, path)
    assert "At most 4 people can come together" in words(refused)


async def test_the_language_of_messages_changes_on_the_own_page(browser, database):
    """The contact is told to notifications, encrypted; the page itself stays in the reader's language."""
    event = await open_event(database)
    address = email()
    path = await own_path(browser, event, email=address)
    answer = await browser.get(where(await send(browser, f"{path}/language", {"language": "ar"}, path)))
    assert 'value="ar" selected' in answer.text
    (row,) = await registrations(database, event)
    async with database.read() as session:
        contacts = await session.execute(
            text("SELECT convert_from(value, 'UTF8')::jsonb FROM outbox WHERE key = :key ORDER BY id"),
            {"key": str(row.person_id)},
        )
        newest = list(contacts.scalars())[-1]
    opened = given.VAULT.open(newest["sealed"], Contact, f"contact:{row.person_id}")
    assert (opened.language, opened.email, newest["aggregate_version"]) == ("ar", address, 2)
    for nonsense in ("xx", ""):
        assert (await send(browser, f"{path}/language", {"language": nonsense}, path)).status == 422


async def test_cancelling_asks_once_and_says_so(browser, database):
    """A page that asks, a button, and a page that says that it is done; again changes nothing."""
    event = await open_event(database)
    path = await own_path(browser, event, party_size="2")
    assert "places of 2 people" in words(await browser.get(f"{path}/cancel"))
    fields = await hidden(browser, f"{path}/cancel")
    for _ in range(2):
        assert "not registered any more" in words(
            await browser.get(where(await browser.post(f"{path}/cancel", fields)))
        )
    assert where(await browser.get(f"{path}/cancel")) == path
    assert len(await messages(database, event, "RegistrationCancelled")) == 1
    for action, form in (("party", {"party_size": "2"}), ("accept", {}), ("language", {"language": "tr"})):
        assert where(await browser.post(f"{path}/{action}", fields | form)).startswith(path)


async def test_an_offer_says_until_when_and_is_taken_with_one_button(browser, database):
    """The waiting party sees the end of its offer, accepts, and has a place; a second press is harmless."""
    event = await open_event(database, 1)
    first = await own_path(browser, event)
    waiting = await own_path(browser, event)
    await browser.post(f"{first}/cancel", await hidden(browser, f"{first}/cancel"))
    page = await browser.get(waiting)
    assert "A place is free for you" in words(page)
    assert re.search(r"until \S.*\d{2}:\d{2}", words(page))
    fields = await hidden(browser, waiting)
    for _ in range(2):
        assert "You have a place" in words(await browser.get(where(await browser.post(f"{waiting}/accept", fields))))
    assert [row.state for row in await registrations(database, event)] == ["cancelled", "confirmed"]


async def test_a_cancelled_event_says_so_on_the_own_page(browser, database):
    """With the reason in the reader's language, and the way to other events."""
    event = await open_event(database)
    path = await own_path(browser, event)
    cancelled = event.model_copy(update={"status": Status.CANCELLED, "cancellation_reason": {"en": "Storm", "de": "x"}})
    await given.publish(database, cancelled, 2)
    page = words(await browser.get(path))
    assert "This event does not take place" in page
    assert "Storm" in page


async def test_links_are_found_in_any_case_and_unknown_ones_are_explained(browser, database):
    """A link in capital letters works; a garbled one says what to do, on each of the actions."""
    path = await own_path(browser, await open_event(database))
    token = path.removeprefix("/r/")
    assert (await browser.get(f"/r/{token.upper()}")).status == 200
    fields = await hidden(browser, path)
    for garbled in (token[:-1], token + "x", "a" * 3000, "\u0000", "%00", "' or 1=1", "🌻"):
        answer = await browser.get(f"/r/{garbled}")
        assert (answer.status, "Copy the whole link" in words(answer)) == (404, True)
    for action in ("cancel", "accept", "party", "language"):
        assert (await browser.post(f"/r/xyz/{action}", fields)).status == 404
        assert (await browser.post(f"{path}/{action}", {})).status == 403
