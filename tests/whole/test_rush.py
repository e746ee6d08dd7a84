"""A popular event opens: 1,000 people at once, on the web and by SMS, for fifty places, on all services at work."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import aiohttp
import pytest
from sqlalchemy import text
from uuid6 import uuid7

from services.events.events.commands import create_event
from services.events.events.publishing import publish_event
from services.events.organisations.commands import add_organisation
from services.events.organisations.members import add_member
from services.events.organisations.model import OrganisationKind
from shared.auth.members import Member, memberships
from shared.contracts.organisations import Role
from shared.contracts.registrations import RegistrationConfirmed
from shared.contracts.sms import Sms, SmsReceived
from shared.database.engine import Database
from shared.messaging.producer import Producer
from shared.vault import Vault
from tests.support import events_service
from tests.support import registrations as given
from tests.support.kafka import read_topic
from tests.support.people import until

pytestmark = pytest.mark.timeout(240)

PLACES, ON_THE_WEB, BY_SMS = 50, 700, 300


def vault_of(system):
    names = ("contact_keys", "link_key", "token_public_key")
    keys = {name: system.environment[f"TEILHABE_{name.upper()}"] for name in names}
    return Vault(
        given.settings().model_copy(update={k: type(getattr(given.settings(), k))(v) for k, v in keys.items()})
    )


async def publish_event_with(system, vault, capacity):
    """An event in the events service's own database; returns its id and code."""
    database = Database(system.database("events"), connections=2)
    now = datetime.now(UTC)
    organisation_id = uuid7()
    day = (now + timedelta(days=30)).date().isoformat()
    sessions = [{"starts_at": f"{day}T10:00", "ends_at": f"{day}T12:00"}]
    content = events_service.content(capacity=capacity, sessions=sessions)
    async with database.begin() as session:
        await add_organisation(
            session,
            vault,
            organisation_id=organisation_id,
            kind=OrganisationKind.ASSOCIATION,
            name={"de": "Verein"},
            owner=f"{uuid4().hex}@rush.example",
            language="de",
            now=now,
        )
        person = await add_member(session, vault, organisation_id, f"{uuid4().hex}@rush.example", Role.ORGANISER, "de")
        member = Member(person, await memberships(session, person))
        event_id = await create_event(session, member, organisation_id, content, uuid4(), now)
        await publish_event(session, member, event_id, 1, now)
        row = await session.execute(text("SELECT code FROM events WHERE id = :id"), {"id": event_id})
        code = row.scalar_one()
    await database.close()
    return event_id, code


async def rows(database, statement, **values):
    async with database.read() as session:
        return list(await session.execute(text(statement), values))


async def register_on_the_web(system, event_id):
    """All at once over two api processes; the answers as they came."""
    answers = []
    waiting = iter(range(ON_THE_WEB))

    async def resident(http, number):
        for n in waiting:
            url = f"{system.url('registrations', number % 2)}/registrations/api/events/{event_id}/registrations"
            body = {"email": f"{uuid4().hex}@rush.example", "language": "de", "party_size": 1, "consent": True}
            async with http.post(url, json=body) as answer:
                answers.append((answer.status, await answer.json()))
            assert n >= 0

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(resident(http, n) for n in range(64)))
    return answers


def sms_of(vault, number, words):
    message_id = uuid7()
    return SmsReceived(
        message_id=message_id,
        aggregate_id=vault.keyed_uuid(number, "sms"),
        aggregate_version=0,
        sealed=vault.seal(Sms(number=number, text=words), f"sms:{message_id}"),
    )


async def register_by_sms(own_broker, vault, code):
    producer = Producer(own_broker)
    for message in [sms_of(vault, given.number(), f"{code} TR") for _ in range(BY_SMS)]:
        key = str(message.aggregate_id).encode()
        await producer.send_and_wait(SmsReceived.topic, message.model_dump_json().encode(), key, [])
    await producer.stop()


async def fifty_have_places(registrations, event_id):
    """All are decided, and the others wait."""

    async def everybody():
        found = await rows(registrations, "SELECT state FROM registrations WHERE event_id = :id", id=event_id)
        return found if len(found) == ON_THE_WEB + BY_SMS else None

    states = [row.state for row in await until("1,000 decisions", everybody, 90)]
    assert states.count("confirmed") == PLACES
    assert states.count("waitlisted") == ON_THE_WEB + BY_SMS - PLACES


async def each_answer_is_kept(registrations, event_id, answers):
    """Whoever got a link has a registration, and a link of their own."""
    tokens = {body["link"].rpartition("/")[2] for _, body in answers}
    assert len(tokens) == ON_THE_WEB
    kept = await rows(
        registrations, "SELECT count(*) AS n FROM registrations WHERE event_id = :id AND channel = 'web'", id=event_id
    )
    assert kept[0].n == ON_THE_WEB


async def each_is_told_once(notifications, event_id):
    """All are told, of a place or of the waitlist."""

    async def all_told():
        found = await rows(
            notifications,
            "SELECT registration_id, template FROM deliveries WHERE event_id = :id AND state IN ('sent', 'delivered')",
            id=event_id,
        )
        return found if len(found) >= ON_THE_WEB + BY_SMS else None

    told = await until("1,000 messages", all_told, 90)
    assert len({row.registration_id for row in told}) == len(told) == ON_THE_WEB + BY_SMS
    assert sum(row.template == "confirmation" for row in told) == PLACES


async def never_more_were_in(own_broker, event_id):
    """As the topic tells it: fifty at most, and no version of the counts is missing or there twice."""
    history = [
        json.loads(record.value)["counts"]
        for record in await read_topic(own_broker, RegistrationConfirmed.topic)
        if json.loads(record.value)["aggregate_id"] == str(event_id)
    ]
    assert max(counts["taken"] for counts in history) == PLACES
    assert [counts["version"] for counts in history] == list(range(1, len(history) + 1))


async def the_programme_knows(events):
    """The events service has heard how many places are taken."""

    async def heard():
        found = await rows(events, "SELECT taken FROM places_counts WHERE taken = :n", n=PLACES)
        return bool(found)

    await until("the programme's counts", heard)


async def test_a_thousand_at_once_for_fifty_places(system, own_broker):
    """Fifty get in and nobody else, at no moment more; each answer is kept, and each party is told exactly once."""
    vault = vault_of(system)
    event_id, code = await publish_event_with(system, vault, PLACES)
    registrations = Database(system.database("registrations"), connections=2)
    notifications = Database(system.database("notifications"), connections=2)
    events = Database(system.database("events"), connections=2)
    await until("the event", lambda: rows(registrations, "SELECT 1 FROM events WHERE id = :id", id=event_id))
    answers, _ = await asyncio.gather(register_on_the_web(system, event_id), register_by_sms(own_broker, vault, code))
    assert {status for status, _ in answers} == {201}
    await fifty_have_places(registrations, event_id)
    await each_answer_is_kept(registrations, event_id, answers)
    await each_is_told_once(notifications, event_id)
    await never_more_were_in(own_broker, event_id)
    await the_programme_knows(events)
    for database in (registrations, notifications, events):
        await database.close()
