"""Nobody is told twice, nobody is forgotten.

- told: each message that a person must hear of has one row of the ledger, which ended, and which a provider took.
- ledger: a provider never took more than there were attempts, since each is written down before it is made.
- twice: one cause, one delivery; and a second SMS of one delivery only where the provider took the first, its answer
  was lost, and no receipt came for as long as one is waited for (docs/decisions/0010). A mail may come twice under
  one Message-ID, by which its receiver knows it; it is one delivery, too.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from tests.faults.books import Books, Row
from tests.faults.finding import Finding
from tests.faults.history import History

_TEMPLATES = {
    "RegistrationHeld": "confirm-number",
    "RegistrationConfirmed": "confirmation",
    "RegistrationWaitlisted": "waitlist",
    "PlaceOffered": "offer",
    "OfferExpired": "offer-expired",
    "PartyChanged": "party-changed",
}
_CANCELLED = {"person": "cancelled-by-person", "event": "cancelled", "organiser": "cancelled-by-organiser"}
_TOLD = {"confirmed", "waitlisted", "offered"}
_CLOCK = 0.25
"""Seconds by which two clocks of one machine, and a poll, may differ."""


def template_of(message: Row) -> str | None:
    """What a person is told of a message; None if nothing."""
    if message["type"] == "NotificationRequested":
        return str(message["template"])
    if message["type"] == "RegistrationCancelled":
        return _CANCELLED.get(message["by"])
    return _TEMPLATES.get(message["type"])


def check_telling(books: Books) -> Iterator[Finding]:
    """Messages against the ledger, the ledger against phone and mailbox."""
    ledger: dict[str, list[Row]] = defaultdict(list)
    for row in books.rows("notifications", "deliveries"):
        ledger[row["cause_id"]].append(row)
    messages = [*books.log("registrations"), *books.log("notification-requests")]
    to_tell = {m["message_id"]: m for m in messages if template_of(m)}
    for cause, message in to_tell.items():
        yield from _check_cause(message, ledger.get(cause, []))
    texts = {row["id"] for row in books.rows("notifications", "inbound")}
    for cause in ledger.keys() - to_tell.keys() - texts:
        yield Finding("twice", f"a delivery ({ledger[cause][0]['template']}) has no cause that asks for it")
    yield from _check_providers(books)
    yield from _check_same_news(to_tell.values())


def _check_cause(message: Row, rows: list[Row]) -> Iterator[Finding]:
    what = f"{template_of(message)} for {message.get('registration_id') or message['aggregate_id']}"
    if not rows:
        yield Finding("told", f"{what} is not in the ledger")
    if len(rows) > 1:
        yield Finding("twice", f"{what} is in the ledger {len(rows)} times")
    for row in rows:
        if (row["template"], row["person_id"]) != (template_of(message), message.get("person_id")):
            yield Finding("told", f"{what} became {row['template']} for {row['person_id']}")
        if row["state"] not in {"sent", "delivered"} and not _ran_out(row):
            yield Finding("told", f"{what} is {row['state']} ({row['error_code']})")


def _ran_out(row: Row) -> bool:
    """What was of no use any more is not sent."""
    return row["state"] == "expired" and row["expires_at"] is not None and row["expires_at"] <= row["ended_at"]


def _check_providers(books: Books) -> Iterator[Finding]:
    taken: dict[str, list[Row]] = defaultdict(list)
    for one in books.accepted:
        taken[one["key"]].append(one)
    rows = {row["idempotency_key"]: row for row in books.rows("notifications", "deliveries")}
    addresses = {row["person_id"]: row for row in books.rows("notifications", "contacts")}
    for key in taken.keys() - rows.keys():
        yield Finding(
            "ledger", f"the provider took {taken[key][0]['channel']} {key}, of which the ledger knows nothing"
        )
    for key, row in rows.items():
        yield from _check_taken(row, taken.get(key, []), books.sms_unknown_wait)
        contact = addresses.get(row["person_id"], {})
        known = {contact.get("email"), contact.get("phone")}
        if row["person_id"] and any(one["to"] not in known for one in taken.get(key, [])):
            yield Finding("told", f"{row['template']} {key} went to somebody else")


def _check_taken(row: Row, taken: list[Row], wait: float) -> Iterator[Finding]:
    what = f"{row['channel']} {row['template']} {row['id']}"
    if not taken and row["state"] in {"sent", "delivered"}:
        yield Finding("told", f"{what} is {row['state']}, and no provider took it")
    if len(taken) > row["attempts"]:
        yield Finding("ledger", f"{what} was taken {len(taken)} times in {row['attempts']} attempts")
    if row["channel"] == "sms":
        for first, second in itertools.pairwise(taken):
            yield from _check_repetition(what, first, second, wait)


def _check_repetition(what: str, first: Row, second: Row, wait: float) -> Iterator[Finding]:
    apart = second["at"] - first["at"]
    if apart < wait - _CLOCK:
        yield Finding("twice", f"{what} came again after {apart:.2f} s")
    if first["receipt_at"] and first["receipt_at"] < second["at"] - _CLOCK:
        yield Finding("twice", f"{what} came again although its receipt was taken {apart:.2f} s before")


def _check_same_news(messages: Iterable[Row]) -> Iterator[Finding]:
    """Requests that tell one person of one version of one event."""
    news = Counter(
        (m["registration_id"], m["template"], m["data"]["event_version"])
        for m in messages
        if m["type"] == "NotificationRequested" and "event_version" in m["data"]
    )
    for (registration, template, version), count in news.items():
        if count > 1:
            yield Finding("twice", f"registration {registration} was told {count} times of {template} {version}")


def check_reschedules(books: Books, histories: dict[str, History]) -> Iterator[Finding]:
    """Whoever had a place or waited when the event moved, and still does, was told of it or of a later move."""
    told: dict[str, int] = defaultdict(int)
    for message in books.log("notification-requests"):
        if message["template"] == "rescheduled":
            known = told[message["registration_id"]]
            told[message["registration_id"]] = max(known, message["data"]["event_version"])
    for moved in books.log("events"):
        if moved["type"] != "EventRescheduled" or moved["aggregate_id"] not in histories:
            continue
        for party in histories[moved["aggregate_id"]].parties.values():
            was, is_ = party.state_at(moved["occurred_at"]), party.state
            if was in _TOLD and is_ in _TOLD and told[party.id] < moved["aggregate_version"]:
                yield Finding("told", f"registration {party.id} was not told of version {moved['aggregate_version']}")
