"""Filling in the pages of registrations as a browser without a window does."""

import asyncio
import html
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text

from services.registrations.main import create_api
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient

FIELD = re.compile(r'name="(csrf_token|request_key)" value="([^"]+)"')


@asynccontextmanager
async def running_api(url, **settings):
    """The api process's application on an empty database, with these settings of its own."""
    await asyncio.to_thread(upgrade, "registrations", url)
    app = create_api(given.settings(url).model_copy(update=settings))
    yield app
    await app.state.database.close()


def email():
    return f"{uuid4().hex}@example.org"


def typed(**changes):
    """The form as it is filled in by somebody who has an e-mail address."""
    form = {"party_size": "1", "channel": "email", "email": email(), "phone": "", "name": "", "language": "en"}
    return {name: value for name, value in (form | {"consent": "yes"} | changes).items() if value is not None}


async def hidden(browser, path):
    """The hidden fields of the first form of a page."""
    answer = await browser.get(path)
    assert answer.status == 200, answer.text
    fields = FIELD.findall(answer.text)
    return dict(reversed(fields))


async def send(browser, path, form, page=None):
    """Open the page, fill in its form, send it."""
    return await browser.post(path, {**await hidden(browser, page or path), **form})


async def register(browser, event, **changes):
    return await send(browser, f"/registrations/new/{event.id}", typed(**changes))


def where(answer):
    assert answer.status == 303, answer.text
    return answer.headers["location"]


async def own_path(browser, event, **changes):
    """Register by e-mail; the path of the own page."""
    return urlsplit(where(await register(browser, event, **changes))).path


def words(answer):
    """The page's text as it is read, without markup."""
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())


async def open_event(database, capacity=10, **more):
    state = given.event(capacity, **more)
    await given.publish(database, state)
    return state


async def messages(database, event, kind):
    async with database.read() as session:
        rows = await session.execute(
            text(
                "SELECT convert_from(value, 'UTF8')::jsonb AS m FROM outbox WHERE key = :key"
                " OR convert_from(value, 'UTF8')::jsonb ->> 'event_id' = :key ORDER BY id"
            ),
            {"key": str(event.id)},
        )
        return [m for m in rows.scalars() if m["type"] == kind]


async def registrations(database, event):
    async with database.read() as session:
        rows = await session.execute(
            text(
                "SELECT r.*, p.address, p.language FROM registrations r JOIN people p ON p.id = r.person_id"
                " WHERE event_id = :id ORDER BY queue"
            ),
            {"id": event.id},
        )
        return rows.all()


async def signed_in(app, event=None, role=Role.OWNER, organisation=None, language="en"):
    """A member of the event's organisation, or of another; the organisation has no other."""
    person, organisation = uuid4(), organisation or (event.organisation_id if event else uuid4())
    message = OrganisationChanged(
        aggregate_id=organisation,
        aggregate_version=int(datetime.now(UTC).timestamp() * 1000),
        name={"de": "Integrationsbüro"},
        members=[Membership(person_id=person, role=role)],
    )
    async with app.state.database.begin() as session:
        await keep_organisations(session, [message])
    browser = AsgiClient(app, language)
    browser.cookies[TOKEN_COOKIE] = given.sign(person)
    browser.person_id = person
    return browser


async def counted(database, browser, path):
    """How many statements a page needs, and the page."""
    seen = []

    def note(_connection, _cursor, statement, *_):
        seen.append(statement)

    sqlalchemy_event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        page = await browser.get(path)
    finally:
        sqlalchemy_event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert page.status == 200, page.text
    return len(seen), page
