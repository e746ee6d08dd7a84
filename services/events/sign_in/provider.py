"""The identity provider as it is asked: what it says of itself, its keys, and its answers.

Nothing is asked but the endpoints that its own metadata names on the issuer's host, or on one of `openid_hosts`; no
redirect is followed, and no answer is read beyond 512 KiB.
"""

import json
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from authlib.oidc.discovery import get_well_known_url
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

from services.events.settings import EventsSettings

MOST_BYTES = 512 * 1024
_KEPT_SECONDS = 3600
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_SCHEMES = {"http": 80, "https": 443}


class Failure(StrEnum):
    """Why a sign-in came to nothing, as far as the person is told."""

    AWAY = "away"
    DENIED = "denied"
    LOST = "lost"
    REFUSED = "refused"
    STRANGER = "stranger"
    TAKEN = "taken"
    UNVERIFIED = "unverified"


class OpenIdError(Exception):
    """A sign-in at the provider came to nothing. `reason` is for the log: our own words, nothing that was sent."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason


class Provider:
    """One identity provider. Its metadata and keys are kept for an hour."""

    def __init__(self, settings: EventsSettings) -> None:
        self.issuer = settings.openid_issuer
        own = urlsplit(self.issuer)
        further = (host.strip() for host in settings.openid_hosts.split(",") if host.strip())
        self._places = {_place(f"{own.scheme}://{host}") for host in (own.netloc, *further)}
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def metadata(self) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery 1.0). Raises OpenIdError."""
        if self._metadata is None or self._metadata[0] < time.monotonic():
            found = await self._read(get_well_known_url(self.issuer, external=True), "metadata")
            self._metadata = (time.monotonic() + _KEPT_SECONDS, self._checked(found))
        return self._metadata[1]

    def _checked(self, found: dict[str, Any]) -> dict[str, Any]:
        if found.get("issuer") != self.issuer:
            raise OpenIdError(Failure.REFUSED, "metadata of another issuer")
        for name in _NEEDED:
            self.endpoint(found, name)
        methods = found.get("code_challenge_methods_supported", ["S256"])
        if not isinstance(methods, list) or "S256" not in methods:
            raise OpenIdError(Failure.REFUSED, "metadata without S256")
        return found

    def endpoint(self, metadata: Mapping[str, Any], name: str) -> str:
        """The address of an endpoint. Raises OpenIdError where there is none, or one that is not the provider's."""
        url = metadata.get(name)
        if not isinstance(url, str) or _place(url) not in self._places:
            raise OpenIdError(Failure.REFUSED, f"metadata with a wrong {name}")
        return url

    async def keys(self, *, afresh: bool = False) -> KeySet:
        """The keys that sign; `afresh` where those that are known do not fit. Raises OpenIdError."""
        if afresh or self._keys is None or self._keys[0] < time.monotonic():
            found = await self._read(self.endpoint(await self.metadata(), "jwks_uri"), "keys")
            self._keys = (time.monotonic() + _KEPT_SECONDS, _key_set(found.get("keys")))
        return self._keys[1]

    async def _read(self, url: str, what: str) -> dict[str, Any]:
        status, found = await self.ask("GET", url)
        if status != 200:
            raise OpenIdError(Failure.AWAY, f"no {what}: {status}")
        return found

    async def ask(
        self, method: str, url: str, *, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of an answer; an empty object where it holds none.

        Raises:
            OpenIdError: nobody answers, the server fails, or the answer has no end.
        """
        try:
            async with (
                aiohttp.ClientSession(
                    cookie_jar=aiohttp.DummyCookieJar(), headers={"accept": "application/json"}
                ) as http,
                http.request(method, url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                raw = await _limited(answer)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise OpenIdError(Failure.AWAY, f"no answer: {type(error).__name__}") from None
        if answer.status >= 500:
            raise OpenIdError(Failure.AWAY, f"no answer: {answer.status}")
        return answer.status, _object(raw)


def _key_set(given: Any) -> KeySet:
    """The keys that we can read; others, of a kind that is yet to come, say, are passed over (RFC 7517 §5)."""
    keys = []
    for key in given if isinstance(given, list) else ():
        try:
            keys.append(import_key(key))
        except (JoseError, AttributeError, KeyError, TypeError, ValueError):
            continue
    if not keys:
        raise OpenIdError(Failure.REFUSED, "no keys that can be read")
    return KeySet(keys)


def _place(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; never the place of an address that names a person or none at all."""
    try:
        parts = urlsplit(url)
        port = parts.port or _SCHEMES.get(parts.scheme, 0)
    except ValueError:
        return ("", "", 0)
    host = "" if "@" in parts.netloc else parts.hostname or ""
    return (parts.scheme, host, port) if host and port else (url, "", -1)


async def _limited(answer: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in answer.content.iter_chunked(64 * 1024):
        raw += chunk
        if len(raw) > MOST_BYTES:
            raise OpenIdError(Failure.REFUSED, "an answer without end")
    return bytes(raw)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
