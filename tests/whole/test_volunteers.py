"""A day of volunteers on real parts: roles, shifts, sign-ups on the web and by SMS, substitutes, a shift that moves."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pytest

from tests.support.look import open_page, running_browser
from tests.support.people import Mailbox, Phone, create_event, fill_registration, register_page, sign_in, until
from tests.support.readers import Reader
from tests.support.system import System, teilhabe

pytestmark = pytest.mark.timeout(300)

OFFICE = "volunteers@host.example"
RESIDENT = "volunteer-one@people.example"
UKRAINIAN, GERMAN = "+4915123450081", "+4915123450082"
FIRST = datetime.combine(datetime.now(UTC).date() + timedelta(days=40), time(10))
EVENT = {
    "kind": "volunteering",
    "title-de": "Nachbarschaftsfest",
    "text-de": "Wir feiern zusammen.",
    "title-ar": "مهرجان الجيران",
    "text-ar": "نحتفل معًا.",
    "title-uk": "Свято сусідів",
    "text-uk": "Святкуємо разом.",
    "access_notes-de": "Ebenerdig",
    "contact_hours-de": "Montag bis Freitag, 9 bis 12 Uhr",
    "starts-1": FIRST.isoformat(timespec="minutes"),
    "ends-1": (FIRST + timedelta(hours=2)).isoformat(timespec="minutes"),
    "venue_name": "Festplatz",
    "venue_address": "Am Anger 1",
    "capacity": "2",
    "largest_party": "1",
    "code": "ANGER",
    "spoken_languages": "de",
    "contact_name": "Willkommensbüro",
    "contact_phone": "+493023125001",
    "contact_languages": "ar",
}
ROLES = (
    {"name-de": "Küche", "name-ar": "المطبخ", "name-uk": "Кухня"},
    {"name-de": "Dolmetschen", "name-ar": "ترجمة", "name-uk": "Переклад", "least_age": "18"},
)


@dataclass
class Day:
    """The coordinator reads German, the resident Arabic; the phones speak Ukrainian and German."""

    system: System
    office: Reader
    resident: Reader
    ukrainian: Phone
    german: Phone
    mailbox: Mailbox
    event_id: str = ""

    @property
    def shifts(self) -> str:
        """The coordinator's page of shifts."""
        return f"/console/events/{self.event_id}/shifts"


async def write_roles_and_shifts(day):
    """A draft from the common form; then two roles, two shifts one after the other, one person in each role."""
    office, page = day.office, day.office.page
    day.event_id = await create_event(day.system, page, EVENT, ("de", "ar", "uk"), publishes=False)
    assert "Noch keine Aufgabe" in await office.open("events", day.shifts)
    for role in ROLES:
        await office.press("a[href*='/roles/'].kern-btn >> nth=-1")
        for name, value in role.items():
            await page.fill(f"[name={name}]", value)
        await office.press("main form button[type=submit]")
    for hours in (0, 3):
        await office.press("a[href*='/shifts/'].kern-btn >> nth=-1")
        starts = FIRST + timedelta(hours=hours)
        await page.fill("[name=starts_at]", starts.isoformat(timespec="minutes"))
        await page.fill("[name=ends_at]", (starts + timedelta(hours=3)).isoformat(timespec="minutes"))
        for number in range(2):
            await page.locator("[name^='wanted-']").nth(number).fill("1")
        await office.press("main form button[type=submit]")
    text = await office.open("events", f"/console/events/{day.event_id}")
    assert "Zahl der Plätze\n4" in text
    await office.press("form[action$='/publish'] button")


async def sign_up_on_the_web(day):
    """In Arabic: two shifts at once, both on the own page; two at one time are refused with both named."""
    resident = day.resident
    page = await day.resident.open("events", "/events/ANGER")
    assert "المطبخ" in page
    await register_page(day.system, resident.page, day.event_id)
    await resident.look()
    for number in (1, 2):
        await resident.page.check(f"#post-{number}")
    fields = {"channel": "email", "email": RESIDENT, "language": "ar", "consent": "yes"}
    await fill_registration(resident.page, **fields)
    await resident.look()
    refused = await resident.page.inner_text("#error-summary")
    assert "المطبخ" in refused
    assert "ترجمة" in refused
    await resident.page.uncheck("#post-2")
    await resident.page.check("#post-3")
    await resident.page.click("main form button[type=submit]")
    await resident.page.wait_for_url("**/r/*")
    await resident.look()
    assert (await resident.page.inner_text("main")).count("المطبخ") >= 2
    mails = await until("two mails", lambda: _two(day.mailbox))
    assert all("المطبخ" in subject for subject in mails)


async def _two(mailbox):
    subjects = await mailbox.subjects()
    return subjects if len(subjects) == 2 else []


async def sign_up_by_sms(day):
    """In Ukrainian: the code alone lists what is free, the code and a number takes it; in German: a substitute."""
    listed = await day.ukrainian.answer_to("anger українською")
    assert "2 Переклад" in listed
    assert "1 Кухня" not in listed
    taken = await day.ukrainian.answer_to("ANGER 2")
    assert "Переклад – Свято сусідів" in taken
    both = await day.ukrainian.answer_to("ANGER 1")
    assert "Кухня" in both
    assert "Переклад" in both
    waits = await day.german.answer_to("Anger 2")
    assert "Warteliste" in waits


async def see_who_is_where(day):
    """The coordinator sees what is filled and what is not, and who is in which shift."""

    async def counted():
        text = await day.office.open("events", day.shifts)
        return "1 auf der Ersatzliste" in text and "Es fehlt noch" not in text and text

    text = await until("the counts", counted)
    assert text.count("besetzt") == 3
    assert text.count("Noch 1 gewünscht") == 1
    listed = f"/registrations/console/events/{day.event_id}"
    assert "Dolmetschen" in await day.office.open("registrations", listed)
    assert "Ersatz" in await day.office.open("registrations", f"{listed}/plan")
    assert "Dolmetschen" in await day.office.open("registrations", f"{listed}/plan?by=person")
    assert (await day.office.download("a[href$='plan.pdf']")).startswith(b"%PDF")


async def leave_and_move_up(day):
    """One text leaves the shift; the substitute gets an offer and says yes to it."""
    before = len(await day.german.received())
    assert "Переклад" in await day.ukrainian.answer_to("СКАСУВАТИ ANGER 2")
    offer = await day.german.next_after(before)
    assert "ANGER 2" in offer
    assert "Bestätigt" in await day.german.answer_to("JA")


async def move_a_shift(day):
    """Only who is in the first shift is told of its new time: the German phone, by SMS, and the resident by mail."""
    before, others = len(await day.german.received()), len(await day.ukrainian.received())
    mails = len(await day.mailbox.subjects())
    await day.office.open("events", day.shifts)
    await day.office.press("a[href*='/shifts/'].kern-btn >> nth=0")
    moved = FIRST - timedelta(hours=1)
    await day.office.page.fill("[name=starts_at]", moved.isoformat(timespec="minutes"))
    await day.office.press("main form button[type=submit]")
    told = await day.german.next_after(before)
    assert "09:00" in told
    assert "Dolmetschen" in told
    await day.mailbox.newest(mails)
    assert len(await day.mailbox.subjects()) == mails + 1
    assert len(await day.ukrainian.received()) == others


async def test_a_day_of_volunteers_from_the_first_role_to_a_shift_that_moves(system, chromium):
    """Through Kafka, in three languages, and every page by axe, on a phone and on a desk."""
    teilhabe(system, "organisation", "add", "--kind", "association", "--name-de", "Festverein", "--owner", OFFICE)
    problems: list[str] = []
    async with (
        running_browser(chromium) as browser,
        open_page(browser, 1280, locale="de-DE") as office,
        open_page(browser, 360, locale="ar") as resident,
        open_page(browser, 800, locale="de-DE") as post,
    ):
        readers = Reader(system, office, "de", problems), Reader(system, resident, "ar", problems)
        phones = Phone(system, post, UKRAINIAN), Phone(system, post, GERMAN)
        day = Day(system, *readers, *phones, Mailbox(system, post, RESIDENT))
        await sign_in(system, office, OFFICE)
        for step in (
            *(write_roles_and_shifts, sign_up_on_the_web, sign_up_by_sms, see_who_is_where),
            *(leave_and_move_up, move_a_shift),
        ):
            await step(day)
        assert not [line for page in (office, resident) for line in page.complaints]
    assert problems == []
