"""The address of an unsubscribe page: it names an address's keyed hash, with a proof that we made it."""

import hmac
from uuid import UUID

from services.notifications.contacts.addresses import address_key
from shared.contracts.deliveries import DeliveryChannel
from shared.vault import Vault


def unsubscribe_token(vault: Vault, address: str) -> str:
    """48 letters and digits, the same for each mail to the address; nobody can read the address from it."""
    key = address_key(vault, DeliveryChannel.EMAIL, address).hex
    return key + _proof(vault, key)


def address_of_token(vault: Vault, token: str) -> UUID | None:
    """The keyed hash of the address; nothing for a token that we did not make."""
    key, proof = token[:32], token[32:]
    if not hmac.compare_digest(proof.encode(), _proof(vault, key).encode()):
        return None
    return UUID(hex=key)


def _proof(vault: Vault, key: str) -> str:
    return vault.link_token(f"unsubscribe:{key}")
