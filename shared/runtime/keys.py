"""Secrets made on the spot: for a developer's machine, and for an operator's `.env`."""

import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PASSWORDS = ("POSTGRES_PASSWORD", "PASSWORD_EVENTS", "PASSWORD_REGISTRATIONS", "PASSWORD_NOTIFICATIONS")


def new_keys(key_id: str) -> dict[str, str]:
    """The keys that the services share, as environment variables; `key_id` names the key of personal data."""
    pair = Ed25519PrivateKey.generate()
    private = pair.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = pair.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {
        "TEILHABE_CONTACT_KEYS": f"{key_id}:{urlsafe_b64encode(os.urandom(32)).decode()}",
        "TEILHABE_LINK_KEY": secrets.token_urlsafe(32),
        "TEILHABE_TOKEN_PRIVATE_KEY": private.decode(),
        "TEILHABE_TOKEN_PUBLIC_KEY": public.decode(),
    }


def new_passwords() -> dict[str, str]:
    """Passwords for the databases of deploy/compose.yaml, of characters that need no quoting anywhere."""
    return {name: secrets.token_hex(24) for name in _PASSWORDS}


def as_lines(variables: Mapping[str, str]) -> str:
    """Lines of a `.env` file. A JSON text in double quotes is what dotenv and Docker read, line ends included."""
    return "".join(f"{name}={json.dumps(value, ensure_ascii=False)}\n" for name, value in variables.items())
