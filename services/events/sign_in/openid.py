"""Sign-in at an identity provider: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636), as RFC 9700 asks for it.

Authlib knows the requests and the rules of an ID token, joserfc the signatures. What is told apart here is what the
provider answered; whose sign-in that is stands in `identities`.
"""

import asyncio
import hmac
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry
from pydantic import AwareDatetime, BaseModel

from services.events.events.fields import is_address
from services.events.settings import EventsSettings
from services.events.sign_in.provider import Failure, OpenIdError, Provider

BACK = "/sign-in/openid/back"
LIFETIME = timedelta(minutes=10)
_LEEWAY_SECONDS = 60
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_DENIALS = {"access_denied", "consent_required", "login_required", "interaction_required", "account_selection_required"}
_TROUBLES = {"server_error", "temporarily_unavailable"}
_TOKEN_ERRORS = {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}
_LONGEST_SUBJECT = 255


class Transaction(BaseModel):
    """A sign-in that has begun. The browser keeps it, sealed, until it comes back from the provider."""

    state: str
    nonce: str
    verifier: str
    next_url: str
    begun_at: AwareDatetime


@dataclass(frozen=True)
class Identity:
    """Whom the provider says that somebody is. `address` is there only if the provider has verified it."""

    issuer: str
    subject: str
    address: str | None
    roles: frozenset[str]


class OpenId:
    """The relying party: begins a sign-in, and checks what the browser brings back."""

    def __init__(self, settings: EventsSettings) -> None:
        self._settings = settings
        self._provider = Provider(settings)
        self._redirect_uri = settings.events_url.rstrip("/") + BACK

    async def begin(self, *, language: str, next_url: str, now: datetime) -> tuple[str, Transaction]:
        """Where to send the browser, and what it has to keep meanwhile. Raises OpenIdError."""
        async with self._in_time():
            metadata = await self._provider.metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        url: str = prepare_grant_uri(
            self._provider.endpoint(metadata, "authorization_endpoint"),
            self._settings.openid_client_id,
            "code",
            redirect_uri=self._redirect_uri,
            scope=self._settings.openid_scopes,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            ui_locales=language,
        )
        return url, Transaction(state=state, nonce=nonce, verifier=verifier, next_url=next_url, begun_at=now)

    async def finish(self, transaction: Transaction, answer: Mapping[str, str], now: datetime) -> Identity:
        """Whom the provider names in its answer to this transaction. Raises OpenIdError for anything but that."""
        if now - transaction.begun_at > LIFETIME:
            raise OpenIdError(Failure.LOST, "too late")
        if not hmac.compare_digest(answer.get("state", "").encode(), transaction.state.encode()):
            raise OpenIdError(Failure.LOST, "another state")
        async with self._in_time():
            metadata = await self._provider.metadata()
            code = self._code(answer, metadata)
            tokens = await self._tokens(code, transaction.verifier, metadata)
            claims = await self._claims(tokens, transaction.nonce, now)
            claims = await self._completed(claims, tokens, metadata)
        return self._identity(claims)

    async def sign_out_url(self, language: str) -> str | None:
        """Where the person can end the provider's own session (OpenID Connect RP-Initiated Logout 1.0), if anywhere."""
        try:
            async with self._in_time():
                metadata = await self._provider.metadata()
            url = self._provider.endpoint(metadata, "end_session_endpoint")
        except OpenIdError:
            return None
        query = urlencode({"client_id": self._settings.openid_client_id, "ui_locales": language})
        return f"{url}{'&' if '?' in url else '?'}{query}"

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._settings.openid_timeout.total_seconds()):
                yield
        except TimeoutError:
            raise OpenIdError(Failure.AWAY, "too slow") from None

    def _code(self, answer: Mapping[str, str], metadata: Mapping[str, Any]) -> str:
        """The code of an answer that comes from this provider (RFC 9207)."""
        if "iss" in answer or metadata.get("authorization_response_iss_parameter_supported"):  # noqa: SIM102 - two rules
            if answer.get("iss") != self._provider.issuer:
                raise OpenIdError(Failure.REFUSED, "an answer of another issuer")
        error = answer.get("error")
        if error in _DENIALS:
            raise OpenIdError(Failure.DENIED, error)
        if error in _TROUBLES:
            raise OpenIdError(Failure.AWAY, error)
        code = answer.get("code")
        if error is not None or not code:
            raise OpenIdError(Failure.REFUSED, "an answer without code")
        return code

    async def _tokens(self, code: str, verifier: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        body = prepare_token_request(
            "authorization_code", redirect_uri=self._redirect_uri, code=code, code_verifier=verifier
        )
        headers = {"content-type": "application/x-www-form-urlencoded"}
        url = self._provider.endpoint(metadata, "token_endpoint")
        url, headers, body = self._client_auth(metadata).prepare("POST", url, headers, body)
        status, answer = await self._provider.ask("POST", url, body=body, headers=headers)
        if status != 200:
            error = answer.get("error")
            known = error if isinstance(error, str) and error in _TOKEN_ERRORS else status
            raise OpenIdError(Failure.REFUSED, f"no tokens: {known}")
        return answer

    def _client_auth(self, metadata: Mapping[str, Any]) -> Any:
        """How we show who we are: not at all without a secret, else by the header unless only the form is taken."""
        name = self._settings.openid_client_id
        secret = self._settings.openid_client_secret.get_secret_value()
        if not secret:
            return ClientAuth(name, "", "none")
        methods = metadata.get("token_endpoint_auth_methods_supported")
        if isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods:
            return ClientAuth(name, secret, "client_secret_post")
        # RFC 6749 §2.3.1: both are form-encoded before they are joined, which Authlib leaves to its callers.
        return ClientAuth(quote_plus(name), quote_plus(secret), "client_secret_basic")

    async def _claims(self, tokens: Mapping[str, Any], nonce: str, now: datetime) -> dict[str, Any]:
        """The claims of the ID token, for this client and this transaction (OpenID Connect Core 1.0 §3.1.3.7)."""
        raw, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(raw, str):
            raise OpenIdError(Failure.REFUSED, "no ID token")
        token = await self._verified(raw)
        options: dict[str, Any] = {
            "iss": {"essential": True, "value": self._provider.issuer},
            "aud": {"essential": True, "value": self._settings.openid_client_id},
        }
        known = {"nonce": nonce, "client_id": self._settings.openid_client_id, "access_token": access_token}
        claims = CodeIDToken(token.claims, token.header, options, known)
        try:
            claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_SECONDS)
        except (JoseError, TypeError, ValueError, AttributeError) as error:
            raise OpenIdError(Failure.REFUSED, f"ID token: {getattr(error, 'error', '') or 'unreadable'}") from None
        if not 0 < len(claims["sub"]) <= _LONGEST_SUBJECT:
            raise OpenIdError(Failure.REFUSED, "ID token: no subject")
        return dict(claims)

    async def _verified(self, raw: str) -> jwt.Token:
        """The token, if one of the provider's keys has signed it; keys that changed are fetched again, once."""
        for afresh in (False, True):
            keys = await self._provider.keys(afresh=afresh)
            try:
                return jwt.decode(raw, keys, registry=JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False))
            except (JoseError, TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
                reason = getattr(error, "error", "") or "unreadable"
        raise OpenIdError(Failure.REFUSED, f"ID token: {reason}")

    async def _completed(
        self, claims: dict[str, Any], tokens: Mapping[str, Any], metadata: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The claims with what the provider tells at its userinfo endpoint alone (OpenID Connect Core 1.0 §5.3)."""
        settings = self._settings
        wanted = [settings.openid_address_claim, settings.openid_roles_claim]
        wanted += [] if settings.openid_addresses_are_verified else ["email_verified"]
        access_token = tokens.get("access_token")
        if all(claim_at(claims, path) is not None for path in wanted if path) or not isinstance(access_token, str):
            return claims
        if "userinfo_endpoint" not in metadata:
            return claims
        url = self._provider.endpoint(metadata, "userinfo_endpoint")
        status, told = await self._provider.ask("GET", url, headers={"authorization": f"Bearer {access_token}"})
        if status != 200 or told.get("sub") != claims["sub"]:
            raise OpenIdError(Failure.REFUSED, f"userinfo: {status}")
        return {**told, **claims}

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        settings = self._settings
        path = settings.openid_roles_claim
        elsewhere = claims.get("_claim_names")
        if path and isinstance(elsewhere, dict) and elsewhere.keys() & {path, path.partition(".")[0]}:
            # Too many groups to tell (OpenID Connect Core 1.0 §5.6.2): taken for none, they would cost every role.
            raise OpenIdError(Failure.REFUSED, "roles stand elsewhere")
        address = claim_at(claims, settings.openid_address_claim)
        verified = settings.openid_addresses_are_verified or claims.get("email_verified") in (True, "true")
        fits = isinstance(address, str) and is_address(address)
        roles = _words(claim_at(claims, path)) if path else frozenset()
        return Identity(settings.openid_issuer, claims["sub"], address if verified and fits else None, roles)


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of this name, dots and all, else the one that the path leads to; None if there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _words(value: Any) -> frozenset[str]:
    """The values of a claim that is one text, a list, or an object whose names are meant."""
    if isinstance(value, str):
        return frozenset({value})
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list | dict) else frozenset()
