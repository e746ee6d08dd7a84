"""The whole path on real parts: create, publish, register on the web and by SMS, be told in one's own language."""

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pytest
from playwright.async_api import Page

from shared.messaging.topics import all_topics
from tests.support.kafka import read_topic
from tests.support.look import open_page, running_browser, sideways, violations
from tests.support.people import Mailbox, Phone, create_event, fill_registration, register_page, sign_in
from tests.support.system import System, teilhabe

pytestmark = pytest.mark.timeout(420)

OFFICE = "office@host.example"
AMAL = "resident-one@people.example"
TURKISH, SECOND, THIRD = "+4915123450001", "+4915123450002", "+4915123450003"
NAME = "Besonderer Name"
LANGUAGES = ("ar", "de", "tr", "uk", "en")
FIRST = datetime.combine(datetime.now(UTC).date() + timedelta(days=60), time(10))

EVENT = {
    "kind": "workshop",
    "title-de": "Gemeinsam gärtnern",
    "text-de": "Wir pflanzen Kräuter und Gemüse.",
    "title-ar": "نزرع معًا",
    "text-ar": "نزرع الأعشاب والخضروات.",
    "title-tr": "Birlikte bahçe işi",
    "text-tr": "Otlar ve sebzeler ekiyoruz.",
    "access_notes-de": "Ebenerdig, Straßenbahn 3",
    "contact_hours-de": "Montag bis Freitag, 9 bis 12 Uhr",
    "starts-1": FIRST.isoformat(timespec="minutes"),
    "ends-1": (FIRST + timedelta(hours=2)).isoformat(timespec="minutes"),
    "venue_name": "Nachbarschaftsgarten",
    "venue_address": "Gartenweg 1",
    "capacity": "2",
    "largest_party": "2",
    "code": "GARTEN",
    "spoken_languages": "de",
    "contact_name": "Willkommensbüro",
    "contact_phone": "+493023125001",
    "contact_languages": "ar",
}


@dataclass
class Walk:
    """Who is on the way, each at a page of their own, and how far they are; `desk` is where mail and SMS are read."""

    system: System
    office: Page
    resident: Page
    stranger: Page
    desk: Page
    event_id: str = ""
    own_page: str = ""
    mail_page: str = ""
    unsubscribe: re.Match[str] | None = None

    def __post_init__(self) -> None:
        self.phones = [Phone(self.system, self.desk, number) for number in (TURKISH, SECOND, THIRD)]

    def console(self, rest: str = "") -> str:
        """The event's page for the office, or a page below it."""
        return f"{self.system.url('events')}/console/events/{self.event_id}{rest}"

    async def received(self) -> list[int]:
        """How many SMS each phone has by now."""
        return [len(await phone.received()) for phone in self.phones]


async def look_at(page, address, turn):
    """What is wrong with a page in one language, the next page's is another: by axe, and on a phone and on a desk."""
    language = LANGUAGES[turn % len(LANGUAGES)]
    await page.goto(f"{address}{'&' if '?' in address else '?'}lang={language}")
    found = [f"{language} {page.url}: {line}" for line in await violations(page)]
    for width in (360, 1280):
        await page.set_viewport_size({"width": width, "height": 800})
        if await sideways(page) > 0:
            found.append(f"{language} {page.url} scrolls sideways at {width}")
    return found


async def publish(walk):
    """The office signs in and publishes the event in three languages."""
    await sign_in(walk.system, walk.office, OFFICE)
    walk.event_id = await create_event(walk.system, walk.office, EVENT, ("de", "ar", "tr"))


async def register_on_the_web(walk):
    """In Arabic, from the programme to the own page and the mail."""
    resident = walk.resident
    await resident.goto(f"{walk.system.url('events')}/events")
    await resident.get_by_role("link", name="نزرع معًا").click()
    assert await resident.locator("html").get_attribute("dir") == "rtl"
    assert await resident.locator("script[type='application/ld+json']").count() == 1
    await register_page(walk.system, resident, walk.event_id)
    await fill_registration(
        resident, channel="email", email=AMAL, name=NAME, party_size="1", language="ar", consent="yes"
    )
    await resident.wait_for_url("**/r/*")
    walk.own_page = resident.url.partition("?")[0]
    mail = await Mailbox(walk.system, walk.desk, AMAL).newest()
    assert "نزرع معًا" in mail
    assert walk.own_page in mail
    assert await walk.desk.locator("a[download]", has_text=".ics").count() == 1
    walk.mail_page = walk.desk.url
    walk.unsubscribe = re.search(r"https?://\S+/notifications/unsubscribe/[\w-]+", mail)


async def register_by_sms(walk):
    """In Turkish: the first has a place, the second waits."""
    phone, second, _ = walk.phones
    confirmation = await phone.answer_to("garten 1 tr")
    assert "Birlikte bahçe işi" in confirmation
    assert "GARTEN" in confirmation
    waiting = await second.answer_to("Merhaba, GARTEN TR")
    assert "GARTEN" in waiting


async def register_a_number_on_the_web(walk):
    """Somebody typed the number; its owner is asked, and says yes."""
    stranger = walk.stranger
    await register_page(walk.system, stranger, walk.event_id)
    await fill_registration(
        stranger, channel="phone", phone="0151 23450003", party_size="1", language="de", consent="yes"
    )
    await stranger.wait_for_url("**/registrations/asked/*")
    *_, third = walk.phones
    question = await third.next_after(0)
    assert "JA" in question
    assert "GARTEN" in await third.answer_to("Ja, danke!")


async def pass_a_place_on(walk):
    """A place becomes free: it is offered to the second, who says yes."""
    _, second, _ = walk.phones
    before = len(await second.received())
    await walk.resident.goto(walk.own_page + "/cancel")
    await walk.resident.click("main form button[type=submit]")
    offer = await second.next_after(before)
    assert "EVET" in offer
    yes = await second.answer_to("evet")
    assert "GARTEN" in yes


async def move_the_dates(walk):
    """Everybody is told."""
    office = walk.office
    counts = await walk.received()
    await office.goto(walk.console("/reschedule"))
    moved = FIRST + timedelta(days=7)
    await office.fill("[name=starts-1]", moved.isoformat(timespec="minutes"))
    await office.fill("[name=ends-1]", (moved + timedelta(hours=2)).isoformat(timespec="minutes"))
    await office.check("[name=confirmed]")
    await office.locator("main form button[type=submit]:not([name])").last.click()
    for phone, count in zip(walk.phones, counts, strict=True):
        assert str(moved.day) in await phone.next_after(count)


async def look_at_every_page(walk):
    """Before the event is cancelled; one in one language, the next in another."""
    office, resident, stranger, desk = walk.office, walk.resident, walk.stranger, walk.desk
    names = ("events", "registrations", "notifications")
    events, registrations, notifications = (walk.system.url(name) for name in names)
    pages = (
        (resident, f"{events}/events"),
        (resident, f"{events}/events/{walk.event_id}"),
        (resident, f"{registrations}/registrations/new/{walk.event_id}"),
        (resident, f"{registrations}/registrations/asked/{walk.event_id}"),
        (resident, walk.own_page),
        (office, f"{events}/console"),
        (office, walk.console()),
        (office, walk.console("/edit")),
        (office, walk.console("/reschedule")),
        (office, walk.console("/cancel")),
        (office, f"{events}/console/events/new"),
        (office, f"{registrations}/registrations/console/events/{walk.event_id}"),
        (office, f"{notifications}/notifications/console"),
        (office, f"{notifications}/notifications/console/{walk.event_id}"),
        (stranger, f"{events}/sign-in"),
        (stranger, f"{events}/sign-in/sent"),
        (stranger, walk.unsubscribe[0]),
        (stranger, f"{notifications}/notifications/api/messages"),
        (desk, walk.mail_page),
        (stranger, f"{events}/no-such-page"),
        (desk, f"{notifications}/notifications/phone"),
    )
    problems = []
    for turn, (page, address) in enumerate(pages):
        problems += await look_at(page, address, turn)
    assert not problems, "\n".join(problems)


async def two_people_at_once(walk):
    """Two organisers change the same field: the second sees what the first did, and may still save their own."""
    office, edit = walk.office, walk.console("/edit")
    await office.goto(edit)
    other = await office.context.new_page()
    await other.goto(edit)
    for page, name in ((other, "Südgarten"), (office, "Nordgarten")):
        await page.fill("[name=venue_name]", name)
        await page.locator("main form button[type=submit]:not([name])").last.click()
    await office.get_by_text("Südgarten").first.wait_for()
    assert await office.get_by_text("Nordgarten").count() or await office.locator("[value=Nordgarten]").count()
    assert not await violations(office)
    await other.close()


async def cancel_the_event(walk):
    """Each live party is told, once, and those who left are not."""
    office = walk.office
    await office.goto(walk.console("/cancel?lang=de"))
    await office.fill("[name=reason-de]", "Sturm im Garten")
    await office.check("[name=confirmed]")
    counts = await walk.received()
    await office.locator("main form button[type=submit]:not([name])").last.click()
    for phone, count in zip(walk.phones, counts, strict=True):
        await phone.next_after(count)
    await asyncio.sleep(2)
    assert await walk.received() == [c + 1 for c in counts]
    assert len(await Mailbox(walk.system, walk.desk, AMAL).subjects()) == 2


async def stop_and_start(walk):
    """STOP means stop, and START says so."""
    phone, *_ = walk.phones
    assert await phone.answer_to("DUR")
    assert await phone.answer_to("BAŞLA")


async def nothing_personal_in_the_log(system, own_broker):
    """Every record of every topic of this run, and every line of every process."""
    wanted = [OFFICE, AMAL, NAME, TURKISH, SECOND, THIRD, TURKISH[3:], SECOND[3:], THIRD[3:]]
    seen = 0
    for topic in all_topics():
        for record in await read_topic(own_broker, topic.name):
            text = (record.value or b"").decode(errors="replace") + str(record.key) + str(record.headers)
            seen += 1
            assert not [word for word in wanted if word in text], topic.name
    assert seen > 20
    logs = system.logs()
    assert not [word for word in wanted if word in logs]
    assert not re.search(r"/r/[a-z2-7]{16}", logs), "the secret of a link is in a log"
    assert json.dumps("Traceback")[1:-1] not in logs


async def test_the_whole_path_from_an_organiser_to_a_phone(system, chromium, own_broker):
    """An office publishes, people register in Arabic on the web and in Turkish by SMS, and each is told what happens.

    They wait, are offered a place, cancel; the dates move; the event is cancelled, and everybody hears of it once.
    Nothing personal is in any topic or any log line.
    """
    teilhabe(
        system,
        *["events", "organisation", "add", "--kind", "authority", "--name-de", "Integrationsbüro", "--owner"],
        OFFICE,
    )
    async with (
        running_browser(chromium) as browser,
        open_page(browser, 1280, locale="de-DE") as office,
        open_page(browser, 360, locale="ar") as resident,
        open_page(browser, 360, locale="de-DE") as stranger,
        open_page(browser, 800, locale="de-DE") as desk,
    ):
        walk = Walk(system, office, resident, stranger, desk)
        await publish(walk)
        await register_on_the_web(walk)
        await register_by_sms(walk)
        await register_a_number_on_the_web(walk)
        await pass_a_place_on(walk)
        await move_the_dates(walk)
        await look_at_every_page(walk)
        await two_people_at_once(walk)
        await cancel_the_event(walk)
        await stop_and_start(walk)
        complaints = [c for page in (office, resident, stranger) for c in page.complaints]
        assert not complaints
    await nothing_personal_in_the_log(system, own_broker)
