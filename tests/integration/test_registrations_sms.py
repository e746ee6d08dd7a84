"""Registering and answering by SMS, through the consumer, on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from services.registrations.conversations.consumers import sms_consumer
from services.registrations.registrations import commands
from services.registrations.registrations.admission import admit
from services.registrations.registrations.waitlist import expire_overdue
from shared.contracts.contacts import Contact
from shared.contracts.events import Status
from shared.contracts.notification_requests import Secret
from shared.contracts.registrations import EndedBy
from shared.contracts.sms import Sms, SmsReceived
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import registrations as given

SILENT = {"ContactChanged", "CapacityChanged"}
LETTERS = str.maketrans("0123456789", "GHJKMNPQRT")


@pytest.fixture(scope="module")
async def database(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
def phone(database):
    return Phone(database)


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


async def open_event(database, capacity=10, **more):
    """An event whose code has letters only, as `new_code` makes its ends."""
    state = given.event(capacity, **more)
    state = state.model_copy(update={"code": "K" + state.code[1:6].translate(LETTERS) + "X"})
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


@pytest.mark.parametrize(
    ("words", "size", "language"),
    [
        ("{code}", 1, "de"),
        ("{lower} 3 tr", 3, "tr"),
        ("TR 3 {code}", 3, "tr"),
        ("{code}3", 3, "de"),
        ("3 {lower}, bitte!", 3, "de"),
        ("Merhaba, {code} 2 kişi Türkçe", 2, "tr"),
        ("{code} ٣ العربية", 3, "ar"),
        ("٢ {lower} عربي", 2, "ar"),
        ("{code} двоє українською", 2, "uk"),
    ],
)
async def test_a_code_registers_in_any_order_and_script(database, phone, words, size, language):
    """The code, with a number of people and a language before or behind it, in words or any script's digits."""
    event = await open_event(database)
    answer = await phone.text(words.format(code=event.code, lower=event.code.lower()))
    assert answer["type"] == "RegistrationConfirmed"
    assert answer["aggregate_id"] == str(event.id)
    row = await phone.registration()
    assert (row.party_size, row.language, row.channel, row.state) == (size, language, "sms", "confirmed")
    assert row.consent.startswith("sms-")


async def test_a_full_event_puts_on_the_waitlist(database, phone):
    """By SMS as on the web, with the position."""
    event = await open_event(database, 1)
    await Phone(database).text(event.code)
    answer = await phone.text(event.code)
    assert (answer["type"], answer["position"]) == ("RegistrationWaitlisted", 1)


@pytest.mark.parametrize("said", ["KRXQX", "xxwqx bitte"])
async def test_an_unknown_code_is_said_and_not_repeated(database, phone, said):
    """The word may be a name, so that it travels nowhere; the sealed number is the one that the answer goes to."""
    answer = await phone.text(said)
    assert answer["template"] == "sms-unknown-code"
    assert said.split()[0].upper() not in str(answer)
    secret = given.VAULT.open(answer["sealed"], Secret, f"request:{answer['aggregate_id']}")
    assert (answer["person_id"], secret.recipient.phone) == (None, phone.number)


@pytest.mark.parametrize("why", ["not-open", "closed", "cancelled"])
async def test_what_cannot_be_registered_for_is_said(database, phone, why):
    """Not yet open, closed, cancelled: one answer that says which, also where the number of people is wrong."""
    now = datetime.now(UTC)
    window = {
        "not-open": {"registration_opens_at": now + timedelta(days=1)},
        "closed": {"registration_closes_at": now - timedelta(days=1)},
        "cancelled": {"status": Status.CANCELLED},
    }
    event = await open_event(database, **window[why])
    for said in (event.code, f"{event.code} 2 TR", f"{event.code} 0"):
        answer = await phone.text(said)
        assert (answer["template"], answer["data"]["why"]) == ("sms-registration-closed", why)
        assert answer["data"]["code"] == event.code
    assert await phone.registration() is None


@pytest.mark.parametrize("size", ["0", "-1", "5", "1000", "99999999999", "2 3", "٠"])
async def test_a_number_of_people_that_cannot_be_is_said_with_the_largest(database, phone, size):
    """None, too many, or two different ones: the answer names how many can come."""
    event = await open_event(database, largest_party=4)
    answer = await phone.text(f"{event.code} {size}")
    assert (answer["template"], answer["data"]["largest"]) == ("sms-party-size", 4)
    assert await phone.registration() is None


async def test_the_same_code_again_is_answered_each_time(database, phone):
    """Three texts in a minute get three answers: the limit against strangers does not hold for the owner."""
    event = await open_event(database)
    await phone.text(event.code)
    for said in (event.code, f"{event.code} 1", event.code):
        answer = await phone.text(said)
        assert (answer["template"], answer["data"]["state"]) == ("already-registered", "confirmed")
    assert await phone.state() == ("confirmed", 1)


async def test_another_number_of_people_changes_the_party(database, phone):
    """Larger and smaller as far as places go; what does not fit is said and changes nothing."""
    event = await open_event(database, 4)
    await phone.text(event.code)
    assert (await phone.text(f"{event.code} 3"))["type"] == "PartyChanged"
    answer = await phone.text(f"{event.code} 9")
    assert (answer["template"], answer["data"]["largest"]) == ("sms-party-size", 4)
    assert (await phone.text(f"{event.code} 0"))["template"] == "sms-party-size"
    assert (await phone.text(f"2 {event.code}"))["type"] == "PartyChanged"
    assert await phone.state() == ("confirmed", 2)


async def test_the_registered_hear_that_they_are_even_when_registration_is_closed(database, phone):
    """Whoever has a place is not told that registration is over."""
    event = await open_event(database)
    await phone.text(event.code)
    closed = event.model_copy(update={"registration_closes_at": datetime.now(UTC) - timedelta(hours=1)})
    await given.publish(database, closed, 2)
    assert (await phone.text(event.code))["template"] == "already-registered"


@pytest.mark.parametrize("said", ["{code}", "JA", "evet", "JA {code}", "نعم"])
async def test_the_owner_confirms_what_was_typed_on_the_web(database, phone, said):
    """The code or a yes confirms a held number, with one answer."""
    event = await open_event(database)
    await held_by_web(database, event, phone.number, 2)
    assert (await phone.text(said.format(code=event.code)))["type"] == "RegistrationConfirmed"
    assert await phone.state() == ("confirmed", 2)


async def test_the_owner_confirms_with_another_number_of_people(database, phone):
    """One message says both: confirmed, and how many."""
    event = await open_event(database, 4)
    await held_by_web(database, event, phone.number, 2)
    answer = await phone.text(f"{event.code} 9")
    assert (answer["template"], answer["data"]["largest"]) == ("sms-party-size", 4)
    answer = await phone.text(f"{event.code} 3")
    assert (answer["type"], answer["party_size"], answer["counts"]["taken"]) == ("RegistrationConfirmed", 3, 3)


async def test_a_held_number_beyond_the_places_waits_as_large_as_its_owner_says(database, phone):
    """A hold without places becomes a wait, with the number of people that the owner names."""
    event = await open_event(database, 1)
    await Phone(database).text(event.code)
    await held_by_web(database, event, phone.number, 2)
    answer = await phone.text(f"{event.code} 3")
    assert (answer["type"], answer["counts"]["waiting"], answer["position"]) == ("RegistrationWaitlisted", 3, 1)


async def test_a_no_ends_what_was_typed_on_the_web(database, phone):
    """The number's owner does not want it: the place is free, and the owner is told."""
    event = await open_event(database)
    await held_by_web(database, event, phone.number)
    answer = await phone.text("Nein danke")
    assert (answer["type"], answer["by"], answer["counts"]["taken"]) == ("RegistrationCancelled", "person", 0)


async def test_a_yes_takes_the_offer_and_a_no_gives_it_back(database, phone):
    """The one open offer is meant."""
    await offered(database, phone)
    assert (await phone.text("JA!"))["type"] == "RegistrationConfirmed"
    other = Phone(database)
    await offered(database, other)
    assert (await other.text("hayır"))["type"] == "RegistrationCancelled"


@pytest.mark.parametrize(("said", "largest"), [("JA 3", 1), ("{code} 2", 1)])
async def test_an_offer_cannot_be_taken_by_more_people_than_it_is_for(database, phone, said, largest):
    """The offer stays, and the answer says how many can come."""
    event = await offered(database, phone)
    answer = await phone.text(said.format(code=event.code))
    assert (answer["template"], answer["data"]["largest"]) == ("sms-party-size", largest)
    assert await phone.state() == ("offered", 1)


async def test_an_offer_can_be_taken_when_registration_is_closed(database, phone):
    """The place was offered, so that it can be taken, with the code too."""
    event = await offered(database, phone)
    closed = event.model_copy(update={"registration_closes_at": datetime.now(UTC) - timedelta(hours=1)})
    await given.publish(database, closed, 2)
    assert (await phone.text(f"ja {event.code}"))["type"] == "RegistrationConfirmed"


@pytest.mark.parametrize("word", ["YES", "NO", "CANCEL"])
async def test_with_several_open_the_codes_are_named_and_one_of_them_is_enough(database, phone, word):
    """Which event is meant is asked once; the word with a code does it."""
    events = [await open_event(database) for _ in range(2)]
    for event in events:
        await held_by_web(database, event, phone.number)
    answer = await phone.text(word)
    assert (answer["template"], answer["data"]["word"]) == ("sms-which-event", word)
    assert answer["data"]["codes"] == [event.code for event in events]
    answer = await phone.text(f"{word} {events[1].code.lower()}")
    assert answer["type"] == ("RegistrationConfirmed" if word == "YES" else "RegistrationCancelled")
    assert answer["aggregate_id"] == str(events[1].id)


@pytest.mark.parametrize("said", ["ja", "nein", "absagen", "STATUS"])
async def test_with_nothing_open_this_is_said(database, phone, said):
    """A number that we never saw has nothing to answer, to cancel or to look at."""
    assert (await phone.text(said))["template"] == "sms-nothing-open"


@pytest.mark.parametrize("said", ["ja", "nein", "JA {code}", "absagen {other}", "STATUS {other}"])
async def test_the_registered_are_not_told_that_they_have_nothing(database, phone, said):
    """Where the word does not fit, the answer is how things stand."""
    event, other = await open_event(database), await open_event(database)
    await phone.text(f"{event.code} 2")
    answer = await phone.text(said.format(code=event.code, other=other.code))
    assert answer["template"] == "sms-status"
    assert answer["data"]["lines"] == [f"{event.code}|confirmed|2|"]


async def test_a_yes_with_a_code_that_comes_too_late_registers_anew(database, phone):
    """The time to answer is over, and the owner still wants to come."""
    event = await open_event(database)
    await held_by_web(database, event, phone.number)
    await expire_overdue(database, given.VAULT, given.RULES, datetime.now(UTC) + timedelta(days=2))
    assert await phone.state() == ("expired", 1)
    assert (await phone.text(f"JA {event.code}"))["type"] == "RegistrationConfirmed"


async def test_status_names_each_registration(database, phone):
    """Code, state, number of people, and until when to answer."""
    waits = await offered(database, phone)
    confirmed = await open_event(database)
    await phone.text(f"{confirmed.code} 2")
    answer = await phone.text("durum")
    first, second = answer["data"]["lines"]
    assert first.startswith(f"{waits.code}|offered|1|2")
    assert second == f"{confirmed.code}|confirmed|2|"
    answer = await phone.text(f"STATUS {confirmed.code}")
    assert answer["data"]["lines"] == [f"{confirmed.code}|confirmed|2|"]


async def test_a_cancelled_registration_can_be_made_again(database, phone):
    """Cancel, and register anew; each is answered."""
    event = await open_event(database)
    await phone.text(event.code)
    assert (await phone.text(f"Absagen {event.code}"))["type"] == "RegistrationCancelled"
    assert (await phone.text(event.code))["type"] == "RegistrationConfirmed"


@pytest.mark.parametrize("said", ["HELP", "Hilfe", "yardım", "مساعدة", "допомога", "?"])
async def test_help_is_answered_in_the_sender_s_language(database, phone, said):
    """In every language; to a known person by id."""
    event = await open_event(database)
    await phone.text(f"{event.code} uk")
    answer = await phone.text(said)
    assert (answer["template"], answer["data"]["language"], answer["sealed"]) == ("sms-help", "uk", None)


async def test_a_language_alone_is_remembered_and_confirmed_in_that_language(database, phone):
    """Of a new number, for its next text, and of a known one, whose contact changes."""
    event = await open_event(database)
    answer = await phone.text("Türkçe")
    assert (answer["template"], answer["data"]["language"]) == ("sms-language-set", "tr")
    assert (await phone.text("xyz xyz xyz"))["data"]["language"] == "tr"
    await phone.text(event.code)
    before = await newest(database)
    assert (await phone.text("العربية"))["data"]["language"] == "ar"
    (contact,) = [m for m in await outbox(database, before) if m["type"] == "ContactChanged"]
    opened = given.VAULT.open(contact["sealed"], Contact, f"contact:{contact['aggregate_id']}")
    assert (opened.language, opened.phone) == ("ar", phone.number)
    assert (await phone.registration()).language == "ar"


async def test_a_stranger_on_the_web_does_not_change_the_owner_s_language(database, phone):
    """The form's language is that of a new number alone."""
    await phone.text(f"{(await open_event(database)).code} tr")
    await held_by_web(database, await open_event(database), phone.number)
    assert (await phone.registration()).language == "tr"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "   ",
        "\n",
        "a" * 2000,
        "wort " * 400,
        "🌻🌻🌻",
        "🌻",
        "a\x00b\x00",
        "\x00",
        "中文短信内容",
        "ሰላም እንዴት ነህ ዛሬ",
        "%s {0} ' ; --",
        "=1+1",
        "\u202e\u2066abc",
        "Guten Tag, wann ist denn das Treffen am Mittwoch?",
        "STOPP?",
        "START",
    ],
)
async def test_rubbish_gets_one_friendly_answer(database, phone, said):
    """Nothing, too much, pictures, other scripts, and what a computer could trip over."""
    answer = await phone.text(said)
    assert answer["template"] in {"sms-not-understood", "sms-unknown-code"}
    assert answer["data"] == {"language": "de"}


async def test_a_text_delivered_twice_is_done_and_answered_once(database, phone):
    """Effectively once (guarantee 3), in one batch or in two."""
    event = await open_event(database)
    message = phone.message(f"{event.code} 2")
    assert len(await phone.answers(message, message)) == 1
    assert await phone.answers(message) == []
    again = phone.message("rubbish")
    assert len(await phone.answers(again)) == 1
    assert await phone.answers(again) == []


async def test_what_ended_between_reading_and_locking_is_answered_too(database, phone, monkeypatch):
    """The offer runs out while its yes is under way: the answer is how things stand, not a dead letter."""
    event = await open_event(database)
    held = await held_by_web(database, event, phone.number)
    find = commands._open

    async def cancelled_first(session, vault, rules, registration_id, now):
        monkeypatch.setattr(commands, "_open", find)
        async with database.begin() as other:
            await commands.cancel(other, vault, rules, held.id, EndedBy.NO_ANSWER, now)
        return await find(session, vault, rules, registration_id, now)

    for said in ("JA", "NEIN", event.code, "ABSAGEN"):
        if said != "JA":
            held = await held_by_web(database, event, phone.number)
        monkeypatch.setattr(commands, "_open", cancelled_first)
        assert (await phone.text(said))["template"] == "sms-nothing-open"
