"""A client that sends what no browser would: raw paths, repeated headers, broken bodies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlencode

from tests.support.asgi_client import Answer, AsgiClient, still_there

FORM = "application/x-www-form-urlencoded"
Pairs = Sequence[tuple[str, str]]


class Client(AsgiClient):
    """Reads addresses as a server does: the path without its percent signs, the query as it came."""

    async def raw(
        self, method: str, url: str, body: bytes = b"", headers: Iterable[tuple[str, str]] = (), chunk: int = 65536
    ) -> Answer:
        """Send any request; a header may come more than once, and the body comes in parts."""
        sent: list[dict[str, Any]] = []
        parts = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]

        async def receive() -> dict[str, Any]:
            if not parts:
                return await still_there()
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = self._scope(method, url, body, {})
        own = {name.lower() for name, _ in headers}
        kept = [pair for pair in scope["headers"] if pair[0].decode() not in own]
        scope["headers"] = kept + [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        await self.app(scope, receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        self._keep_cookies(start["headers"])
        answered = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], answered, b"".join(message.get("body", b"") for message in sent))

    async def form(self, url: str, pairs: Pairs | Mapping[str, str]) -> Answer:
        """Send a form in which a name may come more than once."""
        fields = list(pairs.items()) if isinstance(pairs, Mapping) else list(pairs)
        return await self.raw("POST", url, urlencode(fields).encode(), [("content-type", FORM)])

    def _scope(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        path, _, query = url.partition("?")
        scope = super()._scope(method, "/", body, headers)
        return scope | {"path": unquote(path), "raw_path": path.encode(), "query_string": query.encode()}
