"""The pages of registrations in a real browser: anyone can use them, in any language, on a phone."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import uvicorn

from deploy.kafka.kafka import free_port
from services.registrations.certificates.commands import Issuer
from services.registrations.check_in.commands import Desk, check_in
from services.registrations.hours.commands import Signing, correct
from services.registrations.hours.commands import sign_off as sign
from services.registrations.main import create_api
from services.registrations.qualifications.commands import note_seen
from services.registrations.registrations.admission import admit
from services.registrations.registrations.commands import decline
from services.registrations.swaps.commands import Asking, answer, ask
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE
from shared.contracts.events import Qualification, Status
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.contracts.registrations import DeclineReason
from shared.database.migrations import upgrade
from shared.i18n.languages import PAGE_LANGUAGES
from tests.support import registrations as given
from tests.support.certificates import issue, sign_off, worked_day
from tests.support.look import open_page, sideways, violations
from tests.support.shifts import open_day, take, volunteer_day

PHONE, DESKTOP = 360, 1280
BOTH_WAYS = ("de", "ar")
IN_TURN = [code for code in PAGE_LANGUAGES if code not in BOTH_WAYS]
PICTURES = os.environ.get("TEILHABE_PICTURES")


class Site:
    """The service on a port, with a registration in each state; `pages` is name to path."""

    def __init__(self, app, port):
        self.app = app
        self.address = f"http://127.0.0.1:{port}"
        self.pages = {}
        self.cookie = {}

    async def fill(self):
        """Events and registrations of each kind."""
        now = datetime.now(UTC)
        event = await self.event(largest_party=4)
        full = await self.event(1)
        early = await self.event(registration_opens_at=now + timedelta(days=2))
        cancelled = await self.event()
        moved = await self.event(3, sessions=given.event(1).sessions + given.event(1).sessions)
        _, second = await self.admit(full, given.wish(), given.wish(name="Ada"))
        confirmed, held = await self.admit(
            event, given.wish(name="Ada", size=2), given.wish(given.number(), ask_owner=True)
        )
        (gone,) = await self.admit(cancelled, given.wish())
        offered = await self.offer()
        await self.cancel(cancelled)
        self.pages = {
            "form": f"/registrations/new/{event.id}",
            "form-full": f"/registrations/new/{full.id}",
            "not-open": f"/registrations/new/{early.id}",
            "cancelled": f"/registrations/new/{cancelled.id}",
            "asked": f"/registrations/asked/{event.id}",
            "already": f"/registrations/already/{event.id}",
            "unknown-event": f"/registrations/new/{uuid4()}",
            "unknown-link": "/r/xyz",
            "own-new": f"/r/{confirmed.token}?new=1",
            "own-held": f"/r/{held.token}",
            "own-waiting": f"/r/{second.token}",
            "own-offered": f"/r/{offered.token}",
            "own-cancelled": f"/r/{gone.token}",
            "cancel": f"/r/{confirmed.token}/cancel",
            "list": f"/registrations/console/events/{event.id}",
            "list-empty": f"/registrations/console/events/{moved.id}",
        }
        self.pages |= await self.hours() | await self.decided() | await self.swapped() | await self.certificates()
        self.pages |= await self.qualified()
        self.cookie = await self.sign_in()

    async def hours(self):
        """A shift that is on: somebody who is here, somebody who said how long it was, somebody whose hours stand."""
        database = self.app.state.database
        day = await open_day(database, starts_in=-timedelta(hours=1), most=5, organisation_id=ORGANISATION)
        here, said, signed = [
            (await take(database, day, given.wish(name=name), 1))[0] for name in ("Ada", "Berta", "Cem")
        ]
        now = datetime.now(UTC)
        async with database.begin() as session:
            await check_in(session, Desk(uuid4(), day, day.sessions[0], uuid4(), now, now), here.id)
            await correct(session, said.id, 150, "Aufbau schon am Vortag", now)
            await sign(session, given.VAULT, Signing(uuid4(), day, now), {signed.id: 180})
        return {
            "hours": f"/registrations/console/events/{day.id}/hours",
            "hours-of-year": "/registrations/console/hours",
            "own-hours": f"/r/{said.token}",
            "own-hours-signed": f"/r/{signed.token}",
        }

    async def decided(self):
        """A role that the organisation decides about: somebody who waits, and somebody who did not get it."""
        day = volunteer_day(most=5, organisation_id=ORGANISATION)
        roles = [role.model_copy(update={"answer_within": 48}) for role in day.roles]
        await given.publish(self.app.state.database, day := day.model_copy(update={"roles": roles}))
        waits, declined = [await self.take(day, 1, name) for name in ("Ada", "Berta")]
        async with self.app.state.database.begin() as session:
            why = DeclineReason.LANGUAGE
            await decline(session, given.VAULT, given.RULES, declined.id, why, datetime.now(UTC))
        console = f"/registrations/console/events/{day.id}"
        return {
            "shifts-decided": f"/registrations/shifts/{day.id}",
            "own-pending": f"/r/{waits.token}",
            "own-declined": f"/r/{declined.token}",
            "plan-pending": f"{console}/plan",
            "one-pending": f"{console}/registrations/{waits.id}",
        }

    async def qualified(self):
        """A role that takes a document: one who has shown it, one whose document ends too early, one who has not."""
        day = volunteer_day(most=5, organisation_id=ORGANISATION)
        kind = Qualification.GOOD_CONDUCT
        roles = [role.model_copy(update={"qualification": kind}) for role in day.roles]
        await given.publish(self.app.state.database, day := day.model_copy(update={"roles": roles}))
        shown, early, missing = [await self.take(day, 1, name) for name in ("Ada", "Berta", "Cem")]
        now = datetime.now(UTC)
        async with self.app.state.database.begin() as session:
            for one, days in ((shown, 400), (early, 3)):
                await note_seen(session, one.id, kind, now.date() + timedelta(days=days), uuid4(), now)
        console = f"/registrations/console/events/{day.id}"
        return {
            "shifts-qualified": f"/registrations/shifts/{day.id}",
            "plan-qualified": f"{console}/plan",
            "desk-qualified": f"{console}/desk/{early.id}",
            "own-qualified": f"/r/{shown.token}",
            "own-not-qualified": f"/r/{missing.token}",
        }

    async def swapped(self):
        """Two who are asked to swap, one of whom has agreed."""
        day = await open_day(self.app.state.database, organisation_id=ORGANISATION)
        ada, berta = await self.take(day, 1, "Ada"), await self.take(day, 3, "Berta")
        now = datetime.now(UTC)
        async with self.app.state.database.begin() as session:
            await ask(session, given.VAULT, Asking(uuid4(), ORGANISATION, day.id, now), ada.id, berta.id)
            await answer(session, given.VAULT, berta.id, now, agreed=True)
        swaps = f"/registrations/console/events/{day.id}/swaps"
        return {"swaps": swaps, "own-swap": f"/r/{ada.token}", "own-swap-agreed": f"/r/{berta.token}"}

    async def take(self, day, number, name):
        [decision] = await take(self.app.state.database, day, given.wish(name=name), number)
        return decision

    async def certificates(self):
        """Somebody without a certificate, with one, with one that is not up to date, and with a revoked one."""
        database = self.app.state.database
        wishes = [given.wish(name=name) for name in ("Ada", "Ayşe Yılmaz", "رنا الخطيب", "Олена Коваль", None)]
        day, people = await worked_day(database, *wishes, organisation_id=ORGANISATION)
        made = [
            await issue(database, day, own[0], wish.name) for own, wish in zip(people[1:4], wishes[1:], strict=False)
        ]
        await sign_off(database, day, people[2][0], 30)
        async with database.begin() as session:
            await Issuer(session, given.VAULT, uuid4(), day, datetime.now(UTC)).revoke(made[2].id, "Falsche Person")
        console = f"/registrations/console/events/{day.id}"
        return {
            "plan": f"{console}/plan",
            "certificates": f"{console}/certificates?done=all&count=3",
            "certificate-revoke": f"{console}/certificates/{people[1][0]}/revoke",
            "certificate-check": f"/registrations/certificates/{made[0].code}",
            "own-certificate": f"/r/{given.VAULT.link_token(f'registration:{people[1][0]}')}",
        }

    async def event(self, capacity=10, **more):
        state = given.event(capacity, **more)
        state = state.model_copy(
            update={
                "title": {"de": "Gartentag im Nachbarschaftsgarten", "ar": "يوم الحديقة", "en": "Garden day"},
                "organisation_id": ORGANISATION,
            }
        )
        await given.publish(self.app.state.database, state)
        return state

    async def admit(self, event, *wishes):
        async with self.app.state.database.begin() as session:
            places = event.places[0].id
            return await admit(session, given.VAULT, given.RULES, places, wishes, datetime.now(UTC))

    async def offer(self):
        event = await self.event(1)
        _, offered = await self.admit(event, given.wish(), given.wish())
        await given.publish(self.app.state.database, given.with_capacity(event, 2), 2)
        return offered

    async def cancel(self, event):
        reason = {"de": "Sturm. Wir bitten um Verständnis.", "ar": "عاصفة"}
        state = event.model_copy(update={"status": Status.CANCELLED, "cancellation_reason": reason})
        await given.publish(self.app.state.database, state, 2)

    async def sign_in(self):
        person = uuid4()
        message = OrganisationChanged(
            aggregate_id=ORGANISATION,
            aggregate_version=1,
            name={"de": "Integrationsbüro"},
            members=[Membership(person_id=person, role=Role.OWNER)],
        )
        async with self.app.state.database.begin() as session:
            await keep_organisations(session, [message])
        return {"name": TOKEN_COOKIE, "value": given.sign(person), "url": self.address}


ORGANISATION = uuid4()


@pytest.fixture(scope="module")
async def site(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    app, port = create_api(given.settings(url)), free_port()
    site = Site(app, port)
    await site.fill()
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="error", access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    yield site
    server.should_exit = True
    await task
    await app.state.database.close()


async def take_picture(page, name):
    """A picture to look at, where the environment asks for them."""
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


async def replace_one(page, site):
    """The step that asks, for the certificate that is not up to date."""
    await page.goto(site.address + site.pages["certificates"])
    await page.click("tr:has-text('رنا') form button")
    await page.wait_for_selector("[name=replaces]", state="attached")


async def send_empty(page, site):
    await page.goto(site.address + site.pages["form"])
    await page.fill("#field-party_size", "99")
    await page.check("#field-channel-2")
    await page.click("main button[type=submit]")
    await page.wait_for_selector("#error-summary")


@pytest.mark.parametrize(("language", "width"), [*((code, PHONE) for code in PAGE_LANGUAGES), ("ar", DESKTOP)])
async def test_every_page_passes_axe_and_fits_the_screen(browser, site, language, width):
    """In each of the languages on a phone, and on a desktop, with errors too, and within its own policy.

    Axe looks at every page in German and Arabic, and in one of the other languages.
    """
    async with open_page(browser, width, locale=language) as page:
        await page.context.add_cookies([site.cookie])
        for number, (name, path) in enumerate(site.pages.items()):
            await page.goto(site.address + path)
            await take_picture(page, f"{language}-{width}-{name}")
            if language in BOTH_WAYS or number % len(IN_TURN) == IN_TURN.index(language):
                assert await violations(page) == [], name
            assert await sideways(page) <= 0, name
        await replace_one(page, site)
        await take_picture(page, f"{language}-{width}-certificate-replace")
        assert await violations(page) == []
        assert await sideways(page) <= 0
        await send_empty(page, site)
        await take_picture(page, f"{language}-{width}-form-errors")
        assert await violations(page) == []
        assert await sideways(page) <= 0
        assert page.complaints == []


async def test_large_text_fits_a_phone(browser, site):
    """With text at twice its size nothing scrolls sideways (WCAG 1.4.4)."""
    async with open_page(browser, PHONE, locale="uk") as page:
        for name in ("form", "own-offered", "cancel", "certificate-check"):
            await page.goto(site.address + site.pages[name])
            await page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert await sideways(page) <= 0, name


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_person_registers_changes_and_cancels(browser, site, scripts):
    """With and without JavaScript: only the field of the chosen contact is seen; each step has one way on."""
    async with open_page(browser, PHONE, locale="de", java_script_enabled=scripts) as page:
        await page.goto(site.address + site.pages["form"])
        assert not await page.is_visible("#field-email")
        await page.check("#field-channel-2")
        assert [await page.is_visible(f"#field-{name}") for name in ("email", "phone")] == [False, True]
        await page.check("#field-channel")
        assert [await page.is_visible(f"#field-{name}") for name in ("email", "phone")] == [True, False]
        await page.fill("#field-email", f"{uuid4().hex}@example.org")
        await page.check("#field-consent")
        await page.click("main button[type=submit]")
        await page.wait_for_url("**/r/*?new=1")
        await page.fill("#field-party_size", "٢")
        await page.click("form[action$=party] button")
        await page.wait_for_url("**/r/*?saved=1")
        assert await page.input_value("#field-party_size") == "2"
        await page.select_option("#field-language", "ar")
        await page.click("form[action$=language] button")
        await page.wait_for_url("**/r/*?saved=1")
        await page.click("a[href$='/cancel']")
        await page.click("form[action$='/cancel'] button")
        await page.wait_for_url("**/r/*")
        await page.wait_for_selector("a[href^='/registrations/new/']")
