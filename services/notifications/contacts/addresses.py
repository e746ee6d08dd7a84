"""One spelling for each address, and the keyed hash by which it is found without being read."""

import re
from uuid import UUID

import phonenumbers

from shared.contracts.deliveries import DeliveryChannel
from shared.sms.numbers import is_service
from shared.vault import Vault

_SHORTEST = 8
"""Characters of the shortest number that is no short code: the plus and seven digits."""
_SPELLED = re.compile(r"[(]?[+0][0-9 ()./-]{3,30}", re.ASCII)


def address_key(vault: Vault, channel: DeliveryChannel, address: str) -> UUID:
    """The keyed hash of an address: the same for upper and lower case."""
    return vault.keyed_uuid(address.strip().lower(), channel)


def e164(number: str, region: str) -> str | None:
    """The number in E.164; nothing for what is none, or may not be texted to. `region` is for local ones.

    A number begins with a plus, or with a zero where it is local: digits alone are a short code, and letters the name
    of a sender, though both can be read as numbers of strangers.
    """
    if not _SPELLED.fullmatch(number.strip()):
        return None
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    spelled = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    known = phonenumbers.is_possible_number(parsed) and len(spelled) >= _SHORTEST
    return spelled if known and not is_service(parsed) else None


def may_be_texted(number: str) -> bool:
    """Whether we pay for an SMS to this number: it is written in E.164, and belongs to a country's ordinary ones."""
    return e164(number, "ZZ") == number
