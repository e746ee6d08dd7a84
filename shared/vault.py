"""Encryption of personal data and secrets in messages and at rest: AES-256-GCM (NIST SP 800-38D)."""

import hmac
import os
import secrets
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel

from shared.settings import Settings

Sealable = TypeVar("Sealable", bound=BaseModel)
_NONCE = 12


class SealBrokenError(Exception):
    """The text was not sealed by us for this purpose, or its key is no longer kept."""


class Vault:
    """Seals and opens. A purpose is bound to each seal, so that one cannot be passed off as another."""

    def __init__(self, settings: Settings) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in settings.contact_key_bytes().items()}
        self._newest = next(iter(self._ciphers))
        self._link_key = settings.link_key.get_secret_value().encode()

    def seal(self, content: BaseModel, purpose: str) -> str:
        """`<key id>.<base64url of nonce and ciphertext>`."""
        nonce = os.urandom(_NONCE)
        plain = content.model_dump_json(exclude_none=True).encode()
        sealed = self._ciphers[self._newest].encrypt(nonce, plain, purpose.encode())
        return f"{self._newest}.{urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, kind: type[Sealable], purpose: str) -> Sealable:
        """What was sealed. Raises SealBrokenError."""
        key_id, _, body = sealed.partition(".")
        try:
            raw = urlsafe_b64decode(body)
            plain = self._ciphers[key_id].decrypt(raw[:_NONCE], raw[_NONCE:], purpose.encode())
        except (KeyError, ValueError, InvalidTag):
            raise SealBrokenError(purpose.partition(":")[0]) from None
        return kind.model_validate_json(plain)

    def keyed_hash(self, text: str, purpose: str) -> bytes:
        """32 bytes from which the text cannot be guessed without the key."""
        return hmac.digest(self._link_key, f"{purpose}\0{text}".encode(), "sha256")

    def keyed_uuid(self, text: str, purpose: str) -> UUID:
        """A stable id for a text that must not travel itself."""
        number = int.from_bytes(self.keyed_hash(text, purpose)[:16])
        # Version 8 and variant bits of RFC 9562 §5.8, which the standard library of Python 3.11 refuses to set.
        return UUID(int=number & ~(0xF << 76 | 0x3 << 62) | 0x8 << 76 | 0x2 << 62)

    def link_token(self, purpose: str) -> str:
        """16 characters (80 bits) that can be made again from the purpose, so that no database keeps them."""
        return b32encode(self.keyed_hash(purpose, "link")[:10]).decode().lower()


def token_hash(token: str) -> bytes:
    """What a database keeps of a token, to find it by."""
    return sha256(token.strip().lower().encode()).digest()


def new_secret() -> str:
    """32 characters (160 bits), a to z and 2 to 7."""
    return b32encode(secrets.token_bytes(20)).decode().lower()
