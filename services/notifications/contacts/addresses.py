"""One spelling for each address, and the keyed hash by which it is found without being read."""

from uuid import UUID

import phonenumbers

from shared.contracts.deliveries import DeliveryChannel
from shared.vault import Vault

_SHORTEST = 8
"""Characters of the shortest number that is no short code: the plus and seven digits."""


def address_key(vault: Vault, channel: DeliveryChannel, address: str) -> UUID:
    """The keyed hash of an address: the same for upper and lower case."""
    return vault.keyed_uuid(address.strip().lower(), channel)


def e164(number: str, region: str) -> str | None:
    """The number in E.164; nothing for what is none, as a short code or a sender's name. `region` is for local ones."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    spelled = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return spelled if phonenumbers.is_possible_number(parsed) and len(spelled) >= _SHORTEST else None
