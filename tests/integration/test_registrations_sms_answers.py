"""Answering, cancelling and asking by SMS, through the consumer, on a real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.registrations.registrations import commands
from services.registrations.registrations.waitlist import expire_overdue
from shared.contracts.contacts import Contact
from shared.contracts.registrations import EndedBy
from shared.database.engine import Database
from shared.database.migrations import upgrade
from shared.tickets import code_of, ticket_of
from tests.support import registrations as given
from tests.support.registration_pages import registrations
from tests.support.registration_phone import Phone, held_by_web, newest, offered, open_event, outbox


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
async def test_with_nothing_open_this_is_said(phone, said):
    """A number that we never saw has nothing to answer, to cancel or to look at."""
    assert (await phone.text(said))["template"] == "sms-nothing-open"


@pytest.mark.parametrize("said", ["ja", "nein", "JA {code}", "absagen {other}", "STATUS {other}"])
async def test_the_registered_are_not_told_that_they_have_nothing(database, phone, said):
    """Where the word does not fit, the answer is how things stand."""
    event, other = await open_event(database), await open_event(database)
    await phone.text(f"{event.code} 2")
    answer = await phone.text(said.format(code=event.code, other=other.code))
    assert answer["template"] == "sms-status"
    [line] = answer["data"]["lines"]
    assert line.startswith(f"{event.code}|confirmed|2||")


async def test_a_yes_with_a_code_that_comes_too_late_registers_anew(database, phone):
    """The time to answer is over, and the owner still wants to come."""
    event = await open_event(database)
    await held_by_web(database, event, phone.number)
    await expire_overdue(database, given.VAULT, given.RULES, datetime.now(UTC) + timedelta(days=2))
    assert await phone.state() == ("expired", 1)
    assert (await phone.text(f"JA {event.code}"))["type"] == "RegistrationConfirmed"


async def test_status_names_each_registration(database, phone):
    """Code, state, number of people, until when to answer, and for a place the code for the door."""
    waits = await offered(database, phone)
    confirmed = await open_event(database)
    await phone.text(f"{confirmed.code} 2")
    answer = await phone.text("durum")
    first, second = answer["data"]["lines"]
    assert first.startswith(f"{waits.code}|offered|1|2")
    *said, entry = second.split("|")
    assert said == [confirmed.code, "confirmed", "2", "", ""]
    assert entry in {code_of(ticket_of(row.id)) for row in await registrations(database, confirmed)}
    answer = await phone.text(f"STATUS {confirmed.code}")
    assert answer["data"]["lines"] == [second]


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
async def test_rubbish_gets_one_friendly_answer(phone, said):
    """Nothing, too much, pictures, other scripts, and what a computer could trip over."""
    answer = await phone.text(said)
    assert answer["template"] in {"sms-not-understood", "sms-unknown-code"}
    assert set(answer["data"]) == {"language"}


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
