"""Organisers at work: events are published, moved, made larger and smaller, cancelled."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
from uuid6 import uuid7

from services.events.organisations.commands import add_organisation
from services.events.organisations.members import add_member
from services.events.organisations.model import OrganisationKind
from shared.auth.tokens import TOKEN_COOKIE, sign_token
from shared.contracts.organisations import Role
from shared.database.engine import Database
from shared.vault import Vault
from tests.faults.asking import Answer, ask
from tests.faults.house import House, noon_zone
from tests.faults.journal import Journal
from tests.support import registrations as given

ACTIVE = 8
LARGEST_PARTY = 3


@dataclass
class Event:
    """A published event as its organiser knows it."""

    id: str
    code: str
    version: int
    content: dict[str, Any]
    cancelled: bool = False


class Organiser:
    """One organisation's owner; `active` are the events that people register for just now."""

    def __init__(self, house: House, journal: Journal, http: aiohttp.ClientSession, dice: random.Random) -> None:
        self._house, self._journal, self._http, self._dice = house, journal, http, dice
        self.events: list[Event] = []
        self.active: list[Event] = []
        self._organisation, self._person = uuid7(), UUID(int=0)

    async def begin(self) -> None:
        """Found the organisation."""
        names = ("contact_keys", "link_key", "token_public_key")
        keys = {name: self._house.system.environment[f"TEILHABE_{name.upper()}"] for name in names}
        settings = given.settings()
        vault = Vault(settings.model_copy(update={k: type(getattr(settings, k))(v) for k, v in keys.items()}))
        database = Database(self._house.system.database("events"), connections=2)
        owner, office = f"{uuid4().hex}@faults.example", OrganisationKind.ASSOCIATION
        async with database.begin() as session:
            await add_organisation(
                session,
                vault,
                organisation_id=self._organisation,
                kind=office,
                name={"de": "Verein"},
                owner=owner,
                language="de",
                now=datetime.now(UTC),
            )
            role = Role.OWNER
            self._person = await add_member(session, vault, self._organisation, owner, role, "de")
        await database.close()

    async def work(self) -> None:
        """Until cancelled: something happens every one or two seconds."""
        while True:
            with suppress(_NotNowError):
                await self._something()
            await asyncio.sleep(self._dice.uniform(0.5, 1.8))

    async def _something(self) -> None:
        deeds = [self.publish, self._resize, self._resize, self._resize, self._reschedule, self._reschedule]
        deed = self._dice.choice([*deeds, self._cancel] if len(self.active) >= ACTIVE else [self.publish])
        await deed()

    async def publish(self, capacity: int = 0) -> Event:
        """A new event, the newest of the active ones, of which the oldest leaves."""
        content = _content(capacity or self._dice.randint(3, 10), self._dice)
        new = content | {"organisation_id": str(self._organisation)}
        made = await self._ask("POST", "", new, {"Idempotency-Key": uuid4().hex})
        event = Event(made.body["id"], made.body["content"]["code"], made.body["version"], content)
        await self._change(event, "POST", "/publish", None)
        self._journal.note("published", event=event.id, version=event.version, capacity=content["capacity"])
        self.events.append(event)
        await self._await_arrival(event)
        if not capacity:
            self.active = [*self.active[-(ACTIVE - 1) :], event]
        return event

    async def open_wide(self) -> None:
        """Every event has room for all who wait: after one wave of offers nobody waits."""
        for event in self.events:
            if not event.cancelled:
                await self._set_capacity(event, 5000)

    async def _resize(self) -> None:
        await self._set_capacity(self._dice.choice(self.active), self._dice.randint(LARGEST_PARTY, 10))

    async def _set_capacity(self, event: Event, capacity: int) -> None:
        content = event.content | {"capacity": capacity, "code": event.code}
        await self._change(event, "PUT", "/content", content)
        event.content = content
        self._journal.note("capacity", event=event.id, version=event.version, capacity=capacity)

    async def _reschedule(self) -> None:
        event = self._dice.choice(self.active)
        sessions = _sessions(self._dice)
        dates = {"time_zone": event.content["time_zone"], "sessions": sessions}
        await self._change(event, "POST", "/reschedule", dates)
        event.content["sessions"] = sessions
        self._journal.note("rescheduled", event=event.id, version=event.version)

    async def _cancel(self) -> None:
        event = self._dice.choice(self.active)
        event.cancelled = True
        self.active.remove(event)
        await self._change(event, "POST", "/cancel", {"reason": {"de": "Der Raum ist gesperrt."}})
        self._journal.note("event-cancelled", event=event.id, version=event.version)

    async def _change(self, event: Event, method: str, path: str, body: dict[str, Any] | None) -> None:
        """Change the event as it is now; what an earlier try had changed without our hearing of it is learnt first."""
        answer = await self._ask(method, f"/{event.id}{path}", body, {"If-Match": f'"{event.version}"'})
        if answer.status == 412:
            newest = await self._ask("GET", f"/{event.id}/content", None, {})
            event.version = newest.body["version"]
            event.content["sessions"] = newest.body["content"]["sessions"]
            if body and path == "/content":
                body["sessions"] = event.content["sessions"]
            answer = await self._ask(method, f"/{event.id}{path}", body, {"If-Match": f'"{event.version}"'})
        if answer.status >= 300:
            raise _NotNowError(f"{method} {path}: {answer.status}")
        event.version = answer.body["version"]

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Answer:
        key = self._house.system.environment["TEILHABE_TOKEN_PRIVATE_KEY"]
        headers = headers | {"Cookie": f"{TOKEN_COOKIE}={sign_token(self._person, key, datetime.now(UTC))}"}
        urls = [f"{self._house.system.url('events')}/api/events{path}"]
        answer = await ask(self._http, method, urls, json=body, headers=headers)
        if answer is None or (answer.status >= 300 and answer.status != 412):
            raise _NotNowError(f"{method} {path}: {answer and answer.status}")
        return answer

    async def _await_arrival(self, event: Event) -> None:
        """People learn of an event when the registrations service knows it."""
        urls = [f"{self._house.system.url('registrations', n)}" for n in range(2)]
        urls = [f"{url}/registrations/api/events/{event.id}/places" for url in urls]
        for _ in range(600):
            answer = await ask(self._http, "GET", urls)
            if answer is not None and answer.status == 200:
                return
            await asyncio.sleep(0.1)
        raise _NotNowError(f"event {event.id} did not arrive")


class _NotNowError(Exception):
    """The events service did not answer in time, or refused; the text says what."""


def _content(capacity: int, dice: random.Random) -> dict[str, Any]:
    return {
        "kind": "workshop",
        "main_language": "de",
        "words": {
            "de": {"title": "Nähen", "text": "Wir nähen.", "access_notes": "Rampe", "contact_hours": "Mo 9-12"},
        },
        "time_zone": noon_zone(),
        "sessions": _sessions(dice),
        "venue_name": "Haus",
        "venue_address": "Weg 1",
        "spoken_languages": ["de", "tr"],
        "capacity": capacity,
        "largest_party": LARGEST_PARTY,
        "contact_name": "Büro",
        "contact_phone": "030 23125010",
        "contact_languages": ["de"],
    }


def _sessions(dice: random.Random) -> list[dict[str, str]]:
    day = (datetime.now(UTC) + timedelta(days=dice.randint(20, 200))).date().isoformat()
    hour, minute = dice.randint(8, 18), dice.randint(0, 59)
    return [{"starts_at": f"{day}T{hour:02}:{minute:02}", "ends_at": f"{day}T20:00"}]
