"""The short-lived token that says who is signed in: a JWT (RFC 7519) with EdDSA (RFC 8037).

The events service signs it with its private key; every service checks it with `settings.token_public_key`. It names a
person and nothing else: what the person may do stands in each service's own projection of the members.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt.types import Options
from starlette.requests import Request

from shared.settings import Settings
from shared.web.cookies import cookie_name

TOKEN_COOKIE = "teilhabe_token"  # noqa: S105 - a cookie's name
TOKEN_LIFETIME = timedelta(minutes=10)
_ALGORITHM = "EdDSA"
_AUDIENCE = "teilhabe"


@cache
def private_key(pem: str) -> Ed25519PrivateKey:
    """The key that signs. Raises ValueError where the text is no Ed25519 private key in PEM."""
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the key that signs tokens has to be an Ed25519 private key")  # noqa: TRY004 - a setting's error
    return key


@cache
def public_key(pem: str) -> Ed25519PublicKey:
    """The key that checks. Raises ValueError where the text is no Ed25519 public key in PEM."""
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("the key that checks tokens has to be an Ed25519 public key")  # noqa: TRY004 - a setting's error
    return key


def sign_token(person_id: UUID, private_key_pem: str, now: datetime) -> str:
    """A token for the person, good for `TOKEN_LIFETIME` from now."""
    claims = {"sub": str(person_id), "aud": _AUDIENCE, "iat": now, "exp": now + TOKEN_LIFETIME}
    return jwt.encode(claims, private_key(private_key_pem), algorithm=_ALGORITHM)


def check_token(token: str, public_key_pem: str, now: datetime) -> UUID | None:
    """Whom the token names; nobody if it is not ours, or its time is over."""
    options: Options = {"require": ["sub", "aud", "iat", "exp"], "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(
            token, public_key(public_key_pem), algorithms=[_ALGORITHM], audience=_AUDIENCE, options=options
        )
        alive = now < datetime.fromtimestamp(claims["exp"], UTC)
        return UUID(claims["sub"]) if alive else None
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
        return None


def read_token(request: Request, settings: Settings, now: datetime | None = None) -> UUID | None:
    """The person whom the request's cookie names; None if there is none, it is forged, or its time is over."""
    token = request.cookies.get(cookie_name(TOKEN_COOKIE, secure=settings.secure))
    return check_token(token, settings.token_public_key, now or datetime.now(UTC)) if token else None
