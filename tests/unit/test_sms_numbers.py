"""Which numbers an SMS goes to, at the web form as at the sending."""

import phonenumbers
import pytest
from pydantic_core import PydanticCustomError

from services.registrations.registrations.wishes import phone_number
from shared.sms.numbers import is_service

SERVICES = ["+499001234567", "+19005550123", "+4918012345678", "+498001234567", "+8816123456789", "+870773111632"]
PEOPLE = ["+4915123456789", "+905321234567", "+380501234567", "+963944567890"]


@pytest.mark.parametrize("number", SERVICES)
def test_services_and_satellites_are_refused_at_the_form(number):
    """The person is told at once, and not left without the SMS that is never sent."""
    assert is_service(phonenumbers.parse(number))
    with pytest.raises(PydanticCustomError):
        phone_number(number, "DE")


@pytest.mark.parametrize("number", PEOPLE)
def test_people_in_any_country_are_taken(number):
    """A mobile number abroad is a person's like any other."""
    assert phone_number(number, "DE") == number


def test_a_landline_is_refused_at_the_form_with_the_reason():
    """Few landlines read an SMS aloud, and the form cannot know which."""
    with pytest.raises(PydanticCustomError) as refused:
        phone_number("030 23125042", "DE")
    assert refused.value.type == "no-sms"
