"""The edge of each service: security headers, request ids, the access log, a limit on bodies, metrics."""

import time
import traceback
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.problems import METHODS, problem_response
from shared.web.urls import ServiceUrls, content_security_policy

BODY_LIMIT = 1024 * 1024
"""Bytes of a body; a route that takes a file has a limit of its own (`shared.web.forms.takes_a_file`)."""
QUIET = ("/healthz", "/readyz", "/metrics", "/assets")

REQUESTS = Counter("http_requests_total", "Answered requests", ["service", "method", "route", "status"])
DURATION = Histogram(
    "http_request_duration_seconds", "Seconds from a request to its last byte", ["service", "method", "route"]
)

log = structlog.get_logger("shared.web.access")


class BrokenResponseError(Exception):
    """A response failed after its first byte; the server closes the connection."""


class EdgeMiddleware:
    """Everything that each request to a service has in common. Pure ASGI, for it runs on all of them."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self.app = app
        self.pages = pages
        self.headers = security_headers(pages.urls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] == "http":
            await Exchange(self, scope, receive, send).run()
        else:
            await self.app(scope, receive, send)


class Exchange:
    """One request and its answer."""

    def __init__(self, edge: EdgeMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        self.edge = edge
        self.method = scope["method"]
        # Each page that can be read can be asked about (RFC 9110 §9.3.2); the server itself needs its own scope.
        self.scope = {**scope, "method": "GET"} if self.method == "HEAD" else scope
        self._receive = receive
        self._send = send
        self.status = 0
        self.received = 0
        self.started = time.perf_counter()
        headers = Headers(scope=scope)
        self.announced = headers.get("content-length", "0")
        self.request_id = known_uuid(headers.get("x-request-id", "")) or str(uuid4())
        self.scope.setdefault("state", {})["request_id"] = self.request_id

    async def run(self) -> None:
        """Answer the request, whatever happens inside."""
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(service=self.edge.pages.service, request_id=self.request_id)
        try:
            await self.edge.app(self.scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001 - the last place that can still answer
            await self.fail(error)
        finally:
            self.record()

    async def receive(self) -> Message:
        """The next part of the body, within the limit."""
        limit = self.scope["state"].get("body_limit", BODY_LIMIT)
        if self.announced.isdecimal() and int(self.announced) > limit:
            raise Problem(413, "body-too-large")
        message = await self._receive()
        self.received += len(message.get("body", b""))
        if self.received > limit:
            raise Problem(413, "body-too-large")
        return message

    async def send(self, message: Message) -> None:
        """Send on, with the headers that each answer has; what the page itself set stands."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            present = {name for name, _ in message["headers"]}
            added = [pair for pair in self.edge.headers if pair[0] not in present]
            request_id = (b"x-request-id", self.request_id.encode())
            message = {**message, "headers": [*message["headers"], *added, request_id]}
        elif self.method == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)

    async def fail(self, error: Exception) -> None:
        """Log where it failed, without the error's own words: they may hold what a person typed."""
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames(error)]
        log.error("request_failed", error=type(error).__qualname__, where=where, **self.facts())
        if self.status:
            raise BrokenResponseError from None
        request = Request(self.scope, self.receive)
        answer = problem_response(request, self.edge.pages, Problem(500))
        await answer(self.scope, self._receive, self.send)

    def facts(self) -> dict[str, Any]:
        """Method and route; the path itself is not told, for links hold their tokens in it."""
        return {"method": self.method, "route": route_template(self.scope)}

    def record(self) -> None:
        """Count the request and log it."""
        seconds = time.perf_counter() - self.started
        method = self.method if self.method in METHODS else "other"
        labels = (self.edge.pages.service, method, route_template(self.scope))
        status = str(self.status) if self.status else "aborted"
        REQUESTS.labels(*labels, status).inc()
        DURATION.labels(*labels).observe(seconds)
        write = log.debug if labels[2].endswith(QUIET) else log.info
        write("request", status=status, milliseconds=round(seconds * 1000, 1), **self.facts())


def security_headers(urls: ServiceUrls) -> list[tuple[bytes, bytes]]:
    """The headers of each answer, as ASGI has them."""
    headers = {
        "content-security-policy": content_security_policy(urls),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }
    if urls.secure:
        headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def known_uuid(text: str) -> str:
    """The text as a canonical UUID, or nothing."""
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def frames(error: Exception) -> traceback.StackSummary:
    """Where the error came from, outermost first."""
    return traceback.extract_tb(error.__traceback__)


def route_template(scope: Mapping[str, Any]) -> str:
    """The pattern of the route that matched, `/registrations/{token}`; `unmatched` where none did.

    FastAPI keeps the whole pattern of an included router's route apart from the route itself, and tells of a
    mounted application only what its paths begin with. A plain route, as health has, is its own pattern.
    """
    route = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    fixed = (scope.get("root_path") or scope["path"]) if "endpoint" in scope else ""
    return getattr(route, "path", None) or fixed or "unmatched"
