"""Texts as they reach the registrations service: whatever they say, one answer, and nothing that nobody asked for."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from shared.contracts.events import Session, Status
from shared.contracts.sms import Sms, SmsReceived
from shared.database.engine import Database
from shared.database.migrations import upgrade
from shared.messaging.consumption import is_transient
from shared.vault import SealBrokenError
from tests.support import registrations as given_registrations
from tests.support.registration_phone import Phone, open_event

VAULT = given_registrations.VAULT


@pytest.fixture(scope="module")
async def database(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    database = Database(url, connections=12)
    yield database
    await database.close()


@pytest.fixture
def phone(database):
    return Phone(database)


SIZES = {
    "{code} ٣": 3,
    "{code} ۳": 3,
    "{code} ३": 3,
    "{code} ３": 3,
    "{code}\n3": 3,
    "{code}\u200b 3": 3,
    "\u202e{code}\u202c 3": 3,
    "🌻 {code} 3 🌻": 3,
    "{code} 03": 3,
    "{code} 3 3": 3,
}


@pytest.mark.parametrize("said", SIZES)
async def test_a_number_in_any_digits_registers_so_many(database, phone, said):
    """Arabic, Persian, Devanagari and full-width digits, with what keyboards put in between."""
    event = await open_event(database)
    assert (await phone.text(said.format(code=event.code)))["type"] == "RegistrationConfirmed"
    assert await phone.state() == ("confirmed", SIZES[said])


@pytest.mark.parametrize(
    "said", ["{code} 0", "{code} -1", "{code} −3", "{code} 1000000000", "{code} ٠", "{code} 3 4", "-{code}-0"]
)
async def test_a_number_that_cannot_be_registers_nobody(database, phone, said):
    """None, less than none, a thousand million, or two: the answer says how many can come."""
    event = await open_event(database)
    assert (await phone.text(said.format(code=event.code)))["template"] == "sms-party-size"
    assert await phone.registration() is None


@pytest.mark.parametrize("said", ["{code} 3 XX", "{code} 3 KLINGONISCH", "XX {code} 3"])
async def test_a_language_that_there_is_not_is_passed_over(database, phone, said):
    """The code and the number count; the answer comes in the language that we know."""
    event = await open_event(database)
    assert (await phone.text(said.format(code=event.code)))["type"] == "RegistrationConfirmed"
    assert (await phone.registration()).language == "de"
    assert await phone.state() == ("confirmed", 3)


@pytest.mark.parametrize("said", ["{one} {two}", "{one} und {two} 2", "JA {one} {two}", "ABSAGEN {one} {two}"])
async def test_two_codes_are_asked_back(database, phone, said):
    """Which of two events is meant is not guessed, whatever else the text says."""
    one, two = [await open_event(database) for _ in range(2)]
    answer = await phone.text(said.format(one=one.code, two=two.code))
    assert answer["template"] in {"sms-not-understood", "sms-nothing-open", "sms-unknown-code"}
    assert await phone.registration() is None


async def test_the_code_of_an_event_that_is_over_is_said_to_be_closed(database, phone):
    """An event of last week takes nobody."""
    week_ago = datetime.now(UTC) - timedelta(days=7)
    session = Session(id=uuid4(), starts_at=week_ago, ends_at=week_ago + timedelta(hours=2))
    event = await open_event(database, sessions=[session])
    answer = await phone.text(event.code)
    assert (answer["template"], answer["data"]["why"]) == ("sms-registration-closed", "closed")


async def test_the_code_of_a_draft_is_unknown(database, phone):
    """A draft never travels: its code is a word like any other until it is published."""
    draft = given_registrations.event(10).model_copy(update={"code": "KDRAFTX"})
    assert (await phone.text(draft.code))["template"] == "sms-unknown-code"
    await given_registrations.publish(database, draft)
    assert (await phone.text(draft.code))["type"] == "RegistrationConfirmed"


async def test_the_code_of_a_cancelled_event_registers_nobody(database, phone):
    """Also where it was cancelled a moment ago, and with every number of people."""
    event = await open_event(database)
    await given_registrations.publish(database, event.model_copy(update={"status": Status.CANCELLED}), 2)
    for said in (event.code, f"{event.code} 2", f"{event.code} 0", f"JA {event.code}"):
        answer = await phone.text(said)
        assert (answer["template"], answer["data"]["why"]) == ("sms-registration-closed", "cancelled")
    assert await phone.registration() is None


WORDS = st.sampled_from(
    ["{code}", "3", "JA", "NEIN", "ABSAGEN", "STATUS", "HILFE", "tr", "🌻", "ሰላም", "Բարեւ", "你好", "?", "\0"]
)
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(WORDS, max_size=8).map(" ".join),
    st.lists(WORDS, max_size=8).map("".join),
    st.text("{}%\\'\";:$<>&|\u202e\u200f\u0000\ufffe", max_size=50),
    st.integers(0, 2_000).map(lambda n: "ü" * n),
)


async def test_any_text_gets_one_answer(database):
    """Whatever is said, in whatever state: exactly one answer, and no number of it can be read anywhere."""
    loop = asyncio.get_running_loop()
    event = await open_event(database, capacity=3)
    phones = [Phone(database) for _ in range(3)]

    async def one(index, said):
        await phones[index].text(said.replace("{code}", event.code))

    @settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(index=st.integers(0, 2), said=TEXTS.filter(lambda words: words.isascii() or "\ud800" not in words))
    def tried(index, said):
        asyncio.run_coroutine_threadsafe(one(index, said), loop).result(30)

    await asyncio.to_thread(tried)


async def test_ten_texts_in_a_second_get_ten_answers(database, phone):
    """One number's texts are dealt with one after the other; each is answered, and one registration comes of them."""
    event = await open_event(database)
    messages = [phone.message(f"{event.code} {n}") for n in (1, 2, 3, 1, 2, 3, 1, 2, 3, 4)]
    answers = await phone.answers(*messages, *messages)
    assert [answer["type"] for answer in answers] == ["RegistrationConfirmed"] + ["PartyChanged"] * 9
    assert await phone.state() == ("confirmed", 4)


async def test_two_hundred_numbers_at_once_never_oversell(database):
    """Twenty places, four workers, two hundred phones, each text twice: twenty confirmed, the others wait in line."""
    event = await open_event(database, capacity=20)
    phones = [Phone(database) for _ in range(200)]
    messages = [phone.message(event.code) for phone in phones]
    consumer = phones[0].consumer
    shares = [[*messages[start::4], *messages[start::4]] for start in range(4)]
    await asyncio.gather(*(consumer.handle(database, share) for share in shares))
    async with database.read() as session:
        query = text("SELECT state, count(*) FROM registrations WHERE event_id = :id GROUP BY state")
        states = {row.state: row.count for row in await session.execute(query, {"id": event.id})}
    assert states == {"confirmed": 20, "waitlisted": 180}


async def handle(database, message):
    """As the worker does: the error of a record that is to be set aside."""
    try:
        await Phone(database).consumer.handle(database, [message])
    except Exception as error:  # noqa: BLE001 - the worker decides by the kind of error
        return error
    return None


SENDERS = ["DHL", "80888", " ", "+", "+49", "+0123", "+" + "1" * 40, "+49151\x0023456789", "0151 2345678", "a@b.c"]


@pytest.mark.parametrize("number", SENDERS)
async def test_a_sender_that_is_no_number_becomes_nobody(database, number):
    """Whoever put it on the topic: no person is made of it, and the record is one to set aside."""
    event = await open_event(database)
    message = Phone(database, number).message(event.code)
    error = await handle(database, message)
    assert error is not None
    assert not is_transient(error)
    async with database.read() as session:
        people = text("SELECT count(*) FROM people WHERE address = :number")
        found = (await session.execute(people, {"number": number.replace("\0", "")})).scalar_one()
    assert found == 0


async def test_a_seal_of_another_message_or_key_is_refused(database, phone):
    """A text is bound to its message: nobody replays it under another id, or with another key."""
    event = await open_event(database)
    message = phone.message(event.code)
    other = phone.message("HILFE")
    for sealed in (
        other.sealed,
        "k1.AAAA",
        "k2." + message.sealed[3:],
        "k1.ü",
        "",
        ".",
        "x" * 100_000,
        message.sealed[:-4],
    ):
        forged = SmsReceived(aggregate_id=message.aggregate_id, aggregate_version=0, sealed=sealed)
        assert isinstance(await handle(database, forged), SealBrokenError)
    assert await phone.registration() is None


async def test_a_sealed_text_that_is_none_is_refused(database, phone):
    """What our own key sealed is looked at as well."""
    message = phone.message("x")
    purpose = f"sms:{message.message_id}"
    for content in (Sms.model_construct(number=None, text="x"), Sms.model_construct(text="x")):
        sealed = VAULT.seal(content, purpose)
        error = await handle(database, message.model_copy(update={"sealed": sealed}))
        assert error is not None
        assert not is_transient(error)
