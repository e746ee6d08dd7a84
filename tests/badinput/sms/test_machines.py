"""Machines that text us: the conversation ends, and people's go on."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from structlog.testing import capture_logs

from services.notifications.deliveries.sending import Sender
from services.notifications.sms import commands
from services.notifications.sms.commands import MOST_PER_DAY, MOST_PER_HOUR, Incoming, Received, receive_sms
from shared.contracts.sms import SmsReceived
from tests.support import notifications as given

SILENT_FOR = "We are out of office."


@pytest.fixture
def now():
    return datetime.now(UTC) + timedelta(minutes=1)


async def receive(database, number, said, now):
    async with database.begin() as session:
        return await receive_sms(session, given.VAULT, Incoming("fake", uuid4().hex, number, said), now)


async def passed_on(database, number):
    query = text("SELECT count(*) FROM outbox WHERE key = :key AND topic = :topic")
    values = {"key": str(given.VAULT.keyed_uuid(number, "sms")), "topic": SmsReceived.topic}
    async with database.read() as session:
        return (await session.execute(query, values)).scalar_one()


async def sent(database, now):
    """What goes out by now."""
    fake, providers = given.fakes()
    while await Sender(database, given.VAULT, given.settings(), providers, lambda: now).send_sms():
        continue
    return fake.given


async def talk(database, number, start, *, seconds, texts):
    """A machine that answers each SMS of ours after some seconds, and gets an answer to each text."""
    at, answered = start, 0
    for count in range(texts):
        result = await receive(database, number, f"{SILENT_FOR} {count}", at)
        if result is not Received.PASSED_ON:
            return answered
        answered += 1
        at += timedelta(seconds=seconds)
    return answered


async def test_two_machines_stop_talking_within_the_hour(database, number, now):
    """A machine that answers each answer gets thirty, then silence; as it only answers, that is the end."""
    assert await talk(database, number, now, seconds=5, texts=1_000) == MOST_PER_HOUR
    assert await passed_on(database, number) == MOST_PER_HOUR


async def test_without_the_limit_they_talk_for_ever(database, number, now, monkeypatch):
    """The negative control."""
    monkeypatch.setattr(commands, "MOST_PER_HOUR", 10**9)
    monkeypatch.setattr(commands, "MOST_PER_DAY", 10**9)
    assert await talk(database, number, now, seconds=5, texts=250) == 250


async def test_a_slow_machine_stops_within_the_day(database, number, now):
    """One that waits three minutes each time stays below the hour's limit, and meets the day's."""
    assert await talk(database, number, now, seconds=180, texts=1_000) == MOST_PER_DAY


async def test_a_machine_that_goes_on_stays_unanswered_until_it_rests(database, number, now):
    """What is beyond the limit counts too: only an hour with fewer texts brings answers back."""
    for second in range(MOST_PER_HOUR + 20):
        await receive(database, number, f"x {second}", now + timedelta(seconds=second))
    soon = now + timedelta(minutes=59)
    assert await receive(database, number, "GARTEN", soon) is Received.TOO_MANY
    rested = now + timedelta(minutes=62)
    assert await receive(database, number, "GARTEN 2", rested) is Received.PASSED_ON


async def test_what_is_beyond_is_counted_and_logged_without_the_number(database, number, now):
    """Operators see that it happens; nobody sees to whom, or what was said."""
    before = REGISTRY.get_sample_value("teilhabe_sms_too_many_total", {"window": "hour"}) or 0
    with capture_logs() as logged:
        for second in range(MOST_PER_HOUR + 2):
            await receive(database, number, f"geheim {second}", now + timedelta(seconds=second))
    assert REGISTRY.get_sample_value("teilhabe_sms_too_many_total", {"window": "hour"}) == before + 2
    assert [entry["event"] for entry in logged] == ["sms.too_many"] * 2
    assert number[3:] not in str(logged)
    assert "geheim" not in str(logged)


async def test_stop_holds_and_is_confirmed_however_much_was_said(database, number, now):
    """STOP beyond the limit stops, with its one answer; START beyond the limit does not undo it."""
    await sent(database, now)
    for second in range(MOST_PER_HOUR + 5):
        await receive(database, number, f"x {second}", now + timedelta(seconds=second))
    soon = now + timedelta(minutes=1)
    assert await receive(database, number, "STOP", soon) is Received.STOPPED
    assert await receive(database, number, "START", soon) is Received.TOO_MANY
    assert await receive(database, number, "STOP STOP", soon) is Received.STOPPED
    assert [sms.number for sms in await sent(database, soon)] == [number]


async def test_stop_and_start_in_turn_get_a_bounded_number_of_answers(database, number, now):
    """The two words that are answered here are under the limit as well."""
    await sent(database, now)
    at = now
    for _ in range(100):
        for word in ("STOP", "START"):
            at += timedelta(seconds=1)
            await receive(database, number, f"{word}", at)
    assert len(await sent(database, at)) <= MOST_PER_HOUR + 1


async def test_ten_different_texts_in_a_second_are_ten(database, number, now):
    """Each honest text of one number is passed on, once, though all come at once."""
    said = [f"GARTEN {n}" for n in range(10)]
    results = await asyncio.gather(*(receive(database, number, words, now) for words in said))
    assert results == [Received.PASSED_ON] * 10
    assert await passed_on(database, number) == 10


async def test_the_same_text_ten_times_in_a_second_is_one(database, number, now):
    """What a provider repeats under other ids, or a thumb, is one text."""
    results = await asyncio.gather(*(receive(database, number, "GARTEN", now) for _ in range(10)))
    assert sorted(results) == [Received.PASSED_ON] + [Received.REPEATED] * 9


async def test_one_machine_silences_nobody_else(database, number, now):
    """The limit is each number's own."""
    await talk(database, number, now, seconds=1, texts=40)
    assert await receive(database, given.number_of(uuid4()), "GARTEN", now) is Received.PASSED_ON
