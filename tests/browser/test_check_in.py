"""The desk's page in a real browser: by code, by camera, without a connection and after it, and for anyone to use."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import uvicorn
from fastapi.responses import RedirectResponse
from playwright.async_api import async_playwright
from sqlalchemy import text
from starlette.responses import Response

from deploy.kafka.kafka import free_port
from services.registrations.check_in.queries import came_by_session
from services.registrations.main import create_api
from services.registrations.registrations.admission import admit
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE
from shared.contracts.events import Session
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.database.migrations import upgrade
from shared.tickets import code_of, ticket_of, ticket_url
from tests.support import registrations as given
from tests.support.fake_camera import film
from tests.support.look import ARGUMENTS, open_page, running_browser, sideways, violations

PICTURES = os.environ.get("TEILHABE_PICTURES")
HERE = ".t-party--here"


class Desk:
    """The service on a port that can go away and come back, an event today, and a member of its host.

    As behind a proxy, sign-in is at the same address; here a token is renewed for whoever `renews`.
    """

    def __init__(self, url):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        own = {"events_url": self.address, "registrations_url": self.address}
        self.app = create_api(given.settings(url).model_copy(update=own))
        self.app.add_api_route("/sign-in/renew", self._renew)
        self.renews = None
        self._server = None
        self.people = {}

    @property
    def database(self):
        return self.app.state.database

    async def _renew(self, next: str):  # noqa: A002 - the query's name
        if self.renews is None:
            return Response(status_code=503)
        answer = RedirectResponse(next, 303)
        answer.set_cookie(TOKEN_COOKIE, given.sign(self.renews))
        return answer

    async def open(self):
        config = uvicorn.Config(self.app, "127.0.0.1", self.port, log_level="error", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.02)

    async def close(self):
        self._server.should_exit = True
        self._server.force_exit = True
        await self._task

    async def event(self, **more):
        start = datetime.now(UTC) - timedelta(minutes=30)
        session = Session(id=uuid4(), starts_at=start, ends_at=start + timedelta(hours=2))
        titles = {"de": "Gartentag im Nachbarschaftsgarten", "ar": "يوم الحديقة", "en": "Garden day"}
        closing = start + timedelta(hours=2)
        event = given.event(50, sessions=[session], title=titles, registration_closes_at=closing, **more)
        await given.publish(self.database, event)
        return event

    async def register(self, event, *wishes):
        """The tickets of parties."""
        async with self.database.begin() as session:
            pool = event.places[0].id
            decided = await admit(session, given.VAULT, given.RULES, pool, wishes, datetime.now(UTC))
        return [ticket_of(one.id) for one in decided]

    async def sign_in(self, page, event):
        person = self.people.setdefault(event.id, uuid4())
        message = OrganisationChanged(
            aggregate_id=event.organisation_id,
            aggregate_version=1,
            name={"de": "Integrationsbüro"},
            members=[Membership(person_id=person, role=Role.DESK)],
        )
        async with self.database.begin() as session:
            await keep_organisations(session, [message])
        cookie = {"name": TOKEN_COOKIE, "value": given.sign(person), "url": self.address}
        await page.context.add_cookies([cookie])

    def path(self, event):
        return f"{self.address}/registrations/console/events/{event.id}/check-in"

    async def numbers(self, event):
        async with self.database.read() as session:
            [one] = await came_by_session(session, event)
        return one.came, one.walk_ins

    async def until(self, event, came, walk_ins=0):
        """Wait until the server knows these numbers."""
        async with asyncio.timeout(15):
            while await self.numbers(event) != (came, walk_ins):  # noqa: ASYNC110 - another program writes it
                await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
async def desk(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    desk = Desk(url)
    await desk.open()
    yield desk
    await desk.close()
    await desk.database.close()


@pytest.fixture(scope="module")
async def browser(chromium):
    async with running_browser(chromium) as running:
        yield running


async def ready(page):
    """The script has its list, and the page is kept for later."""
    await page.wait_for_selector("#check-in:not([hidden])")
    await page.wait_for_function("() => document.getElementById('connection').textContent !== ''")


async def look_for(page, wanted):
    await page.fill("#field-search", wanted)
    await page.press("#field-search", "Enter")


async def picture(page, name):
    """A picture to look at, where the environment asks for them."""
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


async def check_page(page, name):
    assert await violations(page) == [], name
    assert await sideways(page) <= 0, name
    await picture(page, name)


@pytest.mark.parametrize(
    ("language", "width", "scripts"), [("de", 360, True), ("ar", 360, True), ("ar", 1280, True), ("de", 360, False)]
)
async def test_anyone_can_use_the_desk(browser, desk, language, width, scripts):
    """With and without scripts: found, checked in, refused, not found; axe is silent and nothing scrolls sideways."""
    event = await desk.event()
    parties = [given.wish(name="Ayşe Öztürk-Delibalta", size=3), given.wish(name="محمد"), given.wish(size=9)]
    await desk.register(event, *parties, *(given.wish(size=10) for _ in range(4)))
    async with open_page(browser, width, locale=language, java_script_enabled=scripts) as page:
        await desk.sign_in(page, event)
        name = f"check-in-{language}-{width}-{'with' if scripts else 'without'}"
        await page.goto(desk.path(event))
        if scripts:
            await ready(page)
            await check_page(page, f"{name}-empty")
        await look_for(page, "ayse")
        await page.click(".t-party button[type=submit]")
        await page.wait_for_selector(HERE)
        if scripts:
            await check_page(page, f"{name}-here")
        else:
            await picture(page, f"{name}-here")
        await desk.until(event, 3)
        for wanted in ("m", "000000"):
            await look_for(page, wanted)
            await page.wait_for_selector("#results .kern-alert--danger, #results .kern-badge--danger")
            await picture(page, f"{name}-{wanted}")
        if scripts:
            await check_page(page, f"{name}-unknown")
        assert page.complaints == []


async def test_a_waiting_party_is_told_so_in_red(browser, desk):
    """The code of a party on the waitlist leads to a red answer and no button."""
    event = await desk.event()
    *_, waiting = await desk.register(event, *(given.wish(size=10) for _ in range(6)))
    async with open_page(browser, 360, locale="en") as page:
        await desk.sign_in(page, event)
        await page.goto(desk.path(event))
        await ready(page)
        await look_for(page, code_of(waiting))
        await page.wait_for_selector(".t-party--none")
        assert "on the waitlist" in await page.inner_text(".t-party--none")
        assert await page.locator(".t-party button:visible").count() == 0
        await check_page(page, "check-in-waiting")


async def test_part_of_a_party_comes_and_is_corrected(browser, desk):
    """Two of three first, then all three, then a mistake taken back; people without registration beside them."""
    event = await desk.event()
    [ticket] = await desk.register(event, given.wish(name="Ada", size=3))
    async with open_page(browser, 360, locale="en") as page:
        await desk.sign_in(page, event)
        await page.goto(desk.path(event))
        await ready(page)
        await look_for(page, ticket[:6])
        await page.fill(".t-party input[name=came]", "4")
        await page.click(".t-party [data-slot=check-in]")
        assert "3 people" in await page.inner_text(".t-party .t-wrong")
        await page.fill(".t-party input[name=came]", "٢")
        await page.click(".t-party [data-slot=check-in]")
        await page.wait_for_selector(HERE)
        await desk.until(event, 2)
        assert await page.inner_text("#came") == "2 of 3 here"
        await page.fill(".t-party input[name=came]", "3")
        await page.click(".t-party [data-slot=save]")
        await desk.until(event, 3)
        await page.click(".t-party [data-slot=undo]")
        await desk.until(event, 0)
        await page.click("#walk-ins button[value=more]")
        await page.click("#walk-ins button[value=more]")
        await page.click("#walk-ins button[value=fewer]")
        await desk.until(event, 0, 1)


async def test_the_numbers_of_another_desk_are_seen(browser, desk):
    """What one desk does appears at the other within seconds, and a party that is here cannot come twice."""
    event = await desk.event()
    [ticket] = await desk.register(event, given.wish(name="Ada", size=2))
    async with open_page(browser, 360, locale="en") as one, open_page(browser, 360, locale="en") as other:
        for page in (one, other):
            await desk.sign_in(page, event)
            await page.goto(desk.path(event))
            await ready(page)
            await look_for(page, ticket[:6])
        await one.click(".t-party [data-slot=check-in]")
        await other.wait_for_selector(HERE, timeout=9000)
        assert await other.inner_text("#came") == "2 of 2 here"
        assert not await other.is_visible(".t-party [data-slot=check-in]")


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


async def test_the_camera_reads_a_ticket(chromium, desk, tmp_path):
    """Chromium's own fake camera films a QR code as mails and pages show it; the party is found by it."""
    event = await desk.event()
    [ticket] = await desk.register(event, given.wish(name="Ada", size=2))
    video = await asyncio.to_thread(film, tmp_path / "code.y4m", ticket_url(desk.address, event.code, ticket))
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    arguments = [*ARGUMENTS, *fake, f"--use-file-for-fake-video-capture={video}"]
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        async with open_page(running, 360, locale="en") as page:
            await desk.sign_in(page, event)
            await page.goto(desk.path(event))
            await ready(page)
            await page.click("#camera-button")
            await page.wait_for_selector(".t-party", timeout=20_000)
            assert "Ada" in await page.inner_text(".t-party")
            await check_page(page, "check-in-camera")
            await page.click("#camera-button")
            assert not await page.is_visible("#camera")
            assert page.complaints == []
        await running.close()


async def test_a_camera_that_is_refused_is_no_dead_end(browser, desk):
    """Without the permission the page says how to go on, and the code can be typed."""
    event = await desk.event()
    async with open_page(browser, 360, locale="en") as page:
        await desk.sign_in(page, event)
        await page.goto(desk.path(event))
        await ready(page)
        await page.click("#camera-button")
        await page.wait_for_function(
            "() => document.getElementById('camera-words').textContent.includes('type the code')"
        )
        assert not await page.is_visible("#camera")
        await check_page(page, "check-in-no-camera")


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
