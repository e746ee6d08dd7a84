"""Who acts for an organisation: added, removed, and known to the other services by messages alone."""

import json
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from fastapi import FastAPI
from uuid6 import uuid7

from services.events.organisations.members import LastOwnerError, NotAMemberError, add_member, remove_member
from shared.auth.members import add_member_tables, keep_organisations, memberships
from shared.auth.sign_in import MemberDep
from shared.auth.tokens import TOKEN_COOKIE, sign_token
from shared.contracts.contacts import Contact
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.database.engine import Database, service_metadata
from shared.web.problems import install_problem_handlers
from tests.support.asgi_client import AsgiClient
from tests.support.events_service import owner_address


async def test_a_removed_member_is_out_at_once(events):
    """The token still lives, but nothing is shown, and no link is sent any more."""
    member = await events.organisation()
    [organisation_id] = member.organisation_ids
    async with events.database.begin() as session:
        await add_member(session, events.vault, organisation_id, "second@demo.example", Role.OWNER, "tr")
    browser = await events.signed_in(member)
    assert (await browser.get("/console")).status == 200
    async with events.database.begin() as session:
        await remove_member(session, organisation_id, member.person_id)
    assert (await browser.get("/console")).status == 403
    await events.ask_for_link(events.browser(), owner_address(organisation_id))
    assert await events.sent_token() is None


async def test_an_organisation_keeps_an_owner(events):
    """The last owner cannot be removed, and a stranger is not a member."""
    member = await events.organisation()
    [organisation_id] = member.organisation_ids
    with pytest.raises(LastOwnerError):
        async with events.database.begin() as session:
            await remove_member(session, organisation_id, member.person_id)
    with pytest.raises(NotAMemberError):
        async with events.database.begin() as session:
            await remove_member(session, organisation_id, uuid7())


async def test_members_are_told_by_id_and_contacts_are_sealed(events):
    """Organisations' messages name ids alone; the address is in the sealed contact, and nowhere in the clear."""
    member = await events.organisation("Verein")
    [organisation_id] = member.organisation_ids
    async with events.database.begin() as session:
        person = await add_member(session, events.vault, organisation_id, "Third@demo.example", Role.ORGANISER, "tr")
    told = await events.messages("organisations", organisation_id)
    assert [message["aggregate_version"] for message in told] == [1, 2]
    assert {m["person_id"]: m["role"] for m in told[-1]["members"]} == {
        str(member.person_id): "owner",
        str(person): "organiser",
    }
    [contact] = await events.messages("contacts", person)
    opened = events.vault.open(contact["sealed"], Contact, f"contact:{person}")
    assert (opened.email, opened.language) == ("Third@demo.example", "tr")
    assert "demo.example" not in json.dumps([*told, contact])


@pytest.fixture
async def other_service(events, database_url):
    """A service that knows of members from messages alone."""
    metadata = service_metadata()
    add_member_tables(metadata)
    database = Database(database_url("other"), connections=2)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    app = FastAPI()
    app.state.database, app.state.settings, app.state.pages = database, events.settings, events.app.state.pages
    app.state.service, app.state.clock = "registrations", lambda: events.now

    @app.get("/registrations/console")
    async def console(member: MemberDep) -> dict[str, str]:
        return {"who": member.display_name}

    @app.get("/api/registrations")
    async def api(member: MemberDep) -> dict[str, int]:
        return {"organisations": len(member.organisation_ids)}

    install_problem_handlers(app, events.app.state.pages)
    yield app
    await database.close()


def told(organisation_id: UUID, version: int, *people: UUID) -> OrganisationChanged:
    members = [Membership(person_id=person, role=Role.OWNER) for person in people]
    return OrganisationChanged(
        aggregate_id=organisation_id, aggregate_version=version, name={"de": "Büro", "tr": "Ofis"}, members=members
    )


async def test_the_other_services_know_members_by_the_messages_alone(events, other_service):
    """A member gets in when the message has come and is out when the next one no longer lists them."""
    organisation_id, person = uuid7(), uuid7()
    browser = AsgiClient(other_service, "tr")
    token = sign_token(person, events.settings.token_private_key.get_secret_value(), events.now)
    browser.cookies[TOKEN_COOKIE] = token
    statuses = []
    batches = [
        [],
        [told(organisation_id, 2, person), told(organisation_id, 1)],
        [told(organisation_id, 1)],
        [told(organisation_id, 3, uuid7())],
        [told(organisation_id, 2, person)],
    ]
    for batch in batches:
        async with other_service.state.database.begin() as session:
            await keep_organisations(session, batch)
        statuses.append((await browser.get("/registrations/console")).status)
    assert statuses == [403, 200, 200, 403, 403]
    async with other_service.state.database.read() as session:
        assert await memberships(session, person) == {}


async def test_the_other_services_greet_the_organisation(events, other_service):
    """The header names the organisation in the reader's language, never a person."""
    organisation_id, person = uuid7(), uuid7()
    async with other_service.state.database.begin() as session:
        await keep_organisations(session, [told(organisation_id, 1, person)])
    browser = AsgiClient(other_service, "tr")
    token = sign_token(person, events.settings.token_private_key.get_secret_value(), events.now)
    browser.cookies[TOKEN_COOKIE] = token
    assert (await browser.get("/registrations/console")).json() == {"who": "Ofis"}


async def test_the_other_services_send_people_to_the_sign_in(events, other_service):
    """A page leads to the renewal and back; a program gets 401."""
    browser = AsgiClient(other_service)
    sent_away = await browser.get("/registrations/console?event=1")
    target = urlsplit(sent_away.headers["location"])
    assert (sent_away.status, target.path) == (303, "/sign-in/renew")
    wanted = f"{events.settings.registrations_url}/registrations/console?event=1"
    assert parse_qs(target.query)["next"] == [wanted]
    refused = await browser.get("/api/registrations")
    assert (refused.status, refused.headers["content-type"]) == (401, "application/problem+json")
    foreign = await browser.get("/api/registrations", {"sec-fetch-site": "cross-site"})
    assert foreign.status == 403
