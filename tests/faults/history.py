"""The history of each event's places, replayed from the topic `registrations`, message by message."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.faults.books import Books, Row
from tests.faults.finding import Finding

_TAKES = {"RegistrationConfirmed", "PlaceOffered"}
_ENDS = {"RegistrationCancelled", "OfferExpired"}
_STATES = {
    "RegistrationHeld": "held",
    "RegistrationConfirmed": "confirmed",
    "RegistrationWaitlisted": "waitlisted",
    "PlaceOffered": "offered",
    "OfferExpired": "expired",
}


@dataclass
class Party:
    """One registration, as its messages tell of it."""

    id: str
    person_id: str
    size: int
    state: str
    takes: bool
    messages: list[Row] = field(default_factory=list)

    def state_at(self, moment: str) -> str:
        """Where it stood at a moment, in ISO 8601 in UTC; empty if it was not there yet."""
        past = [message for message in self.messages if message["occurred_at"] <= moment]
        return _state_after(past[-1], past) if past else ""


@dataclass
class History:
    """What happened to one event's places."""

    event: str
    parties: dict[str, Party] = field(default_factory=dict)
    capacity: int = 0
    capacities: list[int] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    counts: Row = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def taken(self) -> int:
        return sum(party.size for party in self.parties.values() if party.takes)

    @property
    def waiting(self) -> int:
        waits = (party for party in self.parties.values() if not party.takes)
        return sum(party.size for party in waits if party.state in {"waitlisted", "held"})

    def follow(self, message: Row) -> None:
        """The next message."""
        before = self.taken
        self.versions.append(message["aggregate_version"])
        self.counts = message["counts"]
        if message["type"] == "CapacityChanged":
            self.capacity = self.counts["capacity"]
            self.capacities.append(self.capacity)
        else:
            self._move(message)
        if self.taken > max(before, self.capacity):
            self.find("oversold", message, f"{self.taken} of {self.capacity} places are taken")

    def _move(self, message: Row) -> None:
        party = self.parties.get(message["registration_id"])
        if party is None:
            party = Party(message["registration_id"], message["person_id"], 0, "", takes=False)
            self.parties[party.id] = party
        elif party.state in {"cancelled", "expired"}:
            self.find("history", message, "the registration had ended")
        party.messages.append(message)
        party.size = message["party_size"]
        party.state = _state_after(message, party.messages)
        party.takes = _takes(message)

    def find(self, rule: str, message: Row, what: str) -> None:
        where = f"event {self.event} version {message['aggregate_version']} {message['type']}"
        self.findings.append(Finding(rule, f"{where}: {what}"))


def _state_after(message: Row, messages: list[Row]) -> str:
    if message["type"] == "RegistrationCancelled":
        return "expired" if message["by"] == "no-answer" else "cancelled"
    if message["type"] == "PartyChanged":
        return next((_STATES[m["type"]] for m in reversed(messages) if m["type"] in _STATES), "")
    return _STATES[message["type"]]


def _takes(message: Row) -> bool:
    if message["type"] == "PartyChanged":
        return not message["waits"]
    if message["type"] == "RegistrationHeld":
        return bool(message["holds_places"])
    return message["type"] in _TAKES


def replay_all(books: Books) -> dict[str, History]:
    """The history of each event."""
    return {event: _replay(event, messages) for event, messages in books.by_key("registrations").items()}


def _replay(event: str, messages: list[Row]) -> History:
    history = History(event)
    ordered = sorted(messages, key=lambda message: message["aggregate_version"])
    for number, message in enumerate(ordered):
        history.follow(message)
        following = ordered[number + 1]["type"] if number + 1 < len(ordered) else ""
        if not _is_within_a_wave(message, following):
            _compare(history, message)
    return history


def _is_within_a_wave(message: Row, following: str) -> bool:
    """Offers made together, and the end of a cancelled event, tell the counts as they stand after all of them."""
    together = message["type"] == "PlaceOffered" or message.get("by") == "event"
    return together and following == message["type"]


def _compare(history: History, message: Row) -> None:
    told = (message["counts"]["taken"], message["counts"]["waiting"])
    if told != (history.taken, history.waiting):
        added = f"taken {history.taken}, waiting {history.waiting}"
        history.find("history", message, f"taken {told[0]}, waiting {told[1]} are told, the history adds up to {added}")


def check_history(books: Books, histories: dict[str, History]) -> Iterator[Finding]:
    """The histories themselves, and that the database ends where they end."""
    for history in histories.values():
        yield from history.findings
        if sorted(history.versions) != list(range(1, len(history.versions) + 1)):
            missing = set(range(1, max(history.versions) + 1)) - set(history.versions)
            what = f"versions {sorted(missing)[:5]} are missing" if missing else "a version stands there twice"
            yield Finding("history", f"event {history.event}: {what}")
    yield from _check_order(books)
    yield from _check_capacities(books, histories)
    yield from _check_pools(books, histories)
    yield from _check_rows(books, histories)


def _check_order(books: Books) -> Iterator[Finding]:
    """The log has each event's messages in their order: where each first stands, also in a log that was emptied."""
    for event, messages in books.by_key("registrations").items():
        versions = [message["aggregate_version"] for message in messages]
        late = next((b for a, b in itertools.pairwise(versions) if b < a), None)
        if late is not None:
            yield Finding("order", f"event {event}: version {late} stands behind later ones")


def _check_capacities(books: Books, histories: dict[str, History]) -> Iterator[Finding]:
    """The places had capacities that the organiser set, in that order, and have the last one.

    The topic may be compacted and each message holds the whole state, so that one may have been passed over.
    """
    for event, messages in books.by_key("events").items():
        ordered = sorted(messages, key=lambda message: message["aggregate_version"])
        wanted = [places["capacity"] for message in ordered for places in message["event"]["places"]]
        known = histories[event].capacities if event in histories else []
        left = iter(wanted)
        if wanted[-1:] != known[-1:] or not all(capacity in left for capacity in known):
            yield Finding("history", f"event {event}: capacities {wanted} were set, {known} came about")


def _check_pools(books: Books, histories: dict[str, History]) -> Iterator[Finding]:
    for pool in books.rows("registrations", "places"):
        rows = [row for row in books.rows("registrations", "registrations") if row["places_id"] == pool["id"]]
        taken = sum(row["party_size"] for row in rows if row["holds_places"])
        if taken != pool["taken"]:
            yield Finding("oversold", f"event {pool['event_id']}: {taken} hold places, the pool counts {pool['taken']}")
        if taken > pool["capacity"] + pool["excess"]:
            yield Finding("oversold", f"event {pool['event_id']}: {taken} of {pool['capacity']} places are taken")
        history = histories.get(pool["event_id"])
        if history is None or history.counts["version"] != pool["version"]:
            yield Finding("history", f"event {pool['event_id']}: the log ends before version {pool['version']}")


def _check_rows(books: Books, histories: dict[str, History]) -> Iterator[Finding]:
    """Each registration's row is where its history ends."""
    rows = {row["id"]: row for row in books.rows("registrations", "registrations")}
    parties = {id_: party for history in histories.values() for id_, party in history.parties.items()}
    for missing in rows.keys() ^ parties.keys():
        where = "the log" if missing in rows else "the database"
        yield Finding("existence", f"registration {missing} is not in {where}")
    for id_ in rows.keys() & parties.keys():
        row, party = rows[id_], parties[id_]
        there = (row["state"], row["party_size"], row["holds_places"])
        told = (party.state, party.size, party.takes)
        if there != told:
            yield Finding("history", f"registration {id_} is {there}, its history says {told}")
