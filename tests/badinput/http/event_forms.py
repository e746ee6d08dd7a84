"""The forms of the events service: events, series, organisations, co-hosts, translations, and the sign-in."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

from services.events.events.postponing import postpone_event
from services.events.organisations.invitations import invite
from services.events.series.commands import begin_series
from services.events.series.planning import Terms, Window
from services.events.series.rules import Frequency, Rule
from services.events.translations.commands import Seen, Translation, propose
from shared.auth.members import Member
from shared.contracts.notification_requests import Recipient, Secret
from shared.contracts.organisations import Role
from tests.badinput.http.form import Form
from tests.badinput.http.services import Target
from tests.support.events_service import owner_address


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
    async for form in shift_forms(service, member):
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


async def shift_forms(service: Any, member: Member) -> AsyncIterator[Form]:
    """The forms of roles and shifts; of a draft to take one away, of a postponed event to say that its dates hold."""
    role, shift = uuid4(), {"starts_at": "2027-05-08T10:00", "ends_at": "2027-05-08T14:00"}
    day = {"kind": "volunteering", "roles": [{"id": role, "name": {"de": "Küche"}}]}
    day["shifts"] = [shift | {"id": uuid4(), "staffing": [{"role": role, "wanted": 2, "most": 3}]}]
    route = "/console/events/{event_id}"
    base = f"/console/events/{await service.draft(member, **day)}"
    part = f"{base}/roles/{role}"
    fields = {"name-de": "Große Küche", "notes-de": "Schürzen sind da.", "certificate-de": "", "least_age": "16"}
    yield Form(f"{route}/roles/{{role_id}}", part, part, fields, tuple(fields), {"name-de": "", "least_age": "0"})
    part = f"{base}/shifts/{uuid4()}"
    fields = shift | {"place": "Zelt", f"least-{role}": "1", f"wanted-{role}": "2", f"most-{role}": "3"}
    bad = {"starts_at": "", f"wanted-{role}": "0"}
    yield Form(f"{route}/shifts/{{shift_id}}", part, part, fields, tuple(fields), bad)
    yield Form(f"{route}/shifts/remove/{{part_id}}", f"{base}/shifts", f"{base}/shifts/remove/{role}")
    event_id = await service.published(member, **day)
    async with service.database.begin() as session:
        await postpone_event(session, member, event_id, {}, 2, service.now)
    base = f"/console/events/{event_id}/shifts"
    yield Form(f"{route}/shifts/hold", base, f"{base}/hold")


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
