"""Copies equal their source, and nothing is left lying about."""

from collections.abc import Iterator
from typing import Any

from tests.faults.books import LISTENERS, Books, Row
from tests.faults.finding import Finding

_OUTBOXES = ("events", "registrations", "notifications")


def check_projections(books: Books) -> Iterator[Finding]:
    """What a service keeps of another's things is what the other has."""
    yield from _check_events(books)
    yield from _check_organisations(books)
    places = {row["id"]: row for row in books.rows("registrations", "places")}
    capacities = {row["id"]: row["capacity"] for row in _of_public(books)}
    pools = {id_: row["capacity"] for id_, row in places.items()}
    yield from _compare("the places of registrations", capacities, pools)
    counted = ("taken", "waiting", "version")
    source = {id_: [row[name] for name in counted] for id_, row in places.items()}
    copy = {row["places_id"]: [row[name] for name in counted] for row in books.rows("events", "places_counts")}
    yield from _compare("the counts of the programme", source, copy)
    yield from _check_contacts(books)


def _of_public(books: Books) -> list[Row]:
    public = {row["id"] for row in books.rows("events", "events") if row["state"] != "draft"}
    return [row for row in books.rows("events", "places") if row["event_id"] in public]


def _check_events(books: Books) -> Iterator[Finding]:
    source = {row["id"]: row["version"] for row in books.rows("events", "events") if row["state"] != "draft"}
    newest: dict[str, Row] = {}
    for message in books.log("events"):
        known = newest.get(message["aggregate_id"])
        if known is None or known["aggregate_version"] < message["aggregate_version"]:
            newest[message["aggregate_id"]] = message
    versions = {id_: message["aggregate_version"] for id_, message in newest.items()}
    yield from _compare("the topic events", source, versions)
    states = {id_: (versions[id_], message["event"]) for id_, message in newest.items()}
    for service in ("registrations", "notifications"):
        copy = {row["id"]: (row["version"], row["state"]) for row in books.rows(service, "events")}
        yield from _compare(f"the events of {service}", states, copy)


def _check_organisations(books: Books) -> Iterator[Finding]:
    def members(service: str) -> dict[tuple[str, str], str]:
        return {(row["organisation_id"], row["person_id"]): row["role"] for row in books.rows(service, "members")}

    def organisations(service: str) -> dict[str, Any]:
        return {row["id"]: (row["name"], row["version"]) for row in books.rows(service, "organisations")}

    for service in ("registrations", "notifications"):
        yield from _compare(f"the members of {service}", members("events"), members(service))
        yield from _compare(f"the organisations of {service}", organisations("events"), organisations(service))


def _check_contacts(books: Books) -> Iterator[Finding]:
    """Versions of all, addresses and languages of those who registered."""
    people = books.rows("registrations", "people")
    contacts = books.rows("notifications", "contacts")
    source = {row["id"]: row["version"] for row in (*people, *books.rows("events", "people"))}
    yield from _compare("the contacts", source, {row["person_id"]: row["version"] for row in contacts})
    addresses = {row["id"]: (row["address"], row["language"]) for row in people}
    copy = {row["person_id"]: (row["email"] or row["phone"], row["language"]) for row in contacts}
    known = {id_: copy[id_] for id_ in addresses.keys() & copy.keys()}
    yield from _compare("the addresses", {id_: addresses[id_] for id_ in known}, known)


def _compare(what: str, source: dict[Any, Any], copy: dict[Any, Any]) -> Iterator[Finding]:
    for key in sorted(source.keys() | copy.keys(), key=str):
        if key not in copy:
            yield Finding("projection", f"{what} lack {key}")
        elif key not in source:
            yield Finding("projection", f"{what} have {key}, which is nowhere else")
        elif source[key] != copy[key]:
            yield Finding("projection", f"{what} are behind for {key}: {_short(copy[key])}, not {_short(source[key])}")


def _short(value: Any) -> str:
    return str(value)[:60]


def check_leftovers(books: Books) -> Iterator[Finding]:
    """Nothing parked, unsent, unheard or set aside; no delivery open."""
    for service in _OUTBOXES:
        for row in books.rows(service, "parked"):
            yield Finding("left-over", f"{service}: {row['consumer']} waits for {row['waits_for']}")
        unsent = [row for row in books.rows(service, "outbox") if row["published_at"] is None]
        if unsent:
            yield Finding("left-over", f"{service}: {len(unsent)} messages are unsent")
    for name, records in books.topics.items():
        for record in records if name.endswith(".dlq") else ():
            yield Finding("dead-letter", f"{name}: {record.message.get('type')} {record.message['message_id']}")
    yield from _check_inboxes(books)


def _check_inboxes(books: Books) -> Iterator[Finding]:
    said: dict[str, set[str]] = {topic: set() for topic in LISTENERS}
    for service in _OUTBOXES:
        for row in books.rows(service, "outbox"):
            said.get(row["topic"], set()).add(row["message_id"])
    for topic, listeners in LISTENERS.items():
        for service, consumer in listeners:
            heard = {row["message_id"] for row in books.rows(service, "inbox") if row["consumer"] == consumer}
            if missing := said[topic] - heard:
                yield Finding("left-over", f"{service}: {consumer} has not had {len(missing)} messages")


def check_log(books: Books) -> Iterator[Finding]:
    """Every message that a service wrote down is in its topic, and nothing is there that none wrote."""
    written: dict[str, set[str]] = {topic: set() for topic in LISTENERS}
    for service in _OUTBOXES:
        for row in books.rows(service, "outbox"):
            written.get(row["topic"], set()).add(row["message_id"])
    for topic, ids in written.items():
        logged = {record.message["message_id"] for record in books.topics.get(topic, [])}
        for missing in sorted(ids - logged):
            yield Finding("lost", f"{topic} lacks message {missing}")
        for foreign in sorted(logged - ids):
            yield Finding("lost", f"{topic} has message {foreign}, which no outbox knows")
