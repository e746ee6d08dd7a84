"""Registering by SMS, through the consumer, on a real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.events import Status
from shared.contracts.notification_requests import Secret
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.registration_phone import Phone, held_by_web, open_event


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
async def test_an_unknown_code_is_said_and_not_repeated(phone, said):
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
