"""Who may do what: every route of members, with every role in the host and every scope and role in a co-host.

The routes are those that the applications have. A new one without a rule here fails.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import true
from uuid6 import uuid7

from services.events.co_hosts import commands as co_hosting
from services.events.events.commands import create_event
from services.events.events.describing import event_state
from services.events.events.publishing import publish_event
from services.events.events.queries import event_by_id
from services.events.organisations.members import add_member
from services.events.series.commands import begin_series
from services.events.series.planning import Terms, Window
from services.events.series.rules import Frequency, Rule
from services.registrations.consents.commands import Answer, answer, save
from services.registrations.events.queries import offer_of
from services.registrations.registrations import listing
from shared.auth.members import Member, keep_organisations, memberships
from shared.auth.rights import Right, allows, covers, narrower
from shared.contracts.events import CoHostRole, Scope
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.tickets import ticket_of
from tests.badinput.http.services import registered
from tests.security.door import FORM, form_token
from tests.security.rules import (
    ANYBODY,
    CO_HOST,
    CONTACT,
    DECIDES,
    EVENT,
    HOST,
    NAMES,
    NEEDS_EDIT,
    NOTHING,
    TRANSLATES,
)
from tests.security.test_ownership import BODIES
from tests.support import notifications as of_notifications
from tests.support import registrations as of_registrations
from tests.support.events_service import content, form_bytes


@dataclass
class House:
    """An event of a host's with a co-host, one registration that agreed to everything, and somebody who looks."""

    person_id: object
    ids: dict


async def a_house(doors, *, role=None, scope=CONTACT, guest_role=None):
    """The three services know the event; `role` in the host, or `guest_role` in the co-host, is the somebody's."""
    events = doors.apps["events"].state
    host, guest = await doors.office(), await doors.office()
    async with events.database.begin() as session:
        owner = Member(host.person_id, await memberships(session, host.person_id))
        theirs = Member(guest.person_id, await memberships(session, guest.person_id))
        event_id = await an_event(session, owner, host.organisation_id)
        await publish_event(session, owner, event_id, 1, NOW)
        await co_hosting.invite(session, owner, event_id, guest.organisation_id, CoHostRole.PARTNER, scope, NOW)
        await co_hosting.answer(session, theirs, event_id, guest.organisation_id, accepts=True, now=NOW)
        office = host if role else guest
        person_id = uuid4()
        if role or guest_role:
            address = f"{uuid4().hex}@demo.example"
            person_id = await add_member(
                session, events.vault, office.organisation_id, address, role or guest_role, "de"
            )
        series_id = await a_series(session, owner, host.organisation_id)
        state = event_state(await event_by_id(session, event_id))
    if role or guest_role:
        await heard(doors, office, person_id, role or guest_role)
    registration_id = await known(doors, state, guest.organisation_id)
    ids = {
        "event_id": event_id, "organisation_id": host.organisation_id, "person_id": host.person_id,
        "registration_id": registration_id, "series_id": series_id, "guest": guest.organisation_id,
        "code": state.code, "ticket": ticket_of(registration_id),
    }  # fmt: skip
    return House(person_id, ids)


NOW = datetime(2099, 1, 1, tzinfo=UTC)


async def an_event(session, owner, organisation_id):
    dates = [{"starts_at": "2099-04-05T10:00", "ends_at": "2099-04-05T12:00"}]
    made = content(kind="volunteering", sessions=dates)
    return await create_event(session, owner, organisation_id, made, uuid7(), NOW)


async def a_series(session, owner, organisation_id):
    event_id = await an_event(session, owner, organisation_id)
    terms = Terms(Rule(Frequency.WEEKLY, (6,)), frozenset(), publishes=False)
    return await begin_series(session, owner, event_id, terms, uuid7(), Window(timedelta(), 1), NOW)


async def heard(doors, office, person_id, role):
    """The other two services know the member."""
    members = [Membership(person_id=office.person_id, role=Role.OWNER), Membership(person_id=person_id, role=role)]
    told = OrganisationChanged(
        aggregate_id=office.organisation_id, aggregate_version=99, name={"de": "Büro"}, members=members
    )
    for service in ("registrations", "notifications"):
        async with doors.apps[service].state.database.begin() as session:
            await keep_organisations(session, [told])


async def known(doors, state, guest):
    """Somebody is registered and has agreed that the co-host sees all that it is offered."""
    database = doors.apps["registrations"].state.database
    await of_registrations.publish(database, state)
    [registration_id] = await registered(database, state, of_registrations.wish(name="Ada"))
    async with database.begin() as session:
        await answer(session, registration_id, state, {guest: True}, NOW)
    await of_notifications.publish_event(doors.apps["notifications"].state.database, state)
    return registration_id


async def go(doors, house, way):
    """Go this way; returns the status."""
    return (await gone(doors, house, way)).status


async def gone(doors, house, way):
    """Go this way; what a form or a program would have to say is left out, so that little changes."""
    browser = doors.browser(way.service, doors.token(house.person_id))
    ids = dict(house.ids)
    if "/co-hosts/" in way.path:
        ids["organisation_id"] = ids["guest"]
    ids.pop("guest")
    url = way.url(**ids)
    if way.method == "GET":
        return await browser.get(url)
    if way.for_programs:
        headers = {"if-match": '"1"', "idempotency-key": uuid4().hex, "content-type": "application/json"}
        own = {"organisation_id": str(ids["organisation_id"])}
        own |= {"code": ids["ticket"]} if "check-in" in way.path else {}
        body = {name: own.get(name, value) for name, value in BODIES.get(str(way), {}).items()}
        return await browser.request(way.method, url, json.dumps(body).encode(), headers)
    fields = [("request_key", str(uuid4())), ("csrf_token", form_token(browser)), ("ticket", ids["ticket"])]
    return await browser.request(way.method, url, form_bytes(fields), FORM)


def ways_of(doors):
    """Every way of members; those that end one's own access come last."""
    last = ("/leave", "/remove", "/role", "/end")
    return sorted((way for way in doors.ways() if way.needs_member), key=lambda way: way.path.endswith(last))


def right_for(way):
    return next((right for right, ways in HOST.items() if str(way) in ways), None)


CANNOT = {f"{method} {path}" for method, path in (
    ("GET", "/console/imports/{import_id}"), ("POST", "/console/imports/{import_id}"),
    ("POST", "/notifications/console/calls/{delivery_id}/told"), ("GET", "/registrations/at/{code}/{ticket}"),
)}  # fmt: skip
"""Ways whose thing this house has none of, or that lead elsewhere: they are gone with a thing in their own tests."""


def test_every_way_of_members_has_a_rule(doors):
    """A route that somebody adds is put into the table above, or this fails; nothing in the table is gone."""
    ways = {str(way) for way in doors.ways() if way.needs_member}
    ruled = ANYBODY | DECIDES | TRANSLATES | set().union(*HOST.values())
    assert ways == ruled
    assert set(CO_HOST) <= ways


@pytest.mark.parametrize("role", Role)
async def test_a_role_in_the_host_reaches_what_its_rights_allow_and_nothing_else(doors, role):
    """What is allowed is answered by its own rules, everything else by 403, or by 404."""
    house = await a_house(doors, role=role)
    wrong = {}
    for way in ways_of(doors):
        status = await go(doors, house, way)
        right = right_for(way)
        allowed = str(way) in ANYBODY or (right is not None and allows(role, right))
        if str(way) in CANNOT and allowed:
            continue
        if status >= 500 or status == 401 or (status in {403, 404}) is allowed:
            wrong[str(way)] = (status, allowed)
    assert wrong == {}


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("role", [Role.ORGANISER, Role.VIEWER])
async def test_a_co_host_reaches_what_its_scope_covers_and_nothing_else(doors, scope, role):
    """With any role, a co-host changes nothing of the event and proposes at most; its viewer sees figures at most."""
    house = await a_house(doors, guest_role=role, scope=scope)
    wrong = {}
    for way in ways_of(doors):
        if "{event_id}" not in way.path or str(way) in CANNOT:
            continue
        wanted = CO_HOST.get(str(way))
        allowed = wanted is not None and covers(scope, wanted)
        if role is Role.VIEWER and (str(way) in NEEDS_EDIT or wanted in {NAMES, CONTACT}):
            allowed = False
        status = await go(doors, house, way)
        if str(way) in DECIDES and not str(way).endswith("/leave"):
            continue
        if status >= 500 or status == 401 or (status in {403, 404}) is allowed:
            wrong[str(way)] = (status, allowed)
    assert wrong == {}


PEOPLE_WHO_COME = {
    NOTHING: ("Nielsbohrweg", "nothing-agreed@example.org"),
    NAMES: ("Zwiebelfisch", "names-agreed@example.org"),
    CONTACT: ("Kaltmamsell", "contact-agreed@example.org"),
}
"""A name and an address for each answer that somebody may have given to the co-host."""


async def three_come(doors, house):
    """Somebody for each answer, registered for the house's event."""
    database = doors.apps["registrations"].state.database
    async with database.read() as session:
        event = (await offer_of(session, house.ids["event_id"])).event
    [co_host] = event.co_hosts
    wishes = [of_registrations.wish(address, name=name) for name, address in PEOPLE_WHO_COME.values()]
    made = await registered(database, event, *wishes)
    async with database.begin() as session:
        given = zip(made, PEOPLE_WHO_COME, strict=True)
        await save(session, [Answer(one, co_host.organisation_id, scope) for one, scope in given], NOW)
    return dict(zip(PEOPLE_WHO_COME, made, strict=True))


async def all_that_is_read(doors, house):
    """The answers of all ways to the house's member, as one text."""
    made, read = await three_come(doors, house), b""
    for way in (way for way in ways_of(doors) if not way.path.endswith(("/leave", "/remove", "/role", "/end"))):
        for registration_id in made.values() if "{registration_id}" in way.path else [house.ids["registration_id"]]:
            at = House(house.person_id, house.ids | {"registration_id": registration_id})
            read += (await gone(doors, at, way)).body
    return read


@pytest.mark.parametrize("offered", Scope)
@pytest.mark.parametrize("role", [Role.OWNER, Role.VIEWER])
async def test_a_co_host_reads_of_nobody_more_than_offer_and_consent_allow(doors, offered, role):
    """On every page, export and API of all three services: the smaller of both, for each person by their own answer."""
    read = await all_that_is_read(doors, await a_house(doors, guest_role=role, scope=offered))
    for agreed, (name, address) in PEOPLE_WHO_COME.items():
        sees = narrower(offered, agreed) if role is Role.OWNER else NOTHING
        assert (name.encode() in read) is covers(sees, NAMES), (offered, agreed, name)
        assert (address.encode() in read) is covers(sees, CONTACT), (offered, agreed, address)


async def test_the_walk_would_read_whoever_is_shown_without_having_agreed(doors, monkeypatch):
    """Negative control: with the consent passed over, the walk reads the name of somebody who did not agree."""
    monkeypatch.setattr(listing, "_agreed", lambda *_: true())
    read = await all_that_is_read(doors, await a_house(doors, guest_role=Role.OWNER, scope=NAMES))
    assert PEOPLE_WHO_COME[NOTHING][0].encode() in read


async def test_who_is_neither_finds_nothing(doors):
    """A member of a third organisation gets 404 on every way to the event, whatever it is."""
    house = await a_house(doors, role=Role.OWNER)
    stranger = await doors.office()
    ways = [way for way in ways_of(doors) if "{event_id}" in way.path]
    found = {str(way): await go(doors, House(stranger.person_id, house.ids), way) for way in ways}
    assert {way: status for way, status in found.items() if status != 404} == {}


async def test_the_walk_would_find_a_route_that_lets_everybody_in(doors, monkeypatch):
    """Negative control: with a desk that may edit, the walk with that role finds what it should not reach."""
    from shared.auth import rights

    monkeypatch.setitem(rights.RIGHTS, Role.DESK, frozenset(Right))
    house = await a_house(doors, role=Role.DESK)
    status = {str(way): await go(doors, house, way) for way in ways_of(doors) if str(way) == f"GET {EVENT}/edit"}
    assert status == {f"GET {EVENT}/edit": 200}
