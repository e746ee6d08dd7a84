"""What was answered with success is so, and each text has one answer."""

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.books import Books, Row
from tests.faults.finding import Finding
from tests.faults.history import History, Party

_FIRST = {
    "confirmed": "RegistrationConfirmed",
    "waitlisted": "RegistrationWaitlisted",
    "offered": "RegistrationWaitlisted",
    "held": "RegistrationHeld",
}
_NO_ANSWERS = {"CapacityChanged", "PlaceOffered"}
"""An offer is news of its own, even where the sender's smaller party is what makes it fit."""
_FOR_A_CODE = {"RegistrationConfirmed", "RegistrationWaitlisted"}
_CLOSED = {"sms-registration-closed"}


def check_answers(books: Books, histories: dict[str, History]) -> Iterator[Finding]:
    """Each note of the journal against the history of its registration, or of its event."""
    by_key: dict[str, Row] = {}
    for row in books.rows("registrations", "registrations"):
        by_key[row["request_key"] or row["id"]] = row
    parties = {id_: party for history in histories.values() for id_, party in history.parties.items()}
    for key, notes in _by_key(books.journal).items():
        if key in by_key and by_key[key]["id"] in parties:
            yield from _check_notes(parties[by_key[key]["id"]], by_key[key], notes)
        else:
            yield Finding("existence", f"registration with the key {key} was answered and is not there")
    yield from _check_organisers(books)


def _by_key(journal: list[Row]) -> dict[str, list[Row]]:
    """The notes of each web registration, in their order; the first says that it was registered."""
    found: dict[str, list[Row]] = defaultdict(list)
    for note in journal:
        if note["what"] in {"registered", "accepted", "party", "cancelled"}:
            found[note["key"]].append(note)
    return found


def _check_notes(party: Party, row: Row, notes: list[Row]) -> Iterator[Finding]:
    types = [message["type"] for message in party.messages]
    first = notes[0]
    # Who asked again may have been told of where an earlier try stood by then.
    if not first["retried"] and types[0] != _FIRST[first["result"]]:
        yield Finding("existence", f"registration {party.id} was answered {first['result']} and began as {types[0]}")
    if not first["retried"] and party.messages[0]["party_size"] != first["party"]:
        yield Finding("existence", f"registration {party.id} was answered for {first['party']} people")
    if row["event_id"] != first["event"]:
        yield Finding("existence", f"registration {party.id} is for another event than was answered")
    for note in notes[1:]:
        yield from _check_note(party, types, note)


def _check_note(party: Party, types: list[str], note: Row) -> Iterator[Finding]:
    said = f"registration {party.id}: {note['what']} was answered"
    if note["what"] == "cancelled" and party.state not in {"cancelled", "expired"}:
        yield Finding("existence", f"{said}, and it is {party.state}")
    if note["what"] == "accepted" and "RegistrationConfirmed" not in types:
        yield Finding("existence", f"{said}, and it was never confirmed")
    if note["what"] == "party":
        sizes = [m["party_size"] for m in party.messages if m["type"] == "PartyChanged"]
        if note["size"] not in sizes:
            yield Finding("existence", f"{said} for {note['size']} people, and the sizes were {sizes}")


def _check_organisers(books: Books) -> Iterator[Finding]:
    """Each change of an event that was answered is in the topic, at its version."""
    types = {"rescheduled": "EventRescheduled", "event-cancelled": "EventCancelled", "published": "EventPublished"}
    log = {(m["aggregate_id"], m["aggregate_version"]): m for m in books.log("events")}
    for note in books.journal:
        if note["what"] not in {*types, "capacity"}:
            continue
        message = log.get((note["event"], note["version"]))
        wanted = types.get(note["what"])
        if message is None or (wanted and message["type"] != wanted):
            yield Finding("existence", f"event {note['event']}: {note['what']} at version {note['version']} is gone")
        elif "capacity" in note and message["event"]["places"][0]["capacity"] != note["capacity"]:
            yield Finding("existence", f"event {note['event']}: version {note['version']} has another capacity")


def check_texts(books: Books) -> Iterator[Finding]:
    """Each text that the webhook took has exactly one answer, to its sender."""
    inbound = {row["provider_id"]: row for row in books.rows("notifications", "inbound")}
    people = {row["address"]: row["id"] for row in books.rows("registrations", "people")}
    passed_on = {message["message_id"] for message in books.log("sms-received")}
    caused: dict[str, list[Row]] = defaultdict(list)
    for message in (*books.log("registrations"), *books.log("notification-requests")):
        caused[message["causation_id"] or ""].append(message)
    for note in books.journal:
        if note["what"] != "texted":
            continue
        row = inbound.get(note["sid"])
        if row is None or row["id"] not in passed_on:
            yield Finding("text", f"text {note['sid']} was taken and not passed on")
            continue
        answers = [m for m in caused[row["id"]] if _is_for(m, people.get(note["number"]), row["number_key"])]
        yield from _check_answer(note, row["id"], answers)


def _is_for(message: Row, person: str | None, number_key: str) -> bool:
    if message["type"] in _NO_ANSWERS or message.get("by") == "no-answer":
        return False
    return message.get("person_id") == person if message.get("person_id") else message["aggregate_id"] == number_key


def _check_answer(note: Row, text_id: str, answers: list[Row]) -> Iterator[Finding]:
    said = [answer.get("template") or answer["type"] for answer in answers]
    if len(answers) != 1:
        yield Finding("text", f"text {text_id} ({note['meaning']}) has {len(answers)} answers: {said}")
    elif note["meaning"] == "register" and said[0] not in _FOR_A_CODE | _CLOSED:
        yield Finding("text", f"text {text_id} asked for a place and was answered {said[0]}")
