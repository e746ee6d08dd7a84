"""The call list: people with nothing but paper, the messages that they are to hear, and a desk that tells them."""

import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

from sqlalchemy import text

from services.notifications.contacts.consumers import keep
from services.notifications.main import create_api
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE, sign_token
from shared.contracts.contacts import Contact, ContactChanged
from shared.contracts.events import Session
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from tests.support import notifications as given
from tests.support.asgi_client import AsgiClient

CALLS = "/notifications/console/calls"
VERSIONS = count(1)
UNTIL = datetime.now(UTC) + timedelta(hours=20)


@asynccontextmanager
async def running_api(url):
    """The api process's application on a database that has its tables."""
    app = create_api(given.settings(url))
    yield app
    await app.state.database.close()


def soon(**changes):
    """An event in two weeks."""
    starts_at = datetime.now(UTC) + timedelta(days=14)
    sessions = [Session(id=uuid4(), starts_at=starts_at, ends_at=starts_at + timedelta(hours=2))]
    return given.event(sessions=sessions, **changes)


async def desk_of(app, *events, role=Role.DESK, language="en"):
    """A browser of a member of the events' hosts."""
    person = uuid4()
    messages = [
        OrganisationChanged(
            aggregate_id=event.organisation_id,
            aggregate_version=next(VERSIONS),
            name={"de": "Büro"},
            members=[Membership(person_id=person, role=role)],
        )
        for event in events
    ]
    async with app.state.database.begin() as session:
        await keep_organisations(session, messages)
    browser = AsgiClient(app)
    browser.headers = {"accept-language": language}
    browser.cookies[TOKEN_COOKIE] = sign_token(person, given.PRIVATE_KEY, datetime.now(UTC))
    browser.person_id = person
    return browser


async def on_paper(database, state, *messages, language="ar", name="Ada", reach="Festnetz 030 2312 5099"):
    """Somebody without phone and mail, of whose registration these messages come: (kind, more)."""
    person_id, registration_id = uuid4(), uuid4()
    contact = Contact(language=language, name=name, reach=reach)
    sealed = given.VAULT.seal(contact, f"contact:{person_id}")
    async with database.begin() as session:
        await keep(session, given.VAULT, [ContactChanged(aggregate_id=person_id, aggregate_version=1, sealed=sealed)])
    await given.publish_event(database, state)
    await heard(database, state, person_id, registration_id, *messages)
    return person_id, registration_id


async def heard(database, state, person_id, registration_id, *messages):
    made = [
        given.registered(kind, state.id, person_id, registration_id=registration_id, channel="desk", **more)
        for kind, more in messages
    ]
    await given.hand_in(database, *made)


async def ledger(database, person_id):
    async with database.read() as session:
        rows = await session.execute(
            text(
                "SELECT id, template, channel, state, told_by, ended_at FROM deliveries"
                " WHERE person_id = :id ORDER BY id"
            ),
            {"id": person_id},
        )
        return list(rows.all())


async def published(database, kind, key):
    async with database.read() as session:
        rows = await session.execute(
            text("SELECT convert_from(value, 'UTF8')::jsonb FROM outbox WHERE topic LIKE :topic ORDER BY id"),
            {"topic": f"%{kind}%"},
        )
        return [message for message in rows.scalars() if str(key) in message.values()]


async def press_told(browser, delivery_id, page=CALLS):
    opened = await browser.get(page)
    form = dict(re.findall(r'name="(csrf_token|request_key)" value="([^"]+)"', opened.text))
    return await browser.post(f"{CALLS}/{delivery_id}/told", form)
