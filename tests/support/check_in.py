"""The check-in of registrations: parties with tickets, a desk that lets them in, and how many came."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.registrations.check_in.commands import Desk
from services.registrations.check_in.queries import came_by_session
from services.registrations.registrations.admission import admit
from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient

SOON = timedelta(minutes=30)


async def register(database, event, *wishes):
    """The ids of parties, in the order of the wishes."""
    async with database.begin() as session:
        pool = event.places[0].id
        decided = await admit(session, given.VAULT, given.RULES, pool, wishes, datetime.now(UTC))
    return [one.id for one in decided]


async def member_of(app, event, role=Role.DESK, organisation=None):
    """A browser of somebody with a role in the host."""
    person = uuid4()
    message = OrganisationChanged(
        aggregate_id=organisation or event.organisation_id,
        aggregate_version=int(datetime.now(UTC).timestamp() * 1_000_000),
        name={"de": "Büro"},
        members=[Membership(person_id=person, role=role)],
    )
    async with app.state.database.begin() as session:
        await keep_organisations(session, [message])
    browser = AsgiClient(app)
    browser.cookies[TOKEN_COOKIE] = given.sign(person)
    return browser


def page_of(event):
    return f"/registrations/console/events/{event.id}/check-in"


def api_of(event):
    return f"/registrations/api/events/{event.id}/check-in"


def at_desk(event, ago=timedelta(), key=None):
    now = datetime.now(UTC)
    return Desk(uuid4(), event, event.sessions[0], key or uuid4(), now - ago, now)


async def do(database, command, *args, **more):
    async with database.begin() as session:
        return await command(session, *args, **more)


async def numbers(database, event):
    async with database.read() as session:
        return [(one.expected, one.came, one.walk_ins) for one in await came_by_session(session, event)]


async def call(browser, event, path, body, key=None):
    headers = {"content-type": "application/json", "idempotency-key": str(key or uuid4())}
    return await browser.request("POST", api_of(event) + path, json.dumps(body).encode(), headers)
