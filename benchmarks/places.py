"""Events with places in a registrations database, and what a registration for one looks like on the wire."""

from uuid import UUID

from benchmarks.generator import Plan
from shared.contracts.events import EventState
from shared.database.engine import Database
from tests.support.registrations import event, publish
from tests.support.system import System


async def publish_events(url: str, count: int, capacity: int) -> list[EventState]:
    """Events of one pool each, taken over as the consumer does it."""
    database = Database(url)
    events = [event(capacity) for _ in range(count)]
    for state in events:
        await publish(database, state)
    await database.close()
    return events


def body(domain: str) -> str:
    """A registration by e-mail; `domain` keeps the addresses of one measurement apart from another's."""
    return f'{{"email":"person-{{n}}@{domain}.example.org","name":"A","language":"de","party_size":1,"consent":true}}'


def registrations(system: System, events: list[UUID], count: int, domain: str, *, connections: int = 64) -> Plan:
    """Registrations of `count` people, each for the next event of the list."""
    ports = system.ports["registrations"]
    return Plan(
        [
            f"{ports[n % len(ports)]}/registrations/api/events/{event_id}/registrations"
            for n, event_id in enumerate(events)
        ],
        count,
        body(domain),
        connections=connections,
        keyed=True,
    )
