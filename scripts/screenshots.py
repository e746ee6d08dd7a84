"""The small pictures of the README's tour, taken from the stack that `make up` started. Needs Chromium."""

import asyncio
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import Browser, async_playwright

from shared.embedded.surroundings import Surroundings

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
NUMBER = "+4915228817386"
"""A number that is kept free for films and demonstrations."""


async def picture(browser: Browser, name: str, address: str, locale: str, part: str = "") -> None:
    """One page, or a part of it, as a person with this language and an old phone sees it."""
    context = await browser.new_context(viewport={"width": 360, "height": 640}, locale=locale)
    page = await context.new_page()
    await page.goto(address)
    await (page.locator(part) if part else page).screenshot(path=PICTURES / f"{name}.png")
    await context.close()
    sys.stdout.write(f"docs/pictures/{name}.png\n")


async def text_as_a_resident(browser: Browser, phone: str) -> None:
    """Register in Turkish, and ask where one stands."""
    context = await browser.new_context(locale="tr")
    page = await context.new_page()
    for words in ("GARTEN 2 TR", "DURUM"):
        await page.goto(phone)
        before = await page.locator(".p-bubble--sent").count()
        await page.fill("[name=text]", words)
        await page.click("main form button[type=submit]")
        await page.locator(".p-bubble--sent").nth(before).wait_for()
    await context.close()


async def main(stack: Surroundings) -> None:
    """Take all pictures."""
    events, notifications = stack.url_of("events"), stack.url_of("notifications")
    phone = f"{notifications}/notifications/phone?number={quote(NUMBER)}"
    chromium = os.environ.get("TEILHABE_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        await text_as_a_resident(browser, phone)
        await picture(browser, "programme-de", f"{events}/events", "de-DE")
        await picture(browser, "event-ar", f"{events}/events/GARTEN", "ar")
        await picture(browser, "phone-tr", phone, "tr", "#conversation")
        await browser.close()
    sys.stdout.write(f"taken on {datetime.now(UTC):%Y-%m-%d}\n")


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Surroundings.of(Path(os.environ.get("TEILHABE_STATE", ".state")).resolve())))
