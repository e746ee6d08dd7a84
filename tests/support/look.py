"""What a page must be like, whoever wrote it: axe finds nothing, and a phone needs no scrolling sideways."""

from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from shared.web.assets import AXE

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@asynccontextmanager
async def running_browser(chromium: str):
    """A headless Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_page(browser: Browser, width: int, **options: Any):
    """A page of a person of their own; what the browser complains of, the policy first, is in `page.complaints`."""
    context = await browser.new_context(viewport={"width": width, "height": 800}, **options)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Policy" in message.text else None)
    page.complaints = complaints
    try:
        yield page
    finally:
        await context.close()


@cache
def axe_source() -> str:
    """The script of axe-core."""
    return AXE.read_text()


async def violations(page: Page) -> list[str]:
    """What axe finds on a page, one line each; empty for a page that anyone can use.

    The page's own policy forbids foreign scripts, so axe is put in past it.
    """
    session = await page.context.new_cdp_session(page)
    await session.send("Page.setBypassCSP", {"enabled": True})
    await page.evaluate(f"{axe_source()};0")
    found = await page.evaluate("axe.run()")
    await session.send("Page.setBypassCSP", {"enabled": False})
    await session.detach()
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found["violations"]]


async def sideways(page: Page) -> int:
    """By how many pixels the page is wider than the screen; none or fewer is right."""
    return await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
