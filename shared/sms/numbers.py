"""Which phone numbers an SMS goes to."""

from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

_NO_COUNTRY: Final = "001"
_SERVICES: Final = {
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.UAN,
    PhoneNumberType.VOICEMAIL,
    PhoneNumberType.PAGER,
}


def is_service(number: PhoneNumber) -> bool:
    """Whether it is a service that callers pay for, or of a network without a country, as satellites' (ITU-T E.164.1).

    Who makes us write to such a number earns by it.
    """
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return region == _NO_COUNTRY or phonenumbers.number_type(number) in _SERVICES
