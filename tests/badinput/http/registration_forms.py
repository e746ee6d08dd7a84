"""The forms of the registrations service: the form itself, one's own page, the list, the check-in and the desk."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.registrations.check_in.commands import Desk, check_in
from services.registrations.registrations.admission import admit
from services.registrations.registrations.queries import by_token
from services.registrations.swaps.commands import Asking, ask
from shared.contracts.events import EventState
from shared.tickets import ticket_of
from tests.badinput.http.form import Form
from tests.badinput.http.services import Target, admitted, registered
from tests.support import registrations as given
from tests.support.certificates import certificates, issue, sign_off
from tests.support.shifts import open_day, take


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
    day = await open_day(target.database)
    page = f"/registrations/shifts/{day.id}"
    fields = {name: value for name, value in fields.items() if name != "party_size"} | {"together": "free", "post": "1"}
    bad = {"post": "", "email": "x", "consent": ""}
    yield Form("/registrations/shifts/{event_id}", page, page, fields, ("email", "name"), bad)
    page = f"/r/{confirmed}"
    yield Form("/r/{token}/party", page, f"{page}/party", {"party_size": "2"}, ("party_size",), {"party_size": "0"})
    yield Form("/r/{token}/language", page, f"{page}/language", {"language": "tr"}, (), {"language": "xx"})
    yield Form("/r/{token}/sharing", page, f"{page}/sharing")
    yield Form("/r/{token}/qualification", page, f"{page}/qualification")
    yield Form("/r/{token}/askable", page, f"{page}/askable", {"askable": "yes"})
    yield Form("/r/{token}/coming", page, f"{page}/coming")
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
    async for form in hours_forms(target):
        yield form
    async for form in certificate_forms(target):
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


async def hours_forms(target: Target) -> AsyncIterator[Form]:
    """What a volunteer and the coordinator write down about a shift that is on, with somebody in it."""
    event, _ = target.more
    day = await open_day(target.database, starts_in=-timedelta(hours=1), organisation_id=event.organisation_id)
    [decision] = await take(target.database, day, given.wish(name="Ada"), 1)
    own, at = f"/r/{decision.token}", f"/registrations/console/events/{day.id}/hours"
    yield Form(
        "/r/{token}/hours", own, f"{own}/hours", {"hours": "2:30", "note": "Pause"}, ("hours", "note"), {"hours": "x"}
    )
    path, shift = "/registrations/console/events/{event_id}/hours", {"shift": str(day.sessions[0].id)}
    name = str(decision.id)
    yield Form(path, at, at, shift | {name: "3:00"}, (name,), {name: "x"})
    async for form in swap_forms(target):
        yield form
    yield Form(f"{path}/leave", at, f"{at}/leave", shift | {"who": "all"})


async def swap_forms(target: Target) -> AsyncIterator[Form]:
    """What a coordinator asks two people in two shifts, and what one of them answers."""
    event, _ = target.more
    day = await open_day(target.database, organisation_id=event.organisation_id)
    one, other = [(await take(target.database, day, given.wish(), number))[0] for number in (1, 3)]
    path, own = "/registrations/console/events/{event_id}/swaps", f"/r/{one.token}"
    at, two = path.format(event_id=day.id), {"first": str(one.id), "second": str(other.id)}
    yield Form(path, at, at, two, (), {"second": ""})
    async with target.database.begin() as session:
        asking = Asking(uuid4(), day.organisation_id, day.id, datetime.now(UTC))
        swap = await ask(session, given.VAULT, asking, one.id, other.id)
    yield Form("/r/{token}/swap", own, f"{own}/swap", {"answer": "yes"})
    yield Form(f"{path}/{{swap_id}}/withdraw", at, f"{at}/{swap}/withdraw")


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
    yield Form(f"{console}/plan/ask", at, f"{console}/plan/ask".format(event_id=event.id), {"post": "1"})
    person = f"{console}/desk/{{registration_id}}"
    one, two, asked = [
        person.format(event_id=event.id, registration_id=registration_id)
        for registration_id in await registered(
            target.database, event, given.wish(), given.wish(), given.wish(given.number(), ask_owner=True)
        )
    ]
    party = {"party_size": "2"}
    yield Form(f"{person}/party", one, f"{one}/party", party, ("party_size",), {"party_size": "0"})
    yield Form(f"{person}/askable", one, f"{one}/askable", {"askable": "yes"})
    yield Form(f"{person}/qualification", one, f"{one}/qualification", {"valid_until": "2030-01-31"})
    yield Form(f"{person}/cancel", f"{two}/cancel", f"{two}/cancel")
    yield Form(f"{person}/accept", asked, f"{asked}/accept")


async def certificate_forms(target: Target) -> AsyncIterator[Form]:
    """The host's forms, for somebody who has no certificate yet and somebody who has one; and the public one."""
    event, _ = target.more
    one, two = await registered(target.database, event, given.wish(), given.wish())
    for registration_id in (one, two):
        await sign_off(target.database, event, registration_id, 60)
    await issue(target.database, event, two)
    path = "/registrations/console/events/{event_id}/certificates"
    at = path.format(event_id=event.id)
    yield Form(path, at, at)
    field = f"name-{one}"
    yield Form(f"{path}/{{registration_id}}", at, f"{at}/{one}", {field: "Ada"}, (field,), {field: " "})
    [known] = [row for row in await certificates(target.database, event) if two in row.registration_ids]
    revoke, fields = f"{at}/{two}/revoke", {"reason": "Irrtum", "certificate": str(known.id)}
    yield Form(f"{path}/{{registration_id}}/revoke", revoke, revoke, fields, ("reason",), {"reason": ""})
    check, fields = (
        "/registrations/certificates",
        {"code": "7K4X-9TQM-2BWR", "name": "Ada", "hours": "1", "minutes": ""},
    )
    bad = {"code": "", "name": "", "hours": "x"}
    yield Form(check, check, check, fields, ("code", "name", "hours"), bad)
