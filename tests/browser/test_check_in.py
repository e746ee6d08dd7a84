"""The desk's page in a real browser: by code, by camera, beside another desk, and for anyone to use."""

import asyncio

import pytest
from playwright.async_api import async_playwright

from shared.tickets import code_of, ticket_url
from tests.support import registrations as given
from tests.support.check_in_desk import HERE, check_page, look_for, picture, ready, running_desk
from tests.support.fake_camera import film
from tests.support.look import ARGUMENTS, open_page


@pytest.fixture(scope="module")
async def desk(database_url):
    async with running_desk(database_url("registrations")) as desk:
        yield desk


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
