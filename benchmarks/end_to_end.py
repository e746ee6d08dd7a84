"""From the answer on the web to the SMS at the provider, with all of Teilhabe running and Apache Kafka between.

People register with a phone number, 100 a second, each at its time whether or not others were answered (open loop).
The SMS by which a number's owner is asked counts as handed over when the provider is called: the development phone
writes down that moment. The generator writes down when it had the whole answer. Both read the same clock.
"""

from asyncio import sleep
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import UUID

from benchmarks.generator import Plan
from benchmarks.stand import BenchmarkError, Stand, connected, percentile
from services.events.events.commands import create_event
from services.events.events.publishing import publish_event
from services.events.organisations.commands import add_organisation
from services.events.organisations.members import add_member
from services.events.organisations.model import OrganisationKind
from shared.auth.members import Member, memberships
from shared.contracts.organisations import Role
from shared.database.engine import Database
from shared.vault import Vault
from tests.support.events_service import content
from tests.support.system import SERVICES

RATE = 100.0
EVENTS = 20
_SECONDS = 30
_WARM_UP = 5
_ARRIVED_WITHIN = 30.0
_OWNER = "beratung@example.org"
_NUMBER = "+491512{n}"
_SENT = "SELECT number, extract(epoch FROM created_at)::float8 AS at FROM phone_messages WHERE direction = 'sent'"


async def measure(stand: Stand) -> dict[str, float]:
    """Milliseconds from answer to provider, of the registrations after the first five seconds."""
    async with stand.databases(*SERVICES) as urls:
        with stand.kafka() as kafka, stand.system(urls, apis=dict.fromkeys(SERVICES, 1), kafka=kafka) as system:
            for service in SERVICES:
                system.start(service, "api")
                system.start(service, "worker")
            system.wait_until_ready()
            events = await publish_events(stand, urls["events"], EVENTS)
            await _await_events(urls["registrations"], EVENTS)
            port = system.ports["registrations"][0]
            warm, count = int(RATE * _WARM_UP), int(RATE * _SECONDS)
            outcome = await stand.load(_plan(port, events, warm + (count // 3 if stand.quick else count)))
            handed = await _handed_over(urls["notifications"], len(outcome.answered_at))
    waits = [handed[_number(n)] - at for n, at in enumerate(outcome.answered_at)][warm:]
    return {"end_to_end.p50_ms": percentile(waits, 50) * 1000, "end_to_end.p99_ms": percentile(waits, 99) * 1000}


def _plan(port: int, events: list[UUID], count: int) -> Plan:
    return Plan(
        [f"{port}/registrations/api/events/{event_id}/registrations" for event_id in events],
        count,
        f'{{"phone":"{_NUMBER}","name":"A","language":"de","party_size":1,"consent":true}}',
        rate=RATE,
        keyed=True,
        remember=True,
    )


def _number(n: int) -> str:
    return _NUMBER.replace("{n}", f"{n:07d}")


async def publish_events(stand: Stand, url: str, count: int) -> list[UUID]:
    """Events with 1,000 places each, made and published by their organisation."""
    database, vault, now = Database(url), Vault(stand.events_settings(url)), datetime.now(UTC)
    organisation_id = UUID(int=1)
    async with database.begin() as session:
        await add_organisation(
            session,
            vault,
            organisation_id=organisation_id,
            kind=OrganisationKind.ASSOCIATION,
            name={"de": "Beratungsstelle"},
            owner=_OWNER,
            language="de",
            now=now,
        )
        person_id = await add_member(session, vault, organisation_id, _OWNER, Role.OWNER, "de")
        member = Member(person_id, await memberships(session, person_id))
    made = []
    for number in range(count):
        async with database.begin() as session:
            wanted = content(code="", capacity=1000)
            event_id = await create_event(session, member, organisation_id, wanted, UUID(int=number + 1), now)
            await publish_event(session, member, event_id, 1, now)
        made.append(event_id)
    await database.close()
    return made


async def _await_events(url: str, count: int) -> None:
    async with connected(url) as connection:
        await _until(connection, "SELECT count(*) FROM places", count, "the events did not arrive")


async def _handed_over(url: str, count: int) -> dict[str, float]:
    """The Unix time at which the provider was called, by number. Raises BenchmarkError if one SMS is missing."""
    async with connected(url) as connection:
        await _until(connection, "SELECT count(*) FROM phone_messages", count, "an SMS is missing")
        return {row["number"]: row["at"] for row in await connection.fetch(_SENT)}


async def _until(connection: Any, question: str, expected: int, trouble: str) -> None:
    deadline = monotonic() + _ARRIVED_WITHIN
    while (there := await connection.fetchval(question)) < expected:
        if monotonic() > deadline:
            raise BenchmarkError(f"{trouble}: {there} of {expected}")
        await sleep(0.3)
