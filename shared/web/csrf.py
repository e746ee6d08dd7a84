"""The token against forged forms: a secret in the browser's cookie, and in each form a proof of knowing it.

Double submit (OWASP cheat sheet on cross-site request forgery): the form's token is a random number and its
HMAC under the cookie's secret, so it fits this browser alone and never repeats on a page.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Self
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from shared.web.cookies import cookie_name, set_cookie
from shared.web.urls import ServiceUrls

FIELD = "csrf_token"
COOKIE = "teilhabe_csrf"
SECRET_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass
class CsrfSecret:
    """The secret of one browser."""

    value: str
    is_new: bool
    secure: bool
    was_used: bool = False

    @classmethod
    def of(cls, request: Request, *, secure: bool) -> Self:
        """The secret in the request's cookie, or a new one."""
        known = request.cookies.get(cookie_name(COOKIE, secure=secure), "")
        if SECRET_FORM.fullmatch(known):
            return cls(known, is_new=False, secure=secure)
        return cls(secrets.token_urlsafe(32), is_new=True, secure=secure)

    def token(self) -> str:
        """A token for one form."""
        self.was_used = True
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._proof(nonce)}"

    def accepts(self, token: str) -> bool:
        """Whether the token was made for this browser; compared in constant time. No token fits a new secret."""
        nonce, _, proof = token.partition(".")
        return hmac.compare_digest(proof.encode(), self._proof(nonce).encode())

    def remember(self, response: Response) -> None:
        """Set the cookie where a form of this page needs it."""
        if self.is_new and self.was_used:
            set_cookie(response, COOKIE, self.value, secure=self.secure)

    def _proof(self, nonce: str) -> str:
        return hmac.new(self.value.encode(), nonce.encode(), sha256).hexdigest()


def comes_from_elsewhere(request: Request, urls: ServiceUrls) -> bool:
    """Whether the browser itself says that a foreign site sent the form.

    `Origin: null` says nothing: browsers send it for each form of a page with `Referrer-Policy: no-referrer`,
    as all of ours are (Fetch standard, "append a request Origin header").
    """
    if request.headers.get("sec-fetch-site") == "cross-site":
        return True
    sender = request.headers.get("origin", "null")
    if sender == "null" or sender in urls.origins:
        return False
    return urlsplit(sender).netloc != request.headers.get("host")
