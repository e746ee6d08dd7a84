"""A person at a browser who looks at each page as it is, and what is wrong with the pages that they saw."""

from playwright.async_api import Page

from tests.support.look import sideways, violations
from tests.support.system import System

WIDTHS = (360, 1280)


class Reader:
    """A person who reads one language."""

    def __init__(self, system: System, page: Page, language: str, problems: list[str]) -> None:
        self.system, self.page, self.problems = system, page, problems
        self.direction = "rtl" if language == "ar" else "ltr"
        self.scripted = True  # axe needs scripts, and a page without them is looked at without it

    async def look(self) -> None:
        """Anyone can use the page as it is, in the reader's direction, and it fits a phone and a desk."""
        page = self.page
        if await page.locator("html").get_attribute("dir") != self.direction:
            self.problems.append(f"{page.url} is not {self.direction}")
        if self.scripted:
            self.problems += [f"{page.url}: {line}" for line in await violations(page)]
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 800})
            if await sideways(page) > 0:
                self.problems.append(f"{page.url} scrolls sideways at {width}")

    async def open(self, service: str, path: str) -> str:
        """Open a page that there is, and look at it; returns its text."""
        answer = await self.page.goto(self.system.url(service) + path)
        assert answer.status == 200, f"{path}: {answer.status}"
        await self.look()
        return await self.page.inner_text("main")

    async def press(self, button: str) -> str:
        """Press a button that leads to another page, and look at that."""
        async with self.page.expect_navigation():
            await self.page.locator(button).last.click()
        await self.look()
        return await self.page.inner_text("main")

    async def download(self, link: str) -> bytes:
        """What a link to a file gives."""
        address = await self.page.locator(link).evaluate("link => link.href")
        answer = await self.page.request.get(address)
        assert answer.status == 200, address
        return await answer.body()
