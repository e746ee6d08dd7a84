"""SMS by Twilio's HTTP API, or one that is compatible with it (API version 2010-04-01).

Sources: Twilio, "Messages resource", "Error and warning dictionary", and "Webhooks security" for the signature.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import aiohttp

from services.notifications.providers.port import (
    Accepted,
    DeliveryError,
    NotRetryableError,
    OptedOutError,
    OutgoingSms,
    RetryableError,
    ThrottledError,
    UnknownOutcomeError,
)

OPTED_OUT = 21610
_THROTTLED = {20429, 14107, 30001, 63038}
_RETRYABLE = {20500, 20503}
RECEIPTS_PATH = "/notifications/twilio/receipts"
INBOUND_PATH = "/notifications/twilio/inbound"


class TwilioSms:
    """Posts each SMS; its receipts come back to a URL that names the delivery."""

    name: ClassVar[str] = "twilio"
    idempotent: ClassVar[bool] = False

    def __init__(
        self, *, url: str, account: str, token: str, sender: str, callback: str, timeout: timedelta, connections: int
    ) -> None:
        """`sender` is a number or a messaging service; `callback` is our own address as Twilio reaches it."""
        self._url = f"{url.rstrip('/')}/2010-04-01/Accounts/{account}/Messages.json"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(account, token)}
        self._sender = {"MessagingServiceSid" if sender.startswith("MG") else "From": sender}
        self._callback = f"{callback.rstrip('/')}{RECEIPTS_PATH}"
        self._timeout = aiohttp.ClientTimeout(total=timeout.total_seconds(), connect=timeout.total_seconds() / 3)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def send(self, sms: OutgoingSms) -> Accepted:
        """Post it. Raises DeliveryError as the answer demands."""
        form = self._sender | {
            "To": sms.number,
            "Body": sms.text,
            "StatusCallback": f"{self._callback}?{urlencode({'delivery': str(sms.delivery_id)})}",
        }
        try:
            key = {"Idempotency-Key": str(sms.key)}
            async with self._connected().post(self._url, data=form, headers=key, allow_redirects=False) as answer:
                return self._judge(answer, await _body(answer))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise RetryableError("not-connected") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnknownOutcomeError("no-answer") from error

    def _judge(self, answer: aiohttp.ClientResponse, body: dict[str, Any]) -> Accepted:
        if answer.status in {200, 201}:
            return Accepted(str(body["sid"]) if body.get("sid") else None)
        raise error_of(answer.status, body.get("code"), answer.headers.get("retry-after", ""))

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers, timeout=self._timeout, connector=aiohttp.TCPConnector(limit=self._connections)
            )
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def error_of(status: int, code: Any, retry_after: str = "") -> DeliveryError:
    """What an answer means that is no success: the SMS was not taken, for now or for good."""
    number = int(code) if str(code).isdigit() else 0
    name = str(number or f"http-{status}")
    if number == OPTED_OUT:
        return OptedOutError(name)
    if status == 429 or number in _THROTTLED:
        return ThrottledError(name, timedelta(seconds=int(retry_after)) if retry_after.isdigit() else None)
    if status >= 500 or number in _RETRYABLE:
        return RetryableError(name)
    return NotRetryableError(name)


async def _body(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        body = await answer.json(content_type=None)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def signature(token: str, url: str, fields: Iterable[tuple[str, str]]) -> str:
    """Twilio's signature of a webhook: HMAC-SHA1 of the URL and the sorted fields, in base64."""
    signed = url + "".join(f"{name}{value}" for name, value in sorted(set(fields)))
    return b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()


def is_signed(token: str, url: str, fields: Iterable[tuple[str, str]], given: str) -> bool:
    """Whether the webhook comes from whoever knows the token; compared in constant time."""
    return hmac.compare_digest(signature(token, url, fields).encode(), given.encode())
