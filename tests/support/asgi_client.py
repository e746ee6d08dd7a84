"""A browser without a window: it sends requests to an ASGI application in this process and keeps its cookies."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


async def still_there() -> dict[str, Any]:
    """What a server hears of a browser that has sent everything and waits for the answer: nothing."""
    await asyncio.Event().wait()
    raise AssertionError


class AsgiClient:
    """Speaks to one application as one browser."""

    def __init__(self, app: Any, language: str = "en") -> None:
        self.app = app
        self.language = language
        self.cookies: dict[str, str] = {}

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for a page."""
        return await self.request("GET", url, headers=headers)

    async def post(
        self, url: str, form: Mapping[str, str] | Sequence[tuple[str, str]], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a form."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self.request("POST", url, urlencode(form).encode(), {**kind, **(headers or {})})

    async def post_json(self, url: str, body: Any) -> Answer:
        """Send JSON."""
        return await self.request("POST", url, json.dumps(body).encode(), {"content-type": "application/json"})

    async def request(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send any request; the cookies of the answer are kept."""
        sent: list[dict[str, Any]] = []
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return parts.pop() if parts else await still_there()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(self._scope(method, url, body, headers or {}), receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        self._keep_cookies(start["headers"])
        answered = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], answered, b"".join(message.get("body", b"") for message in sent))

    def _scope(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        parts = urlsplit(url)
        all_headers = {
            "host": "127.0.0.1:8710",
            "accept-language": self.language,
            "content-length": str(len(body)),
            "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **headers,
        }
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "server": ("127.0.0.1", 8710),
            "client": ("127.0.0.1", 50000),
            "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
        }

    def _keep_cookies(self, headers: list[tuple[bytes, bytes]]) -> None:
        for name, value in headers:
            if name == b"set-cookie":
                self.cookies |= {key: morsel.value for key, morsel in SimpleCookie(value.decode()).items()}
