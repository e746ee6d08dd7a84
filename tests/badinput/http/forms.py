"""Every form of the three services: where it is, where it goes, and what somebody might honestly type into it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from services.events.organisations.invitations import invite
from services.events.series.commands import begin_series
from services.events.series.planning import Terms, Window
from services.events.series.rules import Frequency, Rule
from services.events.translations.commands import Seen, Translation, propose
from services.registrations.check_in.commands import Desk, check_in
from services.registrations.registrations.admission import admit
from services.registrations.registrations.queries import by_token
from shared.auth.members import Member
from shared.contracts.events import EventState
from shared.contracts.notification_requests import Recipient, Secret
from shared.contracts.organisations import Role
from shared.contracts.registrations import RegistrationConfirmed
from shared.tickets import ticket_of
from tests.badinput.http.client import Client
from tests.badinput.http.services import Target, admitted, registered
from tests.support import notifications as of_notifications
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


IMPORT = "Titel;Datum;Uhrzeit\nLesen;24.05.2027;18-20 Uhr"
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
    new = "/console/imports/new"
    fields = {"pasted": IMPORT, "address": "", "kind": "workshop", "language": "de", "time_zone": "Europe/Berlin"}
    fields |= {"minutes": "", "day_from": "", "day_until": "", "order": ""}
    bad = {"pasted": "", "kind": "party", "language": "xx", "time_zone": "Mars", "day_from": "12:00"}
    yield Form(new, new, new, fields, ("pasted", "address"), bad)
    browser = target.browser(member=True)
    answer = await browser.form(new, fields | await Form(new, new, new).hidden(browser))
    at = answer.headers["location"]
    yield Form("/console/imports/{import_id}", at, at)
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
    at = f"{console}/{await service.published(member)}/postpone"
    fields = {"version": "2", "confirmed": "yes", "postponed-de": "Der Raum ist gesperrt."}
    yield Form(f"{console}/{{event_id}}/postpone", at, at, fields, ("postponed-de",), {"confirmed": ""})
    at = f"{console}/{await service.draft(member)}/duplicate"
    fields = {"dates": "later", "weeks": "4"}
    yield Form(f"{console}/{{event_id}}/duplicate", at, at, fields, ("weeks",), {"weeks": "0"})
    async for form in series_forms(target):
        yield form
    at = cancel.format(event_id=await service.published(member))
    fields = {"version": "2", "confirmed": "yes", "reason-de": "Der Raum ist gesperrt."}
    yield Form(cancel, at, at, fields, ("reason-de",), {"reason-de": ""})
    async for form in organisation_forms(service, member):
        yield form
    async for form in co_host_forms(service, member):
        yield form


async def organisation_forms(service: Any, member: Member) -> AsyncIterator[Form]:
    """The forms of the member's organisation, and of an invitation to it."""
    route, [organisation_id] = "/console/organisations/{organisation_id}", member.organisation_ids
    page = f"/console/organisations/{organisation_id}"
    words = ("name-de", "description-de", "contact_hours-de", "contact_name", "contact_email", "contact_phone")
    fields = {"kind": "association", "language": "de", "languages": "de", "website": "https://office.example.org"}
    fields |= dict(zip(words, ("Haus", "Wir.", "Mo 9-12", "Büro", "a@example.org", "030 23125010"), strict=True))
    bad = {"kind": "x", "website": "javascript:", "name-de": "", "contact_email": "x@@"}
    yield Form(f"{route}/edit", f"{page}/edit", f"{page}/edit", fields, (*words, "website"), bad)
    fields = {"email": "colleague@example.org", "role": "desk", "mail_language": "de"}
    yield Form(f"{route}/invitations", page, f"{page}/invitations", fields, ("email",), {"email": "x@@", "role": "x"})
    yield Form(f"{route}/logo", page, f"{page}/logo", {"remove": "yes"}, (), {"remove": ""})
    invitation = f"/invitations/{uuid4()}/take-back"
    yield Form(f"{route}{invitation.replace(invitation.split('/')[2], '{invitation_id}')}", page, page + invitation)
    colleague = await service.colleague(organisation_id, Role.DESK)
    at = f"{page}/members/{colleague.person_id}"
    yield Form(f"{route}/members/{{person_id}}/role", page, f"{at}/role", {"role": "viewer"})
    yield Form(f"{route}/members/{{person_id}}/remove", f"{at}/remove", f"{at}/remove")
    secret = await invitation_secret(service, member)
    yield Form("/invitations/{token}", f"/invitations/{secret}", f"/invitations/{secret}", member=False)


async def co_host_forms(service: Any, member: Member) -> AsyncIterator[Form]:
    """The forms with which an organisation is asked to co-host, answers, leaves and is dismissed."""
    route = "/console/events/{event_id}/co-hosts"
    guest = await service.organisation()
    [mine], [theirs] = member.organisation_ids, guest.organisation_ids
    page = f"/console/events/{await service.published(member)}/co-hosts"
    fields = {"organisation": str(theirs), "role": "partner", "scope": "names"}
    yield Form(route, page, page, fields, (), {"organisation": "x", "role": "x", "scope": "x"})
    one = "{organisation_id}"
    for name, host, co_host, answered in (
        ("answer", guest, mine, None), ("leave", guest, mine, member), ("end", member, theirs, guest),
    ):  # fmt: skip
        event_id = await service.published(host)
        await service.co_hosts(host, event_id, co_host, accepted_by=answered)
        page = f"/console/events/{event_id}/co-hosts"
        yield Form(
            f"{route}/{one}/{name}", page, f"{page}/{co_host}/{name}", {"answer": "yes"} if name == "answer" else {}
        )
    async for form in translation_forms(service, member, guest):
        yield form


async def translation_forms(service: Any, member: Member, guest: Member) -> AsyncIterator[Form]:
    """The forms with which a co-host proposes and reads through, and the host approves and declines."""
    route = "/console/events/{event_id}/translations/{language}"
    words = {"title": "Dikiş", "text": "Dikiyoruz.", "access_notes": "Rampa"}
    [mine] = member.organisation_ids
    colleague = await service.colleague(mine, Role.ORGANISER)
    for way, host, writer, fields, bad in (
        ("", guest, None, words, {"title": ""}), ("/reviewed", guest, colleague, {}, {}),
        ("/approve", member, guest, {}, {}), ("/decline", member, guest, {"reason": "Zu frei."}, {"reason": ""}),
    ):  # fmt: skip
        event_id, co_host = await service.published(host), member if host is guest else guest
        await service.co_hosts(host, event_id, co_host.organisation_ids[0], accepted_by=co_host)
        if writer:
            async with service.database.begin() as session:
                said, seen = Translation(**words), Seen(None, 0, 2)
                await propose(session, writer, event_id, "tr", said, seen, uuid4(), service.now)
        page = f"/console/events/{event_id}/translations/tr"
        yield Form(f"{route}{way}", page, f"{page}{way}", fields, tuple(fields), bad)


async def invitation_secret(service: Any, member: Member) -> str:
    """The secret of an invitation to the member's organisation."""
    recipient = Recipient(language="de", email=f"{uuid4().hex}@example.org")
    async with service.database.begin() as session:
        await invite(
            session, service.vault, member, member.organisation_ids[0], recipient, Role.VIEWER,
            lifetime=timedelta(days=1), now=service.now,
        )  # fmt: skip
    request = (await service.messages("notification-requests"))[-1]
    return str(service.vault.open(request["sealed"], Secret, f"request:{request['aggregate_id']}").token)


RULE = {"frequency": "weekly", "interval": "2", "weekdays": "0", "nth": "1", "ends": "count", "until": "", "count": "5"}
RULE |= {"skip-1": "2027-04-19", "publishes": "yes"}
RULE_TEXT = ("interval", "count", "skip-1")


async def series_forms(target: Target) -> AsyncIterator[Form]:
    """The forms of series: to begin one, to change its rule, to end it."""
    service, member, _ = target.more
    at = f"/console/events/{await service.published(member)}/repeat"
    yield Form("/console/events/{event_id}/repeat", at, at, RULE, RULE_TEXT, {"interval": "0", "weekdays": ""})
    for name in ("edit", "end"):
        rule, window = Rule(Frequency.WEEKLY, (0,)), Window(timedelta(weeks=8), 3)
        terms = Terms(rule, frozenset(), publishes=False)
        event_id = await service.published(member)
        async with service.database.begin() as session:
            series_id = await begin_series(session, member, event_id, terms, uuid4(), window, service.now)
        page = f"/console/series/{series_id}"
        if name == "end":
            yield Form(
                "/console/series/{series_id}/end", page, f"{page}/end", {"confirmed": "yes"}, (), {"confirmed": ""}
            )
        else:
            at, times = f"{page}/edit", {"from": "10:00", "to": "12:00", "reason": "Feiertag"}
            text = (*RULE_TEXT, "from", "to")
            yield Form("/console/series/{series_id}/edit", at, at, RULE | times, text, {"count": "0", "to": "09:00"})


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
    typed = ("party_size", "email", "name")
    yield Form(
        "/registrations/new/{event_id}", new, new, fields, typed, {"party_size": "0", "email": "x", "consent": ""}
    )
    page = f"/r/{confirmed}"
    yield Form("/r/{token}/party", page, f"{page}/party", {"party_size": "2"}, ("party_size",), {"party_size": "0"})
    yield Form("/r/{token}/language", page, f"{page}/language", {"language": "tr"}, (), {"language": "xx"})
    yield Form("/r/{token}/sharing", page, f"{page}/sharing")
    yield Form("/r/{token}/cancel", f"{page}/cancel", f"{page}/cancel")
    yield Form("/r/{token}/accept", f"/r/{asked}", f"/r/{asked}/accept")
    async for form in check_in_forms(target, event):
        yield form
    route = "/registrations/console/events/{event_id}/actions"
    page, registration = f"/registrations/console/events/{event.id}", await registration_of(target, confirmed)
    for action, name, value, bad in (("note", "note", "Rollstuhl", "n" * 2001), ("party", "party_size", "2", "0")):
        fields = {"action": action, "registration": registration, name: value, "confirmed": "yes", "search": ""}
        yield Form(route, page, f"{page}/actions", fields, (name,), {name: bad})
    async for form in desk_forms(target):
        yield form


async def check_in_forms(target: Target, event: EventState) -> AsyncIterator[Form]:
    """The desk's forms, for a party of two that is here already."""
    path = "/registrations/console/events/{event_id}/check-in"
    at = path.format(event_id=event.id)
    now = datetime.now(UTC)
    async with target.database.begin() as session:
        wishes = [given.wish(size=2, name="Ada")]
        [party] = await admit(session, given.VAULT, given.RULES, event.places[0].id, wishes, now)
        await check_in(session, Desk(uuid4(), event, event.sessions[0], uuid4(), now, now), party.id)
    found, where = f"{at}?code={ticket_of(party.id)}", {"session": str(event.sessions[0].id)}
    ticket = where | {"ticket": ticket_of(party.id)}
    yield Form(path, at, at, where | {"search": "Ada"}, ("search",))
    yield Form(f"{path}/party", found, f"{at}/party", ticket | {"came": "2"}, ("came",), {"came": "0"})
    yield Form(f"{path}/undo", found, f"{at}/undo", ticket)
    yield Form(f"{path}/walk-ins", at, f"{at}/walk-ins", where | {"people": "more"})


async def registration_of(target: Target, token: str) -> str:
    """The id of the registration that a link leads to."""
    async with target.database.read() as session:
        own = await by_token(session, token)
    assert own
    return str(own.registration.id)


async def desk_forms(target: Target) -> AsyncIterator[Form]:
    """What the desk fills in: for somebody with nothing but paper, and for people who are registered."""
    event, _ = target.more
    console = "/registrations/console/events/{event_id}"
    at = f"{console}/register".format(event_id=event.id)
    fields = {"name": "Ada", "party_size": "1", "language": "de", "channel": "paper", "reach": "Festnetz"}
    typed, bad = ("name", "party_size", "reach"), {"party_size": "0", "name": "", "consent": ""}
    yield Form(f"{console}/register", at, at, fields | {"consent": "yes"}, typed, bad)
    person = f"{console}/desk/{{registration_id}}"
    one, two, asked = [
        person.format(event_id=event.id, registration_id=registration_id)
        for registration_id in await registered(
            target.database, event, given.wish(), given.wish(), given.wish(given.number(), ask_owner=True)
        )
    ]
    party = {"party_size": "2"}
    yield Form(f"{person}/party", one, f"{one}/party", party, ("party_size",), {"party_size": "0"})
    yield Form(f"{person}/cancel", f"{two}/cancel", f"{two}/cancel")
    yield Form(f"{person}/accept", asked, f"{asked}/accept")


async def notification_forms(target: Target) -> AsyncIterator[Form]:
    """The development phone, and the page behind `List-Unsubscribe` once somebody has stopped."""
    phone = "/notifications/phone"
    fields = {"number": "+493023125042", "text": "GARTEN 2"}
    yield Form(phone, phone, phone, fields, ("number", "text"), {"number": "12", "text": " "})
    page = f"/notifications/unsubscribe/{target.tokens[0]}"
    await target.browser().raw("POST", page)
    yield Form("/notifications/unsubscribe/{token}/undo", page, f"{page}/undo")
    calls = "/notifications/console/calls"
    yield Form(calls, calls, calls, {"words": "Ada"}, ("words",))
    told = f"{calls}/{await open_call(target)}/told"
    yield Form(f"{calls}/{{delivery_id}}/told", calls, told)


async def open_call(target: Target) -> UUID:
    """An entry of the call list: somebody with nothing but paper has a place."""
    person_id = await of_notifications.publish_contact(target.database, name="Ada")
    message = of_notifications.registered(RegistrationConfirmed, target.more.id, person_id, channel="desk")
    await of_notifications.hand_in(target.database, message)
    async with target.database.read() as session:
        found = await session.execute(text("SELECT id FROM deliveries WHERE person_id = :id"), {"id": person_id})
        return UUID(str(found.scalar_one()))


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
