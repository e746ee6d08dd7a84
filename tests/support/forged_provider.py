"""An identity provider that says whatever a test wants: what a certified one never would."""

import asyncio
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.asgi_client import Answer, AsgiClient

CLIENT = "teilhabe"
KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})


@dataclass
class ForgedProvider:
    """Each part of what it says may be changed. `asked` has the path and the form of each request."""

    url: str
    now: datetime
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: list[RSAKey] = field(default_factory=lambda: [KEY])
    sign: Callable[[dict[str, Any]], str | None] | None = None
    raw: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    seconds: float = 0
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    nonces: dict[str, str] = field(default_factory=dict)
    nonce: str = ""

    def all_metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }

    def all_claims(self) -> dict[str, Any]:
        """Of the ID token; those that are None are left out."""
        moment = int(self.now.timestamp())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "account-1", "nonce": self.nonce, "iat": moment}
        claims |= {"exp": moment + 300, "email": "office@demo.example", "email_verified": True, **self.claims}
        return {name: value for name, value in claims.items() if value is not None}

    def id_token(self) -> str | None:
        return self.sign(self.all_claims()) if self.sign else signed(self.all_claims(), KEY)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        form = (await receive())["body"].decode()
        self.asked.append((scope["path"], parse_qs(form)))
        await asyncio.sleep(self.seconds)
        self.nonce = self.nonces.get(parse_qs(form).get("code", [""])[0], "")
        status, headers, body = self.raw.get(scope["path"]) or (200, {}, json.dumps(self._body(scope["path"])).encode())
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    def _body(self, path: str) -> dict[str, Any]:
        if path == "/token":
            return {"access_token": "an access token", "token_type": "Bearer", "id_token": self.id_token()}
        if path == "/keys":
            return {"keys": [key.as_dict(private=False) for key in self.keys]}
        return {"/userinfo": {"sub": self.claims.get("sub"), **self.userinfo}}.get(path) or self.all_metadata()

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    async def begin(self, browser: AsgiClient, page: str = "/sign-in/openid") -> dict[str, str]:
        """A person presses the button; returns what the provider sends back when all is well."""
        answer = await browser.get(page)
        assert answer.status == 303, answer.text
        query = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
        code = f"code {len(self.nonces)}"
        self.nonces[code] = query["nonce"]
        return {"code": code, "state": query["state"], "iss": self.url}

    async def sign_in(self, browser: AsgiClient, page: str = "/sign-in/openid", **changes: str | None) -> Answer:
        """The whole way; `changes` are to what comes back."""
        return await come_back(browser, {**await self.begin(browser, page), **changes})


async def come_back(browser: AsgiClient, answer: dict[str, str | None]) -> Answer:
    query = urlencode({name: value for name, value in answer.items() if value is not None})
    return await browser.get(f"/sign-in/openid/back?{query}", {"sec-fetch-site": "cross-site"})


def signed(claims: dict[str, Any], key: Any, algorithm: str = "RS256", kid: str | None = "first") -> str:
    header = {"alg": algorithm} | ({"kid": kid} if kid else {})
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def _part(value: dict[str, Any] | bytes) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    return f"{_part({'alg': 'none', 'kid': 'first'})}.{_part(claims)}."


def signed_with_password(claims: dict[str, Any], password: bytes) -> str:
    """By hand, since joserfc refuses to take a public key for a password."""
    text = f"{_part({'alg': 'HS256', 'kid': 'first'})}.{_part(claims)}"
    return f"{text}.{_part(hmac.digest(password, text.encode(), 'sha256'))}"
