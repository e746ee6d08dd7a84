"""The desk's pages in a real browser: the form, the person and the call list, in any language."""

import asyncio
import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.kafka.kafka import free_port
from services.notifications.contacts.consumers import keep
from services.notifications.main import create_api as create_notifications
from services.registrations.main import create_api as create_registrations
from services.registrations.people.commands import Address
from services.registrations.people.model import Means
from services.registrations.registrations.admission import Wish, admit
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE, sign_token
from shared.contracts.contacts import Contact, ContactChanged
from shared.contracts.events import ContactPoint
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.contracts.registrations import Channel, PlaceOffered, RegistrationConfirmed, RegistrationWaitlisted
from shared.database.migrations import upgrade
from tests.support import notifications, registrations
from tests.support.look import open_page, sideways, violations

PHONE, DESKTOP = 360, 1280
PICTURES = os.environ.get("TEILHABE_PICTURES")
DESK = uuid4()
TITLE = {"de": "Gartentag im Nachbarschaftsgarten", "ar": "يوم الحديقة", "en": "Garden day"}
CONTACT = ContactPoint(
    name="Willkommensbüro",
    phone="+493023125001",
    languages=["de", "ar"],
    hours={"de": "Montag bis Freitag, 9 bis 12 Uhr", "ar": "من الاثنين إلى الجمعة"},
)


def membership(organisation_id):
    members = [Membership(person_id=DESK, role=Role.DESK)]
    name = {"de": "Integrationsbüro"}
    return OrganisationChanged(aggregate_id=organisation_id, aggregate_version=1, name=name, members=members)


def on_paper(language, name):
    address = Address(Means.PAPER, f"paper:{uuid4()}", language, name=name, reach="Festnetz 030 2312 5099")
    return Wish(address, 2, Channel.DESK, "test", name=name, told_by=DESK)


@asynccontextmanager
async def desk_pages(url):
    """An event with room, and one that was full, with people who have nothing but paper; name to path."""
    app = create_registrations(registrations.settings(url))
    database, pages = app.state.database, {}
    event = registrations.event(10, title=TITLE, contact=CONTACT)
    full = registrations.event(2, title=TITLE, contact=CONTACT, organisation_id=event.organisation_id)
    for state in (event, full):
        await registrations.publish(database, state)
    async with database.begin() as session:
        await keep_organisations(session, [membership(event.organisation_id)])
        now, vault, rules = datetime.now(UTC), registrations.VAULT, registrations.RULES
        (placed,) = await admit(session, vault, rules, event.places[0].id, [on_paper("de", "Ada Beispiel")], now)
        wishes = [on_paper("de", "Bo"), on_paper("ar", "مثال"), on_paper("uk", "Приклад")]
        _, offered, waits = await admit(session, vault, rules, full.places[0].id, wishes, now)
    await registrations.publish(database, registrations.with_capacity(full, 4), 2)
    for name, of, person in (("placed", event, placed), ("offered", full, offered), ("waits", full, waits)):
        pages[name] = f"/registrations/console/events/{of.id}/desk/{person.id}"
    pages |= {
        "register": f"/registrations/console/events/{event.id}/register",
        "register-full": f"/registrations/console/events/{full.id}/register",
        "registered": pages["placed"] + "?done=registered",
        "cancel": pages["placed"] + "/cancel",
    }
    async with served(app) as address:
        token = registrations.sign(DESK)
        yield Site(address, pages, {"name": TOKEN_COOKIE, "value": token, "url": address})
    await database.close()


@asynccontextmanager
async def call_pages(url):
    """A call list with three people, one of whom has been told."""
    app = create_notifications(notifications.settings(url))
    database = app.state.database
    event = notifications.event(TITLE, contact=CONTACT)
    sessions = [one.model_copy(update={"starts_at": soon(14), "ends_at": soon(15)}) for one in event.sessions]
    event = event.model_copy(update={"sessions": sessions})
    await notifications.publish_event(database, event)
    async with database.begin() as session:
        await keep_organisations(session, [membership(event.organisation_id)])
    for language, kind, more in (
        ("ar", PlaceOffered, {"expires_at": soon(1)}),
        ("de", RegistrationWaitlisted, {"position": 2}),
        ("uk", RegistrationConfirmed, {"told_by": DESK}),
    ):
        person_id = uuid4()
        contact = Contact(language=language, name=f"Person {language}", reach="Festnetz 030 2312 5099")
        sealed = notifications.VAULT.seal(contact, f"contact:{person_id}")
        told = ContactChanged(aggregate_id=person_id, aggregate_version=1, sealed=sealed)
        async with database.begin() as session:
            await keep(session, notifications.VAULT, [told])
        await notifications.hand_in(
            database, notifications.registered(kind, event.id, person_id, channel="desk", **more)
        )
    calls = "/notifications/console/calls"
    pages = {"calls": calls, "calls-ended": f"{calls}?ended=1", "calls-told": f"{calls}?event={event.id}&done=told"}
    async with served(app) as address:
        token = sign_token(DESK, notifications.PRIVATE_KEY, datetime.now(UTC))
        yield Site(address, pages, {"name": TOKEN_COOKIE, "value": token, "url": address})
    await database.close()


def soon(days):
    return datetime.now(UTC) + timedelta(days=days)


class Site:
    """One service with something in it; `pages` is name to path."""

    def __init__(self, address, pages, cookie):
        self.address, self.pages, self.cookie = address, pages, cookie


@asynccontextmanager
async def served(app):
    port = free_port()
    async with notifications.serving(app, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module", params=[desk_pages, call_pages])
async def site(request, database_url):
    service = "registrations" if request.param is desk_pages else "notifications"
    url = database_url(service)
    await asyncio.to_thread(upgrade, service, url)
    async with request.param(url) as site:
        yield site


@pytest.mark.parametrize(("language", "width"), [("de", PHONE), ("ar", PHONE), ("ar", DESKTOP)])
async def test_every_page_of_the_desk_passes_axe_and_fits_the_screen(browser, site, language, width):
    """In both directions on a phone, and on a desktop, and within its own policy."""
    async with open_page(browser, width, locale=language) as page:
        await page.context.add_cookies([site.cookie])
        for name, path in site.pages.items():
            await page.goto(site.address + path)
            if PICTURES:
                await page.screenshot(path=Path(PICTURES) / f"{language}-{width}-{name}.png", full_page=True)
            assert await violations(page) == [], name
            assert await sideways(page) <= 0, name
        assert page.complaints == []


async def test_the_form_asks_only_for_what_the_chosen_way_needs(browser, site):
    """With a text to read out that says what is kept for just that way; a person on paper ends with a slip."""
    if "register" not in site.pages:
        pytest.skip("this service registers nobody")
    async with open_page(browser, PHONE, locale="de", java_script_enabled=False) as page:
        await page.context.add_cookies([site.cookie])
        await page.goto(site.address + site.pages["register"])
        for number, chosen in enumerate(("phone", "email", "paper"), 1):
            await page.check("#field-channel" if number == 1 else f"#field-channel-{number}")
            fields = {"phone": "#field-phone", "email": "#field-email", "paper": "#field-reach"}
            assert [name for name, field in fields.items() if await page.is_visible(field)] == [chosen]
            assert await page.locator("#read-out ~ .t-note p:visible").count() == 2
        await page.fill("#field-name", "Ada")
        await page.select_option("#field-language", "tr")
        await page.check("#field-consent")
        await page.click("main form button[type=submit]")
        await page.wait_for_url("**/desk/*?done=registered")
        slip = await page.get_attribute("a[href$='/slip.pdf']", "href")
        answer = await page.request.get(site.address + slip)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
