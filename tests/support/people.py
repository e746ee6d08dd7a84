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


async def create_event(
    system: System, page: Page, fields: dict[str, str], languages: tuple[str, ...], *, publishes: bool = True
) -> str:
    """As an organiser who is signed in: fill the form, save, publish unless told not to; returns the event's id."""
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
    if publishes:
        await page.click("form[action$='/publish'] button")
        await page.wait_for_url(re.compile(r"done=published|/console/events/"))
    return event_id


async def fill_registration(page: Page, **fields: str) -> None:
    """As a resident who has the form open: fill it and send it."""
    for name, value in fields.items():
        if name in ("channel", "consent"):
            await page.check(f"[name={name}][value={value}]")
        elif name == "language":
            await page.select_option("[name=language]", value)
        else:
            await page.fill(f"[name={name}]", value)
    await page.click("main form button[type=submit]")


async def register_page(system: System, page: Page, event_id: str) -> None:
    """The form, once the event has arrived at registrations."""
    address = f"{system.url('registrations')}/registrations/new/{event_id}"

    async def there():
        return (await page.goto(address)).status == 200

    await until("the event's arrival", there)


async def register_on_paper(system: System, page: Page, event_id: str, name: str, reach: str) -> str:
    """As the desk: somebody calls who has nothing but paper; returns the address of the registration's page."""
    address = f"{system.url('registrations')}/registrations/console/events/{event_id}/register"

    async def there():
        return (await page.goto(address)).status == 200

    await until("the event's arrival", there)
    await page.check("[name=channel][value=paper]")
    await page.fill("[name=name]", name)
    await page.fill("[name=reach]", reach)
    await page.select_option("[name=language]", "ar")
    await page.check("[name=consent]")
    await page.click("main form button[type=submit]")
    await page.wait_for_url("**/desk/*?done=registered")
    return page.url.partition("?")[0]


class CallList:
    """The call list of one event."""

    def __init__(self, system: System, page: Page, event_id: str) -> None:
        self.address = f"{system.url('notifications')}/notifications/console/calls?event={event_id}"
        self.page = page

    async def open(self) -> list[str]:
        """What is to do, as it is read, person by person."""
        answer = await self.page.goto(self.address)
        return await self.page.locator(".t-call").all_inner_texts() if answer.status == 200 else []

    async def ended(self) -> list[str]:
        """What was told, newest first."""
        await self.page.goto(f"{self.address}&ended=1")
        return await self.page.locator("tbody tr").all_inner_texts()

    async def entry(self, *words: str) -> str:
        """The one entry, once there is one with these words."""

        async def found():
            entries = await self.open()
            return [entry for entry in entries if all(word in entry for word in words)]

        (entry,) = await until(f"an entry with {words}", found)
        return entry
