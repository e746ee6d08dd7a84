"""Every form of the three services, and every route that there is."""

from collections.abc import Iterator
from typing import Any

from tests.badinput.http.event_forms import event_forms
from tests.badinput.http.form import Form
from tests.badinput.http.notification_forms import notification_forms
from tests.badinput.http.registration_forms import registration_forms
from tests.badinput.http.services import Target

WITHOUT_TOKEN = {
    "/sign-in/renew": "carries nothing out: it sends the browser back with its form, which has the token",
    "/notifications/unsubscribe/{token}": "mail programs press it for their readers (RFC 8058 §3.2)",
}
"""The routes that take a POST without a token against forgery, and why."""

FORMS = {"events": event_forms, "registrations": registration_forms, "notifications": notification_forms}


async def forms_of(target: Target) -> list[Form]:
    """All forms of a service."""
    return [form async for form in FORMS[target.name](target)]


def routes_of(app: Any) -> list[tuple[str, set[str]]]:
    """Each route of an application with its methods; included routers with their prefix."""
    return list(_routes(app.routes, ""))


def _routes(routes: Any, prefix: str) -> Iterator[tuple[str, set[str]]]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield prefix + route.path, set(getattr(route, "methods", None) or ())
        else:
            yield from _routes(included.routes, prefix + route.include_context.prefix)
