"""The desk's page as it is served: a service that can go away and come back, and what one does on its page."""

import asyncio
import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import uvicorn
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from deploy.kafka.kafka import free_port
from services.registrations.check_in.queries import came_by_session
from services.registrations.main import create_api
from services.registrations.registrations.admission import admit
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE
from shared.contracts.events import Session
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.database.migrations import upgrade
from shared.tickets import ticket_of
from tests.support import registrations as given
from tests.support.look import sideways, violations

PICTURES = os.environ.get("TEILHABE_PICTURES")
HERE = ".t-party--here"


class Desk:
    """The service on a port that can go away and come back, an event today, and a member of its host.

    As behind a proxy, sign-in is at the same address; here a token is renewed for whoever `renews`.
    """

    def __init__(self, url):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        own = {"events_url": self.address, "registrations_url": self.address}
        self.app = create_api(given.settings(url).model_copy(update=own))
        self.app.add_api_route("/sign-in/renew", self._renew)
        self.renews = None
        self._server = None
        self.people = {}

    @property
    def database(self):
        return self.app.state.database

    async def _renew(self, next: str):  # noqa: A002 - the query's name
        if self.renews is None:
            return Response(status_code=503)
        answer = RedirectResponse(next, 303)
        answer.set_cookie(TOKEN_COOKIE, given.sign(self.renews))
        return answer

    async def open(self):
        config = uvicorn.Config(self.app, "127.0.0.1", self.port, log_level="error", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.02)

    async def close(self):
        self._server.should_exit = True
        self._server.force_exit = True
        await self._task

    async def event(self, **more):
        start = datetime.now(UTC) - timedelta(minutes=30)
        session = Session(id=uuid4(), starts_at=start, ends_at=start + timedelta(hours=2))
        titles = {"de": "Gartentag im Nachbarschaftsgarten", "ar": "يوم الحديقة", "en": "Garden day"}
        closing = start + timedelta(hours=2)
        event = given.event(50, sessions=[session], title=titles, registration_closes_at=closing, **more)
        await given.publish(self.database, event)
        return event

    async def register(self, event, *wishes):
        """The tickets of parties."""
        async with self.database.begin() as session:
            pool = event.places[0].id
            decided = await admit(session, given.VAULT, given.RULES, pool, wishes, datetime.now(UTC))
        return [ticket_of(one.id) for one in decided]

    async def sign_in(self, page, event):
        person = self.people.setdefault(event.id, uuid4())
        message = OrganisationChanged(
            aggregate_id=event.organisation_id,
            aggregate_version=1,
            name={"de": "Integrationsbüro"},
            members=[Membership(person_id=person, role=Role.DESK)],
        )
        async with self.database.begin() as session:
            await keep_organisations(session, [message])
        cookie = {"name": TOKEN_COOKIE, "value": given.sign(person), "url": self.address}
        await page.context.add_cookies([cookie])

    def path(self, event):
        return f"{self.address}/registrations/console/events/{event.id}/check-in"

    async def numbers(self, event):
        async with self.database.read() as session:
            [one] = await came_by_session(session, event)
        return one.came, one.walk_ins

    async def until(self, event, came, walk_ins=0):
        """Wait until the server knows these numbers."""
        async with asyncio.timeout(15):
            while await self.numbers(event) != (came, walk_ins):  # noqa: ASYNC110 - another program writes it
                await asyncio.sleep(0.1)


@asynccontextmanager
async def running_desk(url):
    """The service, open, on an empty database of registrations."""
    await asyncio.to_thread(upgrade, "registrations", url)
    desk = Desk(url)
    await desk.open()
    yield desk
    await desk.close()
    await desk.database.close()


async def ready(page):
    """The script has its list, and the page is kept for later."""
    await page.wait_for_selector("#check-in:not([hidden])")
    await page.wait_for_function("() => document.getElementById('connection').textContent !== ''")


async def look_for(page, wanted):
    await page.fill("#field-search", wanted)
    await page.press("#field-search", "Enter")


async def picture(page, name):
    """A picture to look at, where the environment asks for them."""
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


async def check_page(page, name):
    assert await violations(page) == [], name
    assert await sideways(page) <= 0, name
    await picture(page, name)
