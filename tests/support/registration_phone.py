"""A resident's phone: it texts to the registrations service through its consumer, and sees what is answered."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import text

from services.registrations.conversations.consumers import sms_consumer
from services.registrations.registrations.admission import admit
from shared.contracts.sms import Sms, SmsReceived
from shared.sms.codes import LONGEST_CODE
from tests.support import registrations as given

SILENT = {"ContactChanged", "CapacityChanged"}

LETTERS = str.maketrans("0123456789", "GHJKMNPQRT")


class Phone:
    """Somebody's mobile phone."""

    def __init__(self, database, number=None):
        self.database = database
        self.number = number or given.number()
        self.consumer = sms_consumer(given.VAULT, given.RULES, given.settings())

    def message(self, said):
        key = given.VAULT.keyed_uuid(self.number, "sms")
        message = SmsReceived(aggregate_id=key, aggregate_version=0, sealed="")
        sealed = given.VAULT.seal(Sms(number=self.number, text=said), f"sms:{message.message_id}")
        return message.model_copy(update={"sealed": sealed})

    async def text(self, said):
        """Send a text; returns its one answer. Nothing of number and text is readable in what it caused."""
        (answer,) = await self.answers(self.message(said))
        return answer

    async def answers(self, *messages):
        """What notifications answers of all that these texts caused."""
        before = await newest(self.database)
        await self.consumer.handle(self.database, list(messages))
        caused = await outbox(self.database, before)
        for message in caused:
            readable = {name: value for name, value in message.items() if name != "sealed"}
            assert self.number[4:] not in str(readable)
        return [message for message in caused if message["type"] not in SILENT and is_for_people(message)]

    async def registration(self):
        async with self.database.read() as session:
            rows = await session.execute(
                text(
                    "SELECT r.*, p.language FROM registrations r JOIN people p ON p.id = r.person_id"
                    " WHERE p.address = :number ORDER BY r.created_at DESC LIMIT 1"
                ),
                {"number": self.number},
            )
            return rows.one_or_none()

    async def state(self):
        row = await self.registration()
        return row and (row.state, row.party_size)


def is_for_people(message):
    return not (message["type"] == "RegistrationCancelled" and message["by"] == "no-answer")


async def newest(database):
    async with database.read() as session:
        return (await session.execute(text("SELECT coalesce(max(id), 0) FROM outbox"))).scalar_one()


async def outbox(database, after=0):
    async with database.read() as session:
        rows = await session.execute(
            text("SELECT convert_from(value, 'UTF8')::jsonb FROM outbox WHERE id > :after ORDER BY id"),
            {"after": after},
        )
        return list(rows.scalars())


def letters() -> str:
    """A code of letters only. Seven characters gave two events of one run the same."""
    return "K" + uuid4().hex[: LONGEST_CODE - 2].upper().translate(LETTERS) + "X"


async def open_event(database, capacity=10, **more):
    """An event whose code has letters only."""
    state = given.event(capacity, **more)
    state = state.model_copy(update={"code": letters()})
    await given.publish(database, state)
    return state


async def held_by_web(database, event, number, size=1):
    """Somebody typed the number on the web."""
    async with database.begin() as session:
        wish = given.wish(number, size, ask_owner=True)
        wish = replace(wish, address=wish.address._replace(by_owner=False))
        (decision,) = await admit(session, given.VAULT, given.RULES, event.places[0].id, [wish], datetime.now(UTC))
        return decision


async def offered(database, phone, **more):
    """The phone waits for an event of one place, which becomes free: the event."""
    event = await open_event(database, 1, **more)
    first = Phone(database)
    await first.text(event.code)
    assert (await phone.text(event.code))["type"] == "RegistrationWaitlisted"
    assert [message["type"] for message in await first.answers(first.message("absagen"))] == [
        "RegistrationCancelled",
        "PlaceOffered",
    ]
    return event
