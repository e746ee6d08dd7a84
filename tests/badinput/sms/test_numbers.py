"""Whom we write to: people's numbers in any country, and nobody who earns by it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.notifications.contacts.addresses import e164, may_be_texted
from services.notifications.deliveries.sending import Sender
from shared.contracts.registrations import RegistrationConfirmed
from tests.support import notifications

PEOPLE = {
    "German mobile": "+4915123456789",
    "German landline, which may read SMS aloud": "+493023125042",
    "Turkey": "+905321234567",
    "Ukraine": "+380501234567",
    "Syria": "+963944567890",
    "Eritrea": "+2917123456",
    "a range that our tables do not know": "+4915412345678",
}
OTHERS = {
    "German premium rate": "+499001234567",
    "American premium rate": "+19005550123",
    "British premium rate": "+449098790000",
    "international premium rate": "+979123456789",
    "shared cost": "+4918012345678",
    "freephone": "+498001234567",
    "a satellite": "+8816123456789",
    "a ship": "+870773111632",
    "a network without a country": "+88213300655",
}
NO_NUMBERS = {
    "a short code": "80888",
    "a directory service": "118118",
    "an emergency": "112",
    "the name of a sender": "DHL",
    "letters that spell a number": "1800FLOWERS",
    "a name with a number in it": "Hotline12345678",
    "another channel": "whatsapp:+4915123456789",
    "an extension": "+4915123456789;ext=5",
    "another notation": "tel:+4915123456789;phone-context=example.org",
    "nothing": "",
    "a plus": "+",
    "a country alone": "+49",
    "too many digits": "+4915123456789012345",
    "very many digits": "+" + "1" * 5_000,
    "NUL": "+49151\x0023456789",
    "half a surrogate": "+4915123456789\ud83d",
    "a line break": "+4915123456789\n",
    "two numbers": "+4915123456789,+4915123456780",
    "another country's": "+266696687",
    "unknown": "anonymous",
}


STORED = {name: number for name, number in (OTHERS | NO_NUMBERS).items() if number and number.isprintable()}
"""What a contract and a table can hold."""


@pytest.mark.parametrize("number", PEOPLE.values(), ids=PEOPLE)
def test_people_in_any_country_are_written_to(number):
    """A number of a country's ordinary ones is taken, also one that our tables do not know yet."""
    assert e164(number, "DE") == number
    assert may_be_texted(number)


@pytest.mark.parametrize("number", OTHERS.values(), ids=OTHERS)
def test_who_earns_by_our_sms_is_not_written_to(number):
    """Premium rates, services, and networks without a country."""
    assert e164(number, "DE") is None
    assert not may_be_texted(number)


@pytest.mark.parametrize("number", NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_what_is_no_number_is_none(number):
    """A short code or a sender's name must not become the number of a stranger."""
    assert not may_be_texted(number)
    assert e164(number, "DE") in {None, "+4915123456789"}
    assert e164(number, "DE") is None or number.strip() == "+4915123456789"


@given(st.one_of(st.text(max_size=30), st.text("+0123456789 ()-./", max_size=30)))
def test_any_text_is_a_number_or_none(typed):
    """Never an error; what comes out is E.164 and comes out of itself."""
    number = e164(typed, "DE")
    assert number is None or (number[0] == "+" and number[1:].isdecimal() and may_be_texted(number))


@pytest.mark.parametrize("number", STORED.values(), ids=STORED)
async def test_a_contact_with_such_a_number_costs_nothing(database, number):
    """However the number got into a contact, no provider is called; the delivery fails with its reason."""
    state, person = notifications.event(), uuid4()
    await notifications.publish_event(database, state)
    await notifications.publish_contact(database, person, phone=number)
    await notifications.hand_in(database, notifications.registered(RegistrationConfirmed, state.id, person))
    fake, providers = notifications.fakes()
    later = datetime.now(UTC) + timedelta(minutes=1)
    while await Sender(database, notifications.VAULT, notifications.settings(), providers, lambda: later).send_sms():
        continue
    assert fake.given == []
    query = text("SELECT state, error_code FROM deliveries WHERE person_id = :person")
    async with database.read() as session:
        assert tuple((await session.execute(query, {"person": person})).one()) == ("failed", "no-sms")
