"""People at work in the whole system: an organiser, residents with a browser, residents with a phone."""

import asyncio
import re
import time
from urllib.parse import quote

from playwright.async_api import Page

from tests.support.system import System

PATIENCE = 30.0


async def until(what: str, check, patience: float = PATIENCE):
    """The first true answer of `check`, asked again and again."""
    deadline = time.monotonic() + patience
    while not (answer := await check()):
        assert time.monotonic() < deadline, f"{what} did not happen within {patience:.0f} s"
        await asyncio.sleep(0.2)
    return answer


class Phone:
    """A phone of a resident: the development phone's page for one number."""

    def __init__(self, system: System, page: Page, number: str) -> None:
        self.address = f"{system.url('notifications')}/notifications/phone?number={quote(number, safe='')}"
        self.page = page
        self.number = number

    async def text(self, words: str) -> None:
        await self.page.goto(self.address)
        await self.page.fill("[name=number]", self.number)
        await self.page.fill("[name=text]", words)
        await self.page.click("main form button[type=submit]")

    async def received(self) -> list[str]:
        """What was written to this number, oldest first."""
        await self.page.goto(self.address)
        return await self.page.locator(".p-bubble--sent .p-bubble__text").all_inner_texts()

    async def answer_to(self, words: str) -> str:
        """Text, and wait for the one answer."""
        before = len(await self.received())
        await self.text(words)
        return await self.next_after(before)

    async def next_after(self, before: int) -> str:
        async def newest():
            texts = await self.received()
            return texts[before] if len(texts) > before else None

        return await until("an SMS", newest)


class Mailbox:
    """The development mailbox of one address."""

    def __init__(self, system: System, page: Page, address: str) -> None:
        self.address = f"{system.url('notifications')}/notifications/phone?address={quote(address)}"
        self.page = page

    async def subjects(self) -> list[str]:
        """Newest first."""
        await self.page.goto(self.address)
        return await self.page.locator(".p-mail__subject").all_inner_texts()

    async def newest(self, more_than: int = 0) -> str:
        """Open the newest mail once there are more than so many; returns its text."""

        async def arrived():
            return len(await self.subjects()) > more_than

        await until("a mail", arrived)
        await self.page.locator(".p-mail__subject").first.click()
        return await self.page.locator("pre.p-text").inner_text()


async def sign_in(system: System, page: Page, address: str) -> None:
    """As an organiser: ask for the link, open the mail, press the button."""
    mailbox = Mailbox(system, page, address)
    before = len(await mailbox.subjects())
    await page.goto(f"{system.url('events')}/sign-in")
    await page.fill("[name=email]", address)
    await page.click("main button[type=submit]")
    text = await mailbox.newest(before)
    link = re.search(r"https?://\S+/sign-in/\S+", text)
    assert link, text
    await page.goto(link[0])
    await page.click("main button[type=submit]")
    await page.wait_for_url("**/console**")


async def create_event(system: System, page: Page, fields: dict[str, str], languages: tuple[str, ...]) -> str:
    """As an organiser who is signed in: fill the form, save, publish; returns the event's id."""
    await page.goto(f"{system.url('events')}/console/events/new")
    for language in languages:
        if not await page.locator(f"[name=title-{language}]").count():
            await page.select_option("[name=add_language]", language)
            await page.click("button[name=more][value=language]")
    for name, value in fields.items():
        field = page.locator(f"[name='{name}']")
        kind = await field.first.get_attribute("type")
        if kind in ("radio", "checkbox"):
            await page.check(f"[name='{name}'][value='{value}']")
        else:
            await field.fill(value)
    await page.locator("main form button[type=submit]:not([name])").last.click()
    await page.wait_for_url(re.compile(r"/console/events/[0-9a-f-]{36}"))
    event_id = re.search(r"[0-9a-f-]{36}", page.url)[0]
    await page.click("form[action$='/publish'] button")
    await page.wait_for_url(re.compile(r"done=published|/console/events/"))
    return event_id
