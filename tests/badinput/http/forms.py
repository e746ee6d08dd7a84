"""Every form of the three services: where it is, where it goes, and what somebody might honestly type into it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from shared.auth.members import Member
from tests.badinput.http.client import Client
from tests.badinput.http.services import Target, admitted
from tests.support import registrations as given
from tests.support.events_service import owner_address
from tests.support.registration_pages import FIELD

WITHOUT_TOKEN = {
    "/sign-in/renew": "carries nothing out: it sends the browser back with its form, which has the token",
    "/notifications/unsubscribe/{token}": "mail programs press it for their readers (RFC 8058 §3.2)",
}
"""The routes that take a POST without a token against forgery, and why."""


@dataclass(frozen=True)
class Form:
    """One form. `text` names the fields that people type into, `bad` is an answer that cannot be taken."""

    route: str
    page: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    text: tuple[str, ...] = ()
    bad: dict[str, str] = field(default_factory=dict)
    member: bool = True

    def browser(self, target: Target, language: str = "en") -> Client:
        """A browser that has not been here before, of somebody who may see the form."""
        return target.browser(language, member=self.member)

    async def hidden(self, browser: Client) -> dict[str, str]:
        """The form's own fields, as its page gives them to this browser; none where the form is no longer offered."""
        page = await browser.get(self.page)
        if page.status in {303, 409, 410}:
            return {}
        assert page.status == 200, (self.page, page.status)
        _, _, after = page.text.partition(f'action="{self.action}"')
        found = dict(reversed(FIELD.findall(after or page.text)))
        assert "csrf_token" in found, self.page
        return {"request_key": str(uuid4())} | found


def event_fields() -> dict[str, str]:
    """A whole event as its form sends it."""
    return {
        "kind": "workshop",
        "main_language": "de",
        "language": "de",
        "title-de": "Nähen",
        "text-de": "Wir nähen.",
        "access_notes-de": "Rampe",
        "contact_hours-de": "Mo 9-12",
        "time_zone": "Europe/Berlin",
        "starts-1": "2027-04-05T10:00",
        "ends-1": "2027-04-05T12:00",
        "registration_opens_at": "2027-03-02T09:00",
        "registration_closes_at": "2027-04-04T09:00",
        "venue_name": "Haus",
        "venue_address": "Weg 1",
        "online_link": "https://video.example.org/raum",
        "spoken_languages": "de",
        "capacity": "10",
        "largest_party": "4",
        "contact_name": "Büro",
        "contact_email": "buero@example.org",
        "contact_phone": "030 23125010",
        "contact_languages": "de",
        "code": "",
    }


_NO_TEXT = ("kind", "main_language", "language", "time_zone", "spoken_languages", "contact_languages", "code")
EVENT_TEXT = tuple(name for name in event_fields() if name not in _NO_TEXT)


async def event_forms(target: Target) -> AsyncIterator[Form]:
    """The forms of events, on drafts and public events of the member's that no other form touches."""
    service, member, _ = target.more
    console, new = "/console/events", "/console/events/new"
    email = {"email": "somebody@example.org"}
    yield Form("/sign-in", "/sign-in", "/sign-in", email, ("email",), {"email": "x@@"}, member=False)
    link = f"/sign-in/{await sign_in_token(service, member)}"
    yield Form("/sign-in/{token}", link, link)
    yield Form("/sign-out", "/console", "/sign-out")
    yield Form(new, new, new, event_fields(), EVENT_TEXT, {"capacity": "-1", "title-de": "", "starts-1": "x"})
    edit, publish, reschedule, cancel = (
        f"{console}/{{event_id}}/{name}" for name in ("edit", "publish", "reschedule", "cancel")
    )
    draft = await service.draft(member)
    at = edit.format(event_id=draft)
    yield Form(edit, at, at, event_fields() | {"version": "1"}, EVENT_TEXT, {"capacity": "many", "title-de": ""})
    draft = await service.draft(member)
    yield Form(publish, f"{console}/{draft}", publish.format(event_id=draft), {"version": "1"}, (), {"version": "7"})
    at = reschedule.format(event_id=await service.published(member))
    dates = {"time_zone": "Europe/Berlin", "starts-1": "2027-05-05T10:00", "ends-1": "2027-05-05T12:00"}
    fields = dates | {"version": "2", "confirmed": "yes"}
    yield Form(reschedule, at, at, fields, ("starts-1", "ends-1"), {"confirmed": "", "ends-1": "2027-05-05T09:00"})
    at = cancel.format(event_id=await service.published(member))
    fields = {"version": "2", "confirmed": "yes", "reason-de": "Der Raum ist gesperrt."}
    yield Form(cancel, at, at, fields, ("reason-de",), {"reason-de": ""})


async def sign_in_token(service: Any, member: Member) -> str:
    """A good link's secret, however many requests wait before this one."""
    await service.ask_for_link(service.browser(), owner_address(member.organisation_ids[0]))
    for _ in range(100):
        if token := await service.sent_token():
            return str(token)
    raise AssertionError("no link was sent")


async def registration_forms(target: Target) -> AsyncIterator[Form]:
    """The forms of registrations: for an event with room, and of a confirmed party and one that was asked."""
    event, _ = target.more
    wishes = given.wish(size=2), given.wish(given.number(), ask_owner=True)
    confirmed, asked = await admitted(target.database, event, *wishes)
    new = f"/registrations/new/{target.ids[0]}"
    fields = {"party_size": "1", "channel": "email", "email": f"{uuid4().hex}@example.org", "phone": ""}
    fields |= {"name": "Ada", "language": "de", "consent": "yes"}
    text = ("party_size", "email", "name")
    yield Form(
        "/registrations/new/{event_id}", new, new, fields, text, {"party_size": "0", "email": "x", "consent": ""}
    )
    page = f"/r/{confirmed}"
    yield Form("/r/{token}/party", page, f"{page}/party", {"party_size": "2"}, ("party_size",), {"party_size": "0"})
    yield Form("/r/{token}/language", page, f"{page}/language", {"language": "tr"}, (), {"language": "xx"})
    yield Form("/r/{token}/cancel", f"{page}/cancel", f"{page}/cancel")
    yield Form("/r/{token}/accept", f"/r/{asked}", f"/r/{asked}/accept")


async def notification_forms(target: Target) -> AsyncIterator[Form]:
    """The development phone, and the page behind `List-Unsubscribe` once somebody has stopped."""
    phone = "/notifications/phone"
    fields = {"number": "+493023125042", "text": "GARTEN 2"}
    yield Form(phone, phone, phone, fields, ("number", "text"), {"number": "12", "text": " "})
    page = f"/notifications/unsubscribe/{target.tokens[0]}"
    await target.browser().raw("POST", page)
    yield Form("/notifications/unsubscribe/{token}/undo", page, f"{page}/undo")


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
