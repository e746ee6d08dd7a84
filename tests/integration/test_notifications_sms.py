"""Texts that come in: stored first, counted once, and STOP means stop."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.notifications.deliveries.sending import Sender
from services.notifications.sms.commands import Incoming, Received, receive_sms
from shared.contracts.registrations import RegistrationConfirmed
from shared.contracts.sms import Sms, SmsReceived
from shared.database.engine import Database
from shared.database.migrations import upgrade
from shared.sms.keywords import Intent, word_for
from tests.support import notifications as given

FIVE = ("de", "en", "tr", "ar", "uk")


@pytest.fixture(scope="module")
async def database(database_url):
    url = database_url("notifications")
    await asyncio.to_thread(upgrade, "notifications", url)
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
def now():
    return datetime.now(UTC) + timedelta(minutes=1)


@pytest.fixture
def number():
    """A number that no other test has."""
    return given.number_of(uuid4())


async def receive(database, number, said, now, provider_id=None):
    incoming = Incoming("fake", provider_id or uuid4().hex, number, said)
    async with database.begin() as session:
        return await receive_sms(session, given.VAULT, incoming, now)


async def passed_on(database, number):
    """The texts that went to the topic, opened."""
    key = str(given.VAULT.keyed_uuid(number, "sms"))
    async with database.read() as session:
        values = await session.execute(
            text("SELECT value FROM outbox WHERE key = :key AND topic = :topic ORDER BY id"),
            {"key": key, "topic": SmsReceived.topic},
        )
        messages = [SmsReceived.model_validate_json(value) for value in values.scalars()]
    return [given.VAULT.open(m.sealed, Sms, f"sms:{m.message_id}") for m in messages]


async def answers(database, number, now):
    """What was sent to the number by now."""
    fake, providers = given.fakes()
    sender = Sender(database, given.VAULT, given.settings(), providers, lambda: now)
    while await sender.send_sms():
        continue
    return [sms.text for sms in fake.given if sms.number == number]


async def test_text_goes_on_sealed_with_its_number(database, number, now):
    """What somebody texts travels encrypted, keyed by a hash from which nobody reads the number."""
    assert await receive(database, number, "GARTEN 3 TR", now) is Received.PASSED_ON
    assert await passed_on(database, number) == [Sms(number=number, text="GARTEN 3 TR")]
    async with database.read() as session:
        stored = await session.execute(text("SELECT convert_from(value, 'UTF8') FROM outbox"))
        inbound = await session.execute(text("SELECT i::text FROM inbound i"))
        everything = "".join([*stored.scalars(), *inbound.scalars()])
    assert number not in everything
    assert "GARTEN" not in everything


async def test_same_call_of_a_provider_twice_is_one_text(database, number, now):
    """A webhook that is repeated under its own id changes nothing, even a day later."""
    await receive(database, number, "JA", now, "SM1" + number)
    assert await receive(database, number, "JA", now + timedelta(days=1), "SM1" + number) is Received.REPEATED
    assert len(await passed_on(database, number)) == 1


async def test_same_call_twice_at_once_is_one_text(database, number, now):
    """Two of the provider's calls that race store one text."""
    results = await asyncio.gather(*(receive(database, number, "JA", now, "SM2" + number) for _ in range(8)))
    assert sorted(results).count(Received.PASSED_ON) == 1
    assert len(await passed_on(database, number)) == 1


async def test_same_text_under_another_id_within_a_minute_is_a_repetition(database, number, now):
    """A provider that repeats a text under a new id does not make two of it."""
    await receive(database, number, "GARTEN", now)
    assert await receive(database, number, "GARTEN", now + timedelta(seconds=59)) is Received.REPEATED
    assert await receive(database, number, "GARTEN", now + timedelta(seconds=61)) is Received.PASSED_ON
    assert len(await passed_on(database, number)) == 2


async def test_two_honest_answers_count_as_two(database, now):
    """JA, our next question, JA: the second is an answer too, for we had written in between."""
    state = given.event()
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database)
    number = given.number_of(person_id)
    await receive(database, number, "JA", now)
    await given.hand_in(database, given.registered(RegistrationConfirmed, state.id, person_id))
    assert len(await answers(database, number, now + timedelta(seconds=5))) == 1
    assert await receive(database, number, "JA", now + timedelta(seconds=10)) is Received.PASSED_ON
    assert len(await passed_on(database, number)) == 2


@pytest.mark.parametrize("language", FIVE)
async def test_stop_and_start_in_each_language(database, number, now, language):
    """STOP in any language ends everything with one answer that names the way back; START brings it back."""
    stop, start = word_for(Intent.STOP, language), word_for(Intent.START, language)
    await given.publish_contact(database, language=language, phone=number)
    assert await receive(database, number, f"{stop}!", now) is Received.STOPPED
    told = await answers(database, number, now)
    assert len(told) == 1
    assert start in told[0]
    assert await receive(database, number, f"{stop} {stop}", now + timedelta(hours=1)) is Received.STOPPED
    assert await answers(database, number, now + timedelta(hours=1)) == []
    assert await receive(database, number, start, now + timedelta(hours=2)) is Received.STARTED
    told = await answers(database, number, now + timedelta(hours=2))
    assert len(told) == 1
    assert stop in told[0]
    assert await passed_on(database, number) == []
    assert await receive(database, number, "GARTEN", now + timedelta(hours=3)) is Received.PASSED_ON


async def test_no_later_message_undoes_stop_silently(database, now):
    """After STOP a new registration, and a new contact, bring nothing to the phone."""
    state = given.event()
    await given.publish_event(database, state)
    person_id = await given.publish_contact(database)
    number = given.number_of(person_id)
    await receive(database, number, "STOP, danke", now)
    await answers(database, number, now)
    await given.publish_contact(database, person_id, version=2, phone=number)
    await given.hand_in(database, given.registered(RegistrationConfirmed, state.id, person_id))
    assert await answers(database, number, now) == []


async def test_who_stopped_is_reminded_once_a_day_and_not_passed_on(database, number, now):
    """While stopped, a text is not read; that this is so is said at most once in 24 hours."""
    await receive(database, number, "STOP", now)
    await answers(database, number, now)
    told = []
    for hours in (1, 2, 23, 26, 27):
        at = now + timedelta(hours=hours)
        assert await receive(database, number, f"GARTEN {hours}", at) is Received.SILENT
        told.append(len(await answers(database, number, at)))
    assert told == [1, 0, 0, 1, 0]
    assert await passed_on(database, number) == []


async def test_rubbish_in_a_text_harms_nobody(database, number, now):
    """NUL, control characters and half surrogates are taken out, and a novel is cut at 2,000 characters."""
    await receive(database, number, "JA\x00\x07\ud83d" + "x" * 5000, now)
    (sms,) = await passed_on(database, number)
    assert sms.text.startswith("JAxxx")
    assert len(sms.text) == 2000


async def test_stop_of_an_unknown_number_is_answered_in_the_language_of_its_word(database, number, now):
    """Somebody whom we do not know says توقف: the answer is Arabic, with the Arabic word to start."""
    await receive(database, number, "توقف", now)
    assert word_for(Intent.START, "ar") in (await answers(database, number, now))[0]
