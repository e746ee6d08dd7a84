"""Demo data: organisations and events, as `demo.toml` has them, with dates relative to the day they are loaded."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from services.events.co_hosts.commands import answer, invite
from services.events.events.cancelling import cancel_event
from services.events.events.commands import create_event
from services.events.events.drafting import DEFAULT_ZONE, EventContent
from services.events.events.model import State
from services.events.events.postponing import postpone_event
from services.events.events.publishing import publish_event
from services.events.events.queries import event_of
from services.events.organisations.commands import add_organisation, change_profile
from services.events.organisations.members import add_member
from services.events.organisations.model import OrganisationKind, OrganisationRow
from services.events.organisations.profile import ProfileContent
from services.events.series.commands import begin_series
from services.events.series.planning import Terms, Window
from services.events.series.rules import Frequency, Rule
from shared.auth.members import Member, memberships
from shared.contracts.events import CoHostRole, Scope
from shared.contracts.organisations import Role
from shared.database.engine import Database, WriteSession
from shared.vault import Vault

_ZONE = ZoneInfo(DEFAULT_ZONE)


@cache
def _data() -> dict[str, Any]:
    with (Path(__file__).parent / "demo.toml").open("rb") as file:
        return tomllib.load(file)


def demo_codes() -> list[str]:
    """The codes of the demo events."""
    return [event["code"] for event in _data()["events"]]


def demo_parties() -> dict[str, int]:
    """How many people are to be registered for which event, so that one is nearly full and one has a waitlist."""
    return {event["code"]: event["registered"] for event in _data()["events"] if "registered" in event}


def demo_owners() -> list[str]:
    """The addresses by which one can sign in."""
    return [organisation["owner"] for organisation in _data()["organisations"]]


async def load_demo(database: Database, vault: Vault, window: Window, now: datetime) -> int:
    """Make what is not there yet; returns how many events were made, those of a series aside.

    What somebody has changed stays so. `window` is how far ahead a series has its events.
    """
    owners, made = {}, 0
    for organisation in _data()["organisations"]:
        async with database.begin() as session:
            owners[organisation["key"]] = await _owner(session, vault, organisation, now)
    for event in _data()["events"]:
        async with database.begin() as session:
            made += await _load_event(session, owners, event, window, now)
    return made


def _organisation_id(key: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"teilhabe-demo:organisation:{key}")


async def _owner(session: WriteSession, vault: Vault, organisation: dict[str, Any], now: datetime) -> Member:
    organisation_id, owner = _organisation_id(organisation["key"]), organisation["owner"]
    kind, name = OrganisationKind(organisation["kind"]), organisation["name"]
    known = await session.get(OrganisationRow, organisation_id) is not None
    await add_organisation(
        session, vault, organisation_id=organisation_id, kind=kind, name=name, owner=owner, language="de", now=now
    )
    person_id = await add_member(session, vault, organisation_id, owner, Role.OWNER, "de")
    member = Member(person_id, await memberships(session, person_id))
    if not known:
        await change_profile(session, member, organisation_id, _profile(organisation))
    return member


def _profile(organisation: dict[str, Any]) -> ProfileContent:
    contact = _data()["contacts"][organisation["key"]]
    point = {name: value for name, value in contact["contact"].items() if name in ProfileContent.model_fields}
    hours = {language: text for language, text in contact["hours"].items() if language in organisation["name"]}
    own = {name: organisation[name] for name in ("kind", "name", "description", "languages")}
    return ProfileContent.model_validate(own | point | {"contact_hours": hours})


async def _load_event(
    session: WriteSession, owners: Mapping[str, Member], event: dict[str, Any], window: Window, now: datetime
) -> bool:
    """The event is public with its co-host from the first moment, so that whoever registers is asked."""
    member, content = owners[event["organisation"]], _content(event, now.astimezone(_ZONE).date())
    event_id = await create_event(
        session, member, _organisation_id(event["organisation"]), content, _key("event", event), now
    )
    known = await event_of(session, member.organisation_ids, event_id)
    if known is None or known.row.state != State.DRAFT:
        return False
    if asked := event.get("co_host"):
        guest, role, scope = _organisation_id(asked["organisation"]), CoHostRole(asked["role"]), Scope(asked["scope"])
        await invite(session, member, event_id, guest, role, scope, now)
        await answer(session, owners[asked["organisation"]], event_id, guest, accepts=True, now=now)
    version = await publish_event(session, member, event_id, known.row.version, now)
    if reasons := event.get("cancelled"):
        await cancel_event(session, member, event_id, reasons, version, now)
    if reasons := event.get("postponed"):
        await postpone_event(session, member, event_id, reasons, version, now)
    if times := event.get("weekly"):
        rule = Rule(Frequency.WEEKLY, (event["dates"]["weekday"],), count=times)
        terms = Terms(rule, skipped=frozenset(), publishes=True)
        await begin_series(session, member, event_id, terms, _key("series", event), window, now)
    return True


def _key(noun: str, event: dict[str, Any]) -> UUID:
    return uuid5(NAMESPACE_URL, f"teilhabe-demo:{noun}:{event['code']}")


def _content(event: dict[str, Any], today: date) -> EventContent:
    plain = {name: value for name, value in event.items() if name in EventContent.model_fields}
    contact = _data()["contacts"][event["organisation"]]
    hours = contact["hours"]
    words = {code: {**texts, "contact_hours": hours.get(code, hours["de"])} for code, texts in event["words"].items()}
    dates = event["dates"]
    first = today + timedelta(days=(dates["weekday"] - today.weekday()) % 7, weeks=dates["in_weeks"])
    days = [first + timedelta(weeks=number) for number in range(dates.get("times", 1))]
    sessions = [{"starts_at": _at(day, dates["from"]), "ends_at": _at(day, dates["until"])} for day in days]
    plain |= _volunteering(event, first)
    given = plain | contact["contact"] | {"words": words, "sessions": sessions}
    if "opens_in_days" in event:
        given["registration_opens_at"] = _at(today + timedelta(days=event["opens_in_days"]), time(9))
    return EventContent.model_validate(given)


def _volunteering(event: dict[str, Any], day: date) -> dict[str, Any]:
    """The roles, and the shifts with the least, the wanted and the most people of each role in it."""
    ids = {role["key"]: _key(f"role-{role['key']}", event) for role in event.get("roles", [])}
    roles = [
        {**{name: role[name] for name in role if name != "key"}, "id": ids[role["key"]]}
        for role in event.get("roles", [])
    ]
    shifts = [
        {
            "id": _key(f"shift-{number}", event),
            "starts_at": _at(day, shift["from"]),
            "ends_at": _at(day, shift["until"]),
            "place": shift.get("place", ""),
            "staffing": [
                {
                    "id": _key(f"places-{number}-{key}", event),
                    "role": ids[key],
                    "least": least,
                    "wanted": wanted,
                    "most": most,
                }
                for key, (least, wanted, most) in shift["needs"].items()
            ],
        }
        for number, shift in enumerate(event.get("shifts", []), 1)
    ]
    return {"roles": roles, "shifts": shifts}


def _at(day: date, at: time) -> datetime:
    return datetime.combine(day, at, _ZONE).astimezone(UTC)
