"""Everything that a trial left behind, as plain values: tables, topics, journal, phone and mailbox.

No code of the services is used here or by whoever checks the books, and nothing is decrypted. Ids are texts, times
are seconds since 1970.
"""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.faults.house import House
from tests.faults.journal import Journal

Row = dict[str, Any]

TABLES = {
    "events": (
        "SELECT id, version, state, code FROM events",
        "SELECT id, event_id, capacity FROM places",
        "SELECT * FROM places_counts",
        "SELECT id, name, version FROM organisations",
        "SELECT * FROM members",
        "SELECT id, version FROM people",
    ),
    "registrations": (
        "SELECT id, version, state FROM events",
        "SELECT * FROM places",
        "SELECT * FROM registrations",
        "SELECT id, address, language, version FROM people",
        "SELECT * FROM organisations",
        "SELECT * FROM members",
    ),
    "notifications": (
        "SELECT id, version, state, status FROM events",
        "SELECT person_id, version, language, email, phone FROM contacts",
        "SELECT * FROM deliveries",
        "SELECT * FROM inbound",
        "SELECT * FROM organisations",
        "SELECT * FROM members",
    ),
}
MESSAGING = (
    "SELECT id, message_id, topic, key, value, published_at FROM outbox ORDER BY id",
    "SELECT consumer, message_id FROM inbox",
    "SELECT consumer, waits_for, topic FROM parked",
)
LISTENERS = {
    "teilhabe.events.v1": (("registrations", "registrations-events"), ("notifications", "events")),
    "teilhabe.organisations.v1": (("registrations", "registrations-organisations"), ("notifications", "members")),
    "teilhabe.registrations.v1": (("events", "places-counts"), ("notifications", "deliveries-registrations")),
    "teilhabe.contacts.v1": (("notifications", "contacts"),),
    "teilhabe.notification-requests.v1": (("notifications", "deliveries-requests"),),
    "teilhabe.sms-received.v1": (("registrations", "registrations-sms"),),
    "teilhabe.deliveries.v1": (("registrations", "registrations-deliveries"),),
}
"""Which consumer of which service has to have had each message of a topic."""


class Logged(NamedTuple):
    """A record of a topic, its value read."""

    partition: int
    offset: int
    key: str
    message: Row


@dataclass
class Books:
    """`tables[service][table]` are rows; `topics[name]` records in the order of the log; the rest as it was noted."""

    tables: dict[str, dict[str, list[Row]]]
    topics: dict[str, list[Logged]]
    journal: list[Row] = field(default_factory=list)
    accepted: list[Row] = field(default_factory=list)
    sms_unknown_wait: float = 0.0

    def rows(self, service: str, table: str) -> list[Row]:
        return self.tables[service][table]

    def log(self, stream: str) -> list[Row]:
        """The messages of a stream, each once, where it first stands in the log."""
        first: dict[str, Row] = {}
        for record in self.topics.get(f"teilhabe.{stream}.v1", []):
            first.setdefault(record.message["message_id"], record.message)
        return list(first.values())

    def by_key(self, stream: str) -> dict[str, list[Row]]:
        """The same for each aggregate."""
        found: dict[str, list[Row]] = defaultdict(list)
        for message in self.log(stream):
            found[message["aggregate_id"]].append(message)
        return found


async def read_books(house: House, journal: Journal, sms_unknown_wait: float) -> Books:
    """Read all of it."""
    tables = {service: await read_tables(house, service) for service in TABLES}
    topics = await _read_topics(house.broker.address)
    accepted = [asdict(one) for one in house.provider.accepted]
    return Books(tables, topics, list(journal.entries), accepted, sms_unknown_wait)


async def read_tables(house: House, service: str) -> dict[str, list[Row]]:
    """A service's database at one moment."""
    async with (
        house.connected(service) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        return {
            statement.partition(" FROM ")[2].split()[0]: [_plain(row) for row in await connection.fetch(statement)]
            for statement in (*TABLES[service], *MESSAGING)
        }


def _plain(row: asyncpg.Record) -> Row:
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes) and name == "value":
        return json.loads(value)
    if isinstance(value, str) and name in {"name", "data", "state"} and value.startswith(("{", "[")):
        return json.loads(value)
    return value


async def _read_topics(address: str) -> dict[str, list[Logged]]:
    names = await _topic_names(address)
    consumer = AIOKafkaConsumer(*names, bootstrap_servers=address, auto_offset_reset="earliest", fetch_max_wait_ms=50)
    await consumer.start()
    try:
        return await _read_to(consumer, await consumer.end_offsets(consumer.assignment()))
    finally:
        await consumer.stop()


async def _topic_names(address: str) -> list[str]:
    consumer = AIOKafkaConsumer(bootstrap_servers=address)
    await consumer.start()
    try:
        names = await consumer.topics()
        return sorted(name for name in names if name.startswith("teilhabe.") and "log-epoch" not in name)
    finally:
        await consumer.stop()


async def _read_to(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> dict[str, list[Logged]]:
    found: dict[str, list[Logged]] = defaultdict(list)
    while any([await consumer.position(partition) < end for partition, end in ends.items()]):
        for partition, records in (await consumer.getmany(timeout_ms=300)).items():
            found[partition.topic] += [_logged(record) for record in records if record.value is not None]
    return {name: sorted(records, key=lambda r: (r.partition, r.offset)) for name, records in found.items()}


def _logged(record: Any) -> Logged:
    try:
        message = json.loads(record.value)
    except ValueError:
        message = {"message_id": f"{record.topic}:{record.offset}"}
    if not isinstance(message, dict):
        message = {"message_id": f"{record.topic}:{record.offset}"}
    return Logged(record.partition, record.offset, (record.key or b"").decode(), message)
