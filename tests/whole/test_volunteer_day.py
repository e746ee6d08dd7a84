"""A volunteer day of six shifts, four roles and sixty people on real parts: from signing up to the certificate.

The shifts are on when it begins, so that everything happens in one run: the event comes as the events service would
have published it an hour before they began.
"""

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import UUID, uuid4

import aiohttp
import pytest
from pypdf import PdfReader
from sqlalchemy import text

from shared.contracts.events import EventPublished, EventState
from shared.database.engine import Database
from shared.messaging.producer import Producer
from shared.shifts import posts_of
from shared.tickets import ticket_of
from tests.support.look import open_page, running_browser
from tests.support.people import Phone, sign_in, until
from tests.support.readers import Reader
from tests.support.shifts import volunteer_day
from tests.support.system import System, teilhabe

pytestmark = pytest.mark.timeout(300)

OFFICE = "day@host.example"
SHIFTS, ROLES, MOST = 6, 4, 3
BY_MAIL, BY_SMS, FIRST_BY_SMS = 52, 8, 5
WORDS = {
    "uk": ("українською", "ТУТ", "ГОТОВО", "ГОДИНИ"),
    "ar": ("عربي", "وصلت", "انتهيت", "ساعات"),
    "tr": ("Türkçe", "BURADAYIM", "BİTTİ", "SAAT"),
    "de": ("deutsch", "HIER", "FERTIG", "STUNDEN"),
}
"""What people text: in which language, here, done, and hours."""


@dataclass
class Day:
    """The coordinator and one volunteer with a browser, everybody else by program or phone."""

    system: System
    event: EventState
    office: Reader
    resident: Reader
    phones: list[tuple[str, Phone]]
    database: Database
    links: list[str] = field(default_factory=list)

    @property
    def console(self) -> str:
        """The coordinator's list."""
        return f"/registrations/console/events/{self.event.id}"

    async def rows(self, statement: str):
        """What the registrations service has written down."""
        async with self.database.read() as session:
            return (await session.execute(text(statement), {"id": self.event.id})).all()


async def publish(broker, event):
    """As the events service does."""
    message = EventPublished(aggregate_id=event.id, aggregate_version=1, event=event, occurred_at=datetime.now(UTC))
    producer = Producer(broker)
    await producer.send_and_wait(message.topic, message.model_dump_json().encode(), str(event.id).encode(), [])
    await producer.stop()


async def sign_up_by_mail(day):
    """Two people or three for each role of each shift, all at once, over both processes, in four languages."""
    posts = [post.id for post in sorted(posts_of(day.event), key=lambda post: post.number)]
    languages = list(WORDS)

    async def somebody(http, number):
        url = f"{day.system.url('registrations', number % 2)}/registrations/api/events/{day.event.id}/registrations"
        body = {"email": f"{uuid4().hex}@day.example", "language": languages[number % 4], "consent": True}
        body |= {"places_id": str(posts[number % len(posts)]), "name": f"Freiwillig {number + 1:02}"}
        async with http.post(url, json=body) as answer:
            assert answer.status == 201, await answer.text()
            day.links.append((await answer.json())["link"])

    await until("the event", lambda: day.rows("SELECT 1 FROM events WHERE id = :id"))
    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(somebody(http, number) for number in range(BY_MAIL)))


async def sign_up_by_sms(day):
    """The third place of some roles, with the code and a number, in four languages; then each is here."""
    for number, (language, phone) in enumerate(day.phones, FIRST_BY_SMS):
        named, here, _, _ = WORDS[language]
        taken = await phone.answer_to(f"{day.event.code} {number} {named}")
        assert f"{day.event.code} {number}" in taken
        came = await phone.answer_to(here)
        assert f"{day.event.code} {number}" in came
    kept = await day.rows("SELECT places_id, state FROM registrations WHERE event_id = :id")
    assert Counter(row.state for row in kept) == {"confirmed": BY_MAIL + BY_SMS}
    assert max(Counter(row.places_id for row in kept).values()) == MOST


async def see_the_plan(day):
    """Everybody is somewhere, by shift, by person and on paper."""
    text_of_plan = await day.office.open("registrations", f"{day.console}/plan")
    assert text_of_plan.count("Freiwillig") == BY_MAIL
    await day.office.open("registrations", f"{day.console}/plan?by=person")
    pdf = PdfReader(BytesIO(await day.office.download("a[href$='plan.pdf']")))
    assert sum(page.extract_text().count("Freiwillig") for page in pdf.pages) == BY_MAIL


async def check_in_at_the_desk(day):
    """Those who came by mail show their tickets."""
    page, url = day.office.page, f"{day.system.url('registrations')}/registrations/api/events/{day.event.id}/check-in"
    sessions = {post.id: post.session.id for post in posts_of(day.event)}
    for row in await day.rows("SELECT id, places_id FROM registrations WHERE event_id = :id AND channel = 'web'"):
        body = {"code": ticket_of(row.id), "session": str(sessions[row.places_id])}
        headers = {"idempotency-key": str(uuid4()), "content-type": "application/json"}
        answer = await page.request.post(url, data=json.dumps(body), headers=headers)
        assert (answer.status, (await answer.json())["result"]) == (200, "checked-in")


async def leave_by_sms(day):
    """Each says so, and one in each language puts the hours right."""
    for number, (language, phone) in enumerate(day.phones, FIRST_BY_SMS):
        _, _, done, hours = WORDS[language]
        left = await phone.answer_to(done)
        assert f"{day.event.code} {number}" in left
        if number < FIRST_BY_SMS + len(WORDS):
            noted = await phone.answer_to(f"{hours} {day.event.code} {number} 2:30")
            assert "2" in noted
            assert "30" in noted


async def sign_the_hours_off(day):
    """All others leave with one tap for each shift, and one more signs it off."""
    await day.office.open("registrations", f"{day.console}/hours")
    for number in range(SHIFTS):
        for button in ("button[value=all]", ".t-actions button:not([formaction])"):
            async with day.office.page.expect_navigation():
                await day.office.page.click(f"main form >> nth={number} >> {button}")
    await day.office.look()
    signed = await day.rows("SELECT signed_minutes FROM hours WHERE event_id = :id AND signed_minutes IS NOT NULL")
    assert len(signed) == BY_MAIL + BY_SMS
    assert sum(row.signed_minutes == 150 for row in signed) == len(WORDS)
    assert "Nach Person" in await day.office.open("registrations", "/registrations/console/hours")


async def issue_certificates(day):
    """For all who have a name, with one button; for somebody with a phone alone the name is typed."""
    await day.office.open("registrations", f"{day.console}/certificates")
    assert f"{BY_MAIL} Bescheinigungen" in await day.office.press("main > form button[type=submit]")
    [row] = await day.rows(
        "SELECT r.id FROM registrations r JOIN people p ON p.id = r.person_id"
        " WHERE r.event_id = :id AND p.language = 'uk' AND r.channel = 'sms' ORDER BY r.id LIMIT 1"
    )
    page = day.office.page
    await page.fill(f"[name=name-{row.id}]", "Гостя Свята")
    await day.office.press(f"form[action$='{row.id}'] button[type=submit]")
    [made, *_] = await day.rows("SELECT code FROM certificates WHERE event_id = :id ORDER BY id DESC")
    pdf = await day.office.download(f"a[href$='{row.id}/certificate.pdf']")
    words = " ".join(PdfReader(BytesIO(pdf)).pages[0].extract_text().split())
    assert made.code[:4] in words
    assert "2 Stunden 30 Minuten" in words
    return made.code


async def check_one(day, code):
    """Anybody can, in Arabic; with another name, and with other hours, nothing is said."""
    page = day.resident
    for name, hours, genuine in (("Гостя Свята", "2", True), ("Гостя", "2", False), ("Гостя Свята", "3", False)):
        await page.open("registrations", "/registrations/certificates")
        for label, value in (("code", code), ("name", name), ("hours", hours), ("minutes", "30")):
            await page.page.fill(f"[name={label}]", value)
        said = await page.press("main form button[type=submit]")
        assert (await page.page.locator(".kern-alert--success").count() == 1) is genuine, said


async def read_it_on_the_phone(day):
    """The SMS leads to the own page with the certificate; by mail it is behind the own link, too."""
    phone = next(phone for language, phone in day.phones if language == "uk")

    async def told():
        return next((line for line in await phone.received() if "/r/" in line and "2 години 30 хвилин" in line), None)

    link = re.search(r"https?://\S+/r/\S+", await until("the SMS about the certificate", told))
    answer = await day.resident.page.goto(link[0])
    assert answer.status == 200
    await day.resident.look()
    for own in (link[0], day.links[0]):
        pdf = await day.resident.page.request.get(f"{own.partition('?')[0]}/certificate.pdf")
        assert (await pdf.body()).startswith(b"%PDF")


async def test_sixty_people_from_signing_up_to_the_certificate(system, own_broker, chromium):
    """Fifty-two by mail, eight with a phone alone, in four languages; each page by axe, on a phone and on a desk."""
    made = teilhabe(system, "organisation", "add", "--kind", "association", "--name-de", "Tagverein", "--owner", OFFICE)
    organisation_id = UUID(re.search(r"[0-9a-f-]{36}", made)[0])
    times = {"starts_in": -timedelta(hours=1), "apart": timedelta()}
    event = volunteer_day(SHIFTS, ROLES, MOST, organisation_id=organisation_id, **times)
    problems: list[str] = []
    async with (
        running_browser(chromium) as browser,
        open_page(browser, 1280, locale="de-DE") as office,
        open_page(browser, 360, locale="ar") as resident,
        open_page(browser, 800, locale="de-DE") as post,
    ):
        phones = [
            (list(WORDS)[number % 4], Phone(system, post, f"+49151234502{number:02}")) for number in range(BY_SMS)
        ]
        database = Database(system.database("registrations"), connections=2)
        readers = Reader(system, office, "de", problems), Reader(system, resident, "ar", problems)
        day = Day(system, event, *readers, phones, database)
        await publish(own_broker, event)
        await sign_in(system, office, OFFICE)
        for step in (sign_up_by_mail, sign_up_by_sms, see_the_plan, check_in_at_the_desk, leave_by_sms):
            await step(day)
        await sign_the_hours_off(day)
        await check_one(day, await issue_certificates(day))
        await read_it_on_the_phone(day)
        await database.close()
        assert not [line for page in (office, resident) for line in page.complaints]
    assert problems == []
