"""Who takes part when two organisations host one event together, and what each of them does at a browser."""

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from playwright.async_api import Page

from tests.support.look import open_page, running_browser
from tests.support.people import (
    Mailbox,
    Phone,
)
from tests.support.readers import Reader
from tests.support.system import System

OWNER, DESK = "owner@together.example", "desk@together.example"
CO_HOST = "co-host@together.example"
RESIDENT, RESIDENT_NAME = "resident@together.example", "اسم مستعار"
PHONE = "+4915123450071"
PAPER_NAME, REACH = "Name auf Papier", "Festnetz 030 2312 5078"
HOST_NAMES = {"de": "Willkommensamt", "ar": "مكتب الترحيب"}
CO_HOST_NAMES = {"de": "Verein der Nachbarinnen", "ar": "جمعية الجارات"}
FIRST = datetime.combine(datetime.now(UTC).date() + timedelta(days=50), time(10))
MOVED = FIRST + timedelta(days=9)
CODE = "RUNDE"
TITLE = "حلقة الأحياء"
EVENT = {
    "kind": "workshop",
    "title-de": "Kreis der Nachbarschaft",
    "text-de": "Wir lernen uns kennen.",
    "title-ar": TITLE,
    "text-ar": "نتعارف معًا.",
    "access_notes-de": "Ebenerdig",
    "contact_hours-de": "Montag bis Freitag, 9 bis 12 Uhr",
    "starts-1": FIRST.isoformat(timespec="minutes"),
    "ends-1": (FIRST + timedelta(hours=2)).isoformat(timespec="minutes"),
    "venue_name": "Nachbarschaftshaus",
    "venue_address": "Gartenweg 1",
    "capacity": "2",
    "largest_party": "2",
    "code": CODE,
    "spoken_languages": "de",
    "contact_name": "Willkommensbüro",
    "contact_phone": "+493023125001",
    "contact_languages": "ar",
}


@dataclass
class Cast:
    """Who takes part, each at a browser of their own; `post` is where mails and texts are looked at."""

    system: System
    owner: Reader
    desk: Reader
    door: Reader
    co_host: Reader
    resident: Reader
    post: Page
    phone: Phone
    mailbox: Mailbox
    problems: list[str]
    host_id: str = ""
    co_host_id: str = ""
    event_id: str = ""

    @property
    def console(self) -> str:
        return f"/registrations/console/events/{self.event_id}"


@asynccontextmanager
async def running_cast(system, chromium):
    """All of them; the door has an old phone without scripts."""
    problems: list[str] = []
    async with (
        running_browser(chromium) as browser,
        open_page(browser, 1280, locale="de-DE") as owner,
        open_page(browser, 1280, locale="de-DE") as desk,
        open_page(browser, 360, locale="de-DE", java_script_enabled=False) as door,
        open_page(browser, 360, locale="ar") as co_host,
        open_page(browser, 360, locale="ar") as resident,
        open_page(browser, 800, locale="de-DE") as post,
    ):
        german = [Reader(system, page, "de", problems) for page in (owner, desk, door)]
        german[2].scripted = False
        arabic = [Reader(system, page, "ar", problems) for page in (co_host, resident)]
        phone, mailbox = Phone(system, post, PHONE), Mailbox(system, post, RESIDENT)
        yield Cast(system, *german, *arabic, post, phone, mailbox, problems)
        assert not [line for page in (owner, desk, co_host, resident) for line in page.complaints]


async def describe(reader, organisation_id, names):
    """As an owner: the organisation's profile in two languages."""
    await reader.open("events", f"/console/organisations/{organisation_id}/edit")
    page = reader.page
    for language, name in names.items():
        if not await page.locator(f"[name=name-{language}]").count():
            await page.select_option("[name=add_language]", language)
            await reader.press("button[name=more][value=language]")
        await page.fill(f"[name=name-{language}]", name)
        await page.fill(f"[name=description-{language}]", name)
    await page.check("[name=languages][value=ar]")
    await page.fill("[name=contact_name]", "Büro")
    await reader.press("main form button[type=submit]:not([name])")
    text = await reader.open("events", f"/organisations/{organisation_id}")
    assert names["ar" if reader.direction == "rtl" else "de"] in text


async def invite_to_the_desk(owner, organisation_id, post, newcomer):
    """The owner invites by mail; whoever opens the mail and agrees is signed in, and is of the desk."""
    await owner.open("events", f"/console/organisations/{organisation_id}")
    await owner.page.fill("[name=email]", DESK)
    await owner.page.check("[name=role][value=desk]")
    assert DESK in await owner.press("form[action$='/invitations'] button")
    mail = await Mailbox(owner.system, post, DESK).newest()
    link = re.search(r"https?://\S+/invitations/\S+", mail)
    await newcomer.page.goto(link[0])
    assert HOST_NAMES["de"] in await newcomer.page.inner_text("main")
    await newcomer.look()
    await newcomer.press("main form button[type=submit]")
    assert "/console" in newcomer.page.url
    assert await newcomer.page.locator("a[href='/console/events/new']").count() == 0


async def ask_to_co_host(owner, event_id, organisation_id, post, co_host):
    """The host asks to share the names; the other's owner gets a mail and agrees, in Arabic."""
    path = f"/console/events/{event_id}/co-hosts"
    await owner.open("events", path)
    await owner.page.select_option("[name=organisation]", organisation_id)
    await owner.page.check("[name=role][value=partner]")
    await owner.page.check("[name=scope][value=names]")
    assert "Angefragt" in await owner.press("main form button[type=submit]")
    before = 1  # the link to sign in
    mail = await Mailbox(owner.system, post, CO_HOST).newest(before)
    assert TITLE in mail
    assert HOST_NAMES["ar"] in mail
    await co_host.page.goto(re.search(r"https?://\S+/co-hosts\S*", mail)[0])
    await co_host.look()
    assert "قبول" in await co_host.page.inner_text("button[name=answer][value=yes]")
    assert "تم الحفظ" in await co_host.press("button[name=answer][value=yes]")
    assert "Veranstaltet mit" in await owner.open("events", path)


async def names_on_list(reader, event_id):
    """Who is on the list of who comes, for this reader."""
    await reader.page.goto(f"{reader.system.url('registrations')}/registrations/console/events/{event_id}")
    return await reader.page.locator("#live-list tbody th a").all_inner_texts()


async def reschedule(owner, event_id):
    """New dates, and a second one."""
    await owner.open("events", f"/console/events/{event_id}/reschedule")
    await owner.press("button[name=more][value=date]")
    for number, starts in enumerate((MOVED, MOVED + timedelta(days=1)), start=1):
        await owner.page.fill(f"[name=starts-{number}]", starts.isoformat(timespec="minutes"))
        await owner.page.fill(f"[name=ends-{number}]", (starts + timedelta(hours=2)).isoformat(timespec="minutes"))
    await owner.page.check("[name=confirmed]")
    await owner.press("main form button[type=submit]:not([name])")
    assert "done=rescheduled" in owner.page.url


async def let_in(desk, door, path, code):
    """By code at the desk, while somebody else at the door has found the same party; then by name at the door."""
    await desk.page.goto(desk.system.url("registrations") + path)
    await desk.page.wait_for_selector("#check-in:not([hidden])")
    await desk.page.wait_for_function("() => document.getElementById('connection').textContent !== ''")
    await desk.look()
    await door.open("registrations", path)
    await door.page.fill("[name=search]", code)
    assert RESIDENT_NAME in await door.press("#search button")

    await desk.page.fill("#field-search", code)
    await desk.page.press("#field-search", "Enter")
    await desk.page.locator(".t-party", has_text=RESIDENT_NAME).locator("button[type=submit]:visible").click()
    await desk.page.wait_for_selector(".t-party--here")
    await desk.look()
    assert "Schon vorher eingecheckt" in await door.press(".t-party__form button")

    await door.page.fill("[name=search]", PAPER_NAME.partition(" ")[0])
    assert PAPER_NAME in await door.press("#search button")
    text = await door.press(".t-party__form button")
    assert "Eingecheckt" in text
    assert "2 von 3 da" in text
    cells = [await row.locator("td").all_inner_texts() for row in await door.page.locator("tbody tr").all()]
    assert [[cell.strip() for cell in row[-3:]] for row in cells] == [["3", "2", "0"], ["3", "0", "0"]]
