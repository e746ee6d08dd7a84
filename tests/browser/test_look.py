"""The look that the three services share, in a real browser."""

import asyncio

import pytest
import uvicorn

from shared.i18n.languages import PAGE_LANGUAGES
from tests.support.demo_web import create_demo
from tests.support.look import open_page, sideways, violations

PAGES = ["components", "components?member=yes", "form", "fails/404", "api/docs", "api/messages"]
PHONE, DESKTOP = 360, 1280


@pytest.fixture(scope="module")
async def address(free_port_of_module):
    """The demo application, served on this machine."""
    config = uvicorn.Config(
        create_demo(), "127.0.0.1", free_port_of_module, log_level="error", access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{free_port_of_module}"
    server.should_exit = True
    await task


@pytest.fixture(scope="module")
def free_port_of_module():
    from deploy.kafka.kafka import free_port

    return free_port()


async def open_at(page, url):
    """Open a page; Swagger UI needs a moment to draw."""
    await page.goto(url)
    if "/api/docs" in url:
        await page.wait_for_selector(".opblock")


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
async def test_axe_finds_nothing_in_any_language(browser, address, language):
    """Every part of the look passes axe, at a phone's and a desktop's width, and obeys its own policy."""
    for width in (PHONE, DESKTOP):
        async with open_page(browser, width, locale=language) as page:
            for name in PAGES:
                await open_at(page, f"{address}/{name}")
                assert await violations(page) == [], name
            assert page.complaints == []


@pytest.mark.parametrize("language", ["de", "ar", "uk"])
async def test_a_phone_needs_no_scrolling_sideways(browser, address, language):
    """At 360 pixels everything fits; with text at twice its size, too (WCAG 1.4.4, 1.4.10)."""
    async with open_page(browser, PHONE, locale=language) as page:
        for name in PAGES:
            await open_at(page, f"{address}/{name}")
            assert await sideways(page) <= 0, name
        for name in ("components?member=yes", "form"):
            await page.goto(f"{address}/{name}")
            await page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert await sideways(page) <= 0, f"{name} with large text"


async def test_everything_to_press_is_large_enough(browser, address):
    """Links in menus, buttons and fields are 48 pixels high; a tick box is so with its label."""
    small = """[...document.querySelectorAll(`button, summary, .kern-form-input__select-wrapper,
        .t-navigation__link, .t-btn, .kern-form-check,
        input:not([type=hidden], [type=radio], [type=checkbox]), .t-footer__links a`)]
        .filter(element => element.getBoundingClientRect().height < 47.5).map(element => element.outerHTML)"""
    async with open_page(browser, PHONE) as page:
        for name in ("form", "components?member=yes"):
            await page.goto(f"{address}/{name}")
            assert await page.evaluate(small) == []


async def test_errors_have_the_focus_and_lead_to_their_fields(browser, address):
    """After a form with errors the summary has the focus, and its link goes to the field."""
    async with open_page(browser, PHONE) as page:
        await page.goto(f"{address}/form")
        await page.fill("#field-people", "9")
        await page.click("main button[type=submit]")
        await page.wait_for_selector("#error-summary")
        assert await page.evaluate("document.activeElement.id") == "error-summary"
        assert await violations(page) == []
        await page.click("#error-summary a[href='#field-people']")
        assert await page.evaluate("document.activeElement.id") == "field-people"
        assert await page.input_value("#field-people") == "9"


async def test_all_of_it_works_without_javascript(browser, address):
    """The language changes, errors have the focus, and a lost token is mended, all without a script."""
    async with open_page(browser, PHONE, java_script_enabled=False) as page:
        await page.goto(f"{address}/form?lang=en")
        await page.click("summary")
        await page.click("a[hreflang=tr]")
        assert await page.get_attribute("html", "lang") == "tr"
        await page.fill("#field-name", "Ada")
        await page.context.clear_cookies(name="teilhabe_csrf")
        await page.click("main button[type=submit]")
        assert await page.locator(".t-typed li").first.inner_text() == "Ada"
        await page.click("main button[type=submit]")
        await page.wait_for_url("**/components")


async def test_a_form_goes_once_when_its_button_is_pressed_twice(browser, address):
    """A second press while the first is on its way sends nothing."""
    async with open_page(browser, PHONE) as page:
        sent = []
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        await page.route("**/form", hold_back)
        await page.goto(f"{address}/form")
        await page.dblclick("main button[type=submit]", no_wait_after=True)
        await page.wait_for_selector("#error-summary")
        assert len(sent) == 1


async def hold_back(route):
    """A slow way."""
    if route.request.method == "POST":
        await asyncio.sleep(0.5)
    await route.continue_()


async def test_the_language_menu_closes_with_escape(browser, address):
    """Escape closes the menu and gives the focus back to its button."""
    async with open_page(browser, PHONE) as page:
        await page.goto(f"{address}/form")
        await page.click("summary")
        await page.keyboard.press("Escape")
        assert await page.evaluate("document.querySelector('.t-menu').open") is False
        assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"
