"""Books that balance, small enough to be read, for the checker's own tests to falsify.

One event of four places was published, enlarged and moved. A resident registered on the web and changed the party; one
registered by SMS; one waits, is offered a place and lets it go by. All were told.
"""

from typing import Any

from tests.faults.books import LISTENERS, TABLES, Books, Logged, Row

EVENT, PLACES = "event", "places"
BY_WEB, BY_SMS, TOO_LATE = "r-web", "r-sms", "r-late"
KEY, NUMBER, NUMBER_KEY, TEXT = "key", "+4915111", "number-key", "text"
SERVICES = ("events", "registrations", "notifications")


class SmallBooks:
    """Fills in books the way the services would."""

    def __init__(self) -> None:
        tables: dict[str, dict[str, list[Row]]] = {
            service: {statement.partition(" FROM ")[2].split()[0]: [] for statement in TABLES[service]}
            | {"outbox": [], "inbox": [], "parked": []}
            for service in SERVICES
        }
        self.books = Books(tables, {topic: [] for topic in LISTENERS}, sms_unknown_wait=8.0)
        self._clock = 0

    def say(self, service: str, stream: str, message_type: str, aggregate: str, version: int, **more: Any) -> Row:
        """A message, in its outbox, its topic and its listeners' inboxes."""
        self._clock += 1
        topic, message_id = f"teilhabe.{stream}.v1", more.pop("message_id", f"{stream}-{self._clock}")
        message = {
            "message_id": message_id,
            "type": message_type,
            "aggregate_id": aggregate,
            "aggregate_version": version,
            "occurred_at": f"2027-01-01T00:00:{self._clock:02}Z",
            "causation_id": None,
            **more,
        }
        self.books.topics[topic].append(Logged(0, self._clock, aggregate, message))
        outbox = {"id": self._clock, "message_id": message_id, "topic": topic, "published_at": 1.0}
        self.books.rows(service, "outbox").append(outbox)
        for listener, consumer in LISTENERS[topic]:
            self.books.rows(listener, "inbox").append({"consumer": consumer, "message_id": message_id})
        return message

    def event(self, version: int, capacity: int, message_type: str) -> None:
        """The event at a version, there and in the projections."""
        state = {"id": EVENT, "places": [{"id": PLACES, "capacity": capacity}]}
        self.say("events", "events", message_type, EVENT, version, event=state)
        tables = self.books.tables
        tables["events"]["events"] = [{"id": EVENT, "version": version, "state": "published", "code": "GARTEN"}]
        tables["events"]["places"] = [{"id": PLACES, "event_id": EVENT, "capacity": capacity}]
        for service in SERVICES[1:]:
            tables[service]["events"] = [{"id": EVENT, "version": version, "state": state}]

    def decide(self, version: int, message_type: str, counts: tuple[int, int, int], **more: Any) -> Row:
        """A message about the places; `counts` are capacity, taken, waiting."""
        names = ("capacity", "taken", "waiting")
        pool = dict(zip(names, counts, strict=True)) | {"version": version, "places_id": PLACES}
        self.books.tables["registrations"]["places"] = [pool | {"id": PLACES, "event_id": EVENT, "excess": 0}]
        self.books.tables["events"]["places_counts"] = [pool]
        return self.say("registrations", "registrations", message_type, EVENT, version, counts=pool, **more)

    def tell(self, message: Row, template: str, channel: str = "email") -> None:
        """A delivery of the message, sent."""
        key, person = f"d-{message['message_id']}", message["person_id"]
        row = {
            "id": key,
            "idempotency_key": key,
            "cause_id": message["message_id"],
            "person_id": person,
            "template": template,
            "channel": channel,
            "state": "sent",
            "attempts": 1,
            "error_code": None,
            "expires_at": None,
            "ended_at": 1.0,
        }
        self.books.rows("notifications", "deliveries").append(row)
        contact = next(row for row in self.books.rows("notifications", "contacts") if row["person_id"] == person)
        self.books.accepted.append(
            {"key": key, "channel": channel, "to": contact["email"] or contact["phone"], "at": 1.0, "receipt_at": None}
        )

    def person(self, person: str, address: str) -> None:
        """Somebody, known to both services."""
        by_mail = "@" in address
        contact = {"email": address if by_mail else None, "phone": None if by_mail else address}
        self.books.rows("registrations", "people").append(
            {"id": person, "address": address, "language": "de", "version": 1}
        )
        self.books.rows("notifications", "contacts").append(
            {"person_id": person, "version": 1, "language": "de", **contact}
        )

    def registration(self, id_: str, state: str, size: int, *, holds_places: bool, key: str | None = None) -> None:
        """A row of the registrations."""
        self.books.rows("registrations", "registrations").append(
            {
                "id": id_,
                "event_id": EVENT,
                "places_id": PLACES,
                "state": state,
                "party_size": size,
                "holds_places": holds_places,
                "request_key": key,
            }
        )

    def note(self, what: str, **facts: Any) -> None:
        """A line of the journal."""
        self.books.journal.append({"what": what, "event": EVENT, **facts})


def party(registration: str, size: int, **more: Any) -> Row:
    """What the messages of a registration have in common."""
    return {"registration_id": registration, "person_id": f"p-{registration}", "party_size": size, **more}


def balanced() -> SmallBooks:
    """The story above."""
    small = SmallBooks()
    for registration, address in ((BY_WEB, "a@faults.example"), (BY_SMS, NUMBER), (TOO_LATE, "c@faults.example")):
        small.person(f"p-{registration}", address)
    small.event(1, 3, "EventPublished")
    small.note("published", version=1, capacity=3)
    small.decide(1, "CapacityChanged", (3, 0, 0))
    small.tell(small.decide(2, "RegistrationConfirmed", (3, 1, 0), **party(BY_WEB, 1)), "confirmation")
    small.note("registered", key=KEY, party=1, result="confirmed", retried=False)
    small.tell(
        small.decide(3, "PartyChanged", (3, 2, 0), **party(BY_WEB, 2, waits=False, previous_size=1)), "party-changed"
    )
    small.note("party", key=KEY, size=2)
    _text(small)
    small.tell(small.decide(5, "RegistrationWaitlisted", (3, 3, 1), **party(TOO_LATE, 1, position=1)), "waitlist")
    small.event(2, 4, "EventChanged")
    small.note("capacity", version=2, capacity=4)
    small.decide(6, "CapacityChanged", (4, 3, 1))
    small.tell(small.decide(7, "PlaceOffered", (4, 4, 0), **party(TOO_LATE, 1)), "offer")
    small.tell(small.decide(8, "OfferExpired", (4, 3, 0), **party(TOO_LATE, 1)), "offer-expired")
    _move(small)
    small.registration(BY_WEB, "confirmed", 2, holds_places=True, key=KEY)
    small.registration(BY_SMS, "confirmed", 1, holds_places=True)
    small.registration(TOO_LATE, "expired", 1, holds_places=False)
    return small


def _text(small: SmallBooks) -> None:
    small.say("notifications", "sms-received", "SmsReceived", NUMBER_KEY, 0, message_id=TEXT)
    row = {"id": TEXT, "provider_id": "sid", "number_key": NUMBER_KEY, "repeats": None}
    small.books.rows("notifications", "inbound").append(row)
    small.note("texted", number=NUMBER, sid="sid", meaning="register")
    answer = small.decide(4, "RegistrationConfirmed", (3, 3, 0), **party(BY_SMS, 1, causation_id=TEXT))
    small.tell(answer, "confirmation", "sms")


def _move(small: SmallBooks) -> None:
    small.event(3, 4, "EventRescheduled")
    small.note("rescheduled", version=3)
    for registration, channel in ((BY_WEB, "email"), (BY_SMS, "sms")):
        data = {"event_version": 3}
        request = small.say(
            "registrations",
            "notification-requests",
            "NotificationRequested",
            registration,
            0,
            template="rescheduled",
            data=data,
            registration_id=registration,
            person_id=f"p-{registration}",
        )
        small.tell(request, "rescheduled", channel)
