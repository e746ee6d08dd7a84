"""The list of who comes in a real browser: it updates by itself, works without scripts, and anyone can use it."""

import asyncio
import os
from pathlib import Path

import pytest
import uvicorn

from deploy.kafka.kafka import free_port
from services.registrations.actions.model import Action
from services.registrations.main import create_api
from shared.auth.tokens import TOKEN_COOKIE
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.look import open_page, running_browser, sideways, violations
from tests.support.registration_list import act, admitted
from tests.support.registration_pages import signed_in

PHONE, DESKTOP = 360, 1280
PICTURES = os.environ.get("TEILHABE_PICTURES")
TITLE = {"de": "Gartentag im Nachbarschaftsgarten", "ar": "يوم الحديقة", "en": "Garden day"}
NAMES = ("Ayşe Yılmaz", "أحمد الحسن", "Оксана Шевченко", "Łukasz", None)


class Site:
    """The service on a port; `open` opens a page of a signed-in member of the event's organisation."""

    def __init__(self, app, browser):
        self.app, self.browser, self.port = app, browser, free_port()

    async def event(self):
        """An event with people who have places and one who waits."""
        event = given.event(7, title=TITLE)
        await given.publish(self.app.state.database, event)
        wishes = [given.wish(name=name, size=2) for name in NAMES]
        ids = await admitted(self.app.state.database, event, *wishes)
        await act(self.app.state.database, event, Action.NOTE, ids[1], note="Kommt mit Rollstuhl, braucht Rampe.")
        await act(self.app.state.database, event, Action.MARK, ids[1], ids[2])
        return event, ids

    def url(self, event, rest=""):
        return f"http://127.0.0.1:{self.port}/registrations/console/events/{event.id}{rest}"

    async def cookie(self, event):
        member = await signed_in(self.app, event)
        return {"name": TOKEN_COOKIE, "value": member.cookies[TOKEN_COOKIE], "url": f"http://127.0.0.1:{self.port}"}


@pytest.fixture(scope="module")
async def site(database_url, chromium):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    app = create_api(given.settings(url))
    app.state.live.longest, app.state.live.every = 60, 0.2
    async with running_browser(chromium) as browser:
        site = Site(app, browser)
        config = uvicorn.Config(app, "127.0.0.1", site.port, log_level="error", access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.02)
        yield site
        server.should_exit = True
        await task
    await app.state.database.close()


async def look(page, name):
    """Axe finds nothing and nothing needs scrolling sideways; a picture where the environment asks for one."""
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
    assert await violations(page) == [], name
    assert await sideways(page) <= 0, name


@pytest.mark.parametrize(("language", "width"), [("de", DESKTOP), ("ar", PHONE), ("ar", DESKTOP), ("uk", PHONE)])
async def test_every_page_of_the_list_is_for_everybody(site, language, width):
    """The list, its search without a hit, one registration, the step before, what came of it, and errors."""
    event, ids = await site.event()
    async with open_page(site.browser, width, locale=language) as page:
        await page.context.add_cookies([await site.cookie(event)])
        shown = f"{language}-{width}"
        await page.goto(site.url(event, "?marked=&language=&state=live"))
        await look(page, f"{shown}-list")
        await page.goto(site.url(event, "?q=xyz&marked=yes"))
        await look(page, f"{shown}-none")
        await page.goto(site.url(event, f"/registrations/{ids[1]}"))
        await look(page, f"{shown}-one")
        await page.goto(site.url(event))
        for one in (ids[0], ids[4]):
            await page.check(f"#pick-{one}")
        await page.select_option("#field-action", "party")
        await page.click(".t-bulk button")
        await page.fill("#field-party_size", "many")
        await page.click("main form button[type=submit]")
        await page.wait_for_selector("#error-summary")
        await look(page, f"{shown}-step")
        await page.fill("#field-party_size", "4")
        await page.click("main form button[type=submit]")
        await page.wait_for_url("**/actions?key=*")
        await look(page, f"{shown}-results")
        assert page.complaints == []


async def test_an_open_list_shows_who_registers_meanwhile(site):
    """Without being touched; what was ticked stays ticked, and nothing that was typed is lost."""
    event, ids = await site.event()
    async with open_page(site.browser, DESKTOP, locale="de") as page:
        await page.context.add_cookies([await site.cookie(event)])
        await page.goto(site.url(event))
        await page.check(f"#pick-{ids[2]}")
        await page.fill("#field-q", "Ada")
        (new,) = await admitted(site.app.state.database, event, given.wish(name="Ada Neu"))
        await page.wait_for_selector(f"#row-{new}", timeout=10_000)
        await act(site.app.state.database, event, Action.MARK, new)
        await page.wait_for_selector(f"#row-{new} .t-flag", timeout=10_000)
        assert await page.is_checked(f"#pick-{ids[2]}")
        assert await page.input_value("#field-q") == "Ada"
        assert await page.is_hidden("#live-note")
        assert page.complaints == []


async def test_a_list_that_can_go_on_no_longer_says_so(site):
    """When the member's right ends, the page says that it is not up to date, and how it becomes so."""
    event, ids = await site.event()
    site.app.state.live.check_every = 0.2
    async with open_page(site.browser, PHONE, locale="ar") as page:
        await page.context.add_cookies([await site.cookie(event)])
        await page.goto(site.url(event))
        await page.check(f"#pick-{ids[0]}")
        await signed_in(site.app, event)
        await page.wait_for_selector("#live-note:not([hidden])", timeout=10_000)
        assert await violations(page) == []
    site.app.state.live.check_every = 15


async def test_everything_works_without_scripts(site):
    """Search, tick, choose, confirm, and read what came of it."""
    event, ids = await site.event()
    async with open_page(site.browser, PHONE, locale="de", java_script_enabled=False) as page:
        await page.context.add_cookies([await site.cookie(event)])
        await page.goto(site.url(event))
        await page.fill("#field-q", "yilmaz")
        await page.click(".t-filters button")
        await page.check(f"#pick-{ids[0]}")
        assert await page.locator("[name=registration]").count() == 1
        await page.select_option("#field-action", "cancel")
        await page.click(".t-bulk button")
        await page.click("main form button[type=submit]")
        await page.wait_for_url("**/actions?key=*")
        assert "Ayşe Yılmaz" in await page.locator(".kern-alert--success").inner_text()
        await page.click("main .t-actions a")
        assert page.url.endswith("?q=yilmaz")
