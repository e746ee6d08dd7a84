"""The desk at its pages: somebody of it registers people, by default with nothing but paper."""

from itertools import count
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy import text

from shared.auth.members import keep_organisations
from shared.auth.tokens import TOKEN_COOKIE
from shared.contracts.contacts import Contact
from shared.contracts.organisations import Membership, OrganisationChanged
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import send, typed, where

VERSIONS = count(1)


async def with_role(app, event, role):
    """A browser of a member of the event's host, who is this there."""
    person = uuid4()
    member = Membership(person_id=person, role=role)
    message = OrganisationChanged(
        aggregate_id=event.organisation_id, aggregate_version=next(VERSIONS), name={"de": "Büro"}, members=[member]
    )
    async with app.state.database.begin() as session:
        await keep_organisations(session, [message])
    browser = AsgiClient(app)
    browser.cookies[TOKEN_COOKIE] = given.sign(person)
    browser.person_id = person
    return browser


def form_of(event):
    return f"/registrations/console/events/{event.id}/register"


async def at_the_desk(browser, event, **changes):
    """Fill in the desk's form; by default for somebody with nothing but paper."""
    paper = {"channel": "paper", "name": "Ada", "reach": "Festnetz 030 2312 5099", "email": "", "consent": "yes"}
    return await send(browser, form_of(event), typed(**(paper | changes)))


def person_of(answer):
    return urlsplit(where(answer)).path


async def contacts(database, person_id):
    async with database.read() as session:
        found = await session.execute(
            text("SELECT convert_from(value, 'UTF8')::jsonb FROM outbox WHERE key = :key ORDER BY id"),
            {"key": str(person_id)},
        )
        sealed = [message["sealed"] for message in found.scalars()]
    return [given.VAULT.open(one, Contact, f"contact:{person_id}") for one in sealed]
