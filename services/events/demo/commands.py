"""Demo data: organisations and events, as `demo.toml` has them, with dates relative to the day they are loaded."""

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from services.events.events.cancelling import cancel_event
from services.events.events.commands import create_event
from services.events.events.drafting import DEFAULT_ZONE, EventContent
from services.events.events.model import State
from services.events.events.publishing import publish_event
from services.events.events.queries import event_of
from services.events.organisations.commands import add_organisation
from services.events.organisations.members import add_member
from services.events.organisations.model import OrganisationKind
from shared.auth.members import Member, memberships
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


async def load_demo(database: Database, vault: Vault, now: datetime) -> int:
    """Make what is not there yet; returns how many events were made. What somebody has changed stays so."""
    made = 0
    for organisation in _data()["organisations"]:
        async with database.begin() as session:
            member = await _owner(session, vault, organisation, now)
        for event in _data()["events"]:
            if event["organisation"] == organisation["key"]:
                async with database.begin() as session:
                    made += await _load_event(session, member, _organisation_id(organisation["key"]), event, now)
    return made


def _organisation_id(key: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"teilhabe-demo:organisation:{key}")


async def _owner(session: WriteSession, vault: Vault, organisation: dict[str, Any], now: datetime) -> Member:
    organisation_id, owner = _organisation_id(organisation["key"]), organisation["owner"]
    kind, name = OrganisationKind(organisation["kind"]), organisation["name"]
    await add_organisation(
        session, vault, organisation_id=organisation_id, kind=kind, name=name, owner=owner, language="de", now=now
    )
    person_id = await add_member(session, vault, organisation_id, owner, Role.OWNER, "de")
    return Member(person_id, await memberships(session, person_id))


async def _load_event(
    session: WriteSession, member: Member, organisation_id: UUID, event: dict[str, Any], now: datetime
) -> bool:
    content = _content(event, now.astimezone(_ZONE).date())
    key = uuid5(NAMESPACE_URL, f"teilhabe-demo:event:{event['code']}")
    event_id = await create_event(session, member, organisation_id, content, key, now)
    known = await event_of(session, member.organisation_ids, event_id)
    if known is None or known.row.state != State.DRAFT:
        return False
    version = await publish_event(session, member, event_id, known.row.version, now)
    if reasons := event.get("cancelled"):
        await cancel_event(session, member, event_id, reasons, version, now)
    return True


def _content(event: dict[str, Any], today: date) -> EventContent:
    plain = {name: value for name, value in event.items() if name in EventContent.model_fields}
    contact = _data()["contacts"][event["organisation"]]
    hours = contact["hours"]
    words = {code: {**texts, "contact_hours": hours.get(code, hours["de"])} for code, texts in event["words"].items()}
    dates = event["dates"]
    first = today + timedelta(days=(dates["weekday"] - today.weekday()) % 7, weeks=dates["in_weeks"])
    days = [first + timedelta(weeks=number) for number in range(dates.get("times", 1))]
    sessions = [{"starts_at": _at(day, dates["from"]), "ends_at": _at(day, dates["until"])} for day in days]
    given = plain | contact["contact"] | {"words": words, "sessions": sessions}
    if "opens_in_days" in event:
        given["registration_opens_at"] = _at(today + timedelta(days=event["opens_in_days"]), time(9))
    return EventContent.model_validate(given)


def _at(day: date, at: time) -> datetime:
    return datetime.combine(day, at, _ZONE).astimezone(UTC)
