"""The three services in this process, each on a database of its own, with something in it to attack."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from services.events.events.cancelling import cancel_event
from services.notifications.main import create_api as notifications_api
from services.notifications.optouts.tokens import unsubscribe_token
from services.registrations.main import create_api as registrations_api
from services.registrations.registrations.admission import Admitted, Wish, admit
from shared.auth.members import Member, keep_organisations
from shared.auth.tokens import TOKEN_COOKIE, sign_token
from shared.contracts.events import EventState
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.database.engine import Database
from shared.database.migrations import upgrade
from tests.badinput.http.client import Client
from tests.support import notifications as of_notifications
from tests.support import registrations as of_registrations
from tests.support.events_service import EventsService, running_events_service

COUNTED = {"attempts"}
"""What a refusal may write: that there was a try."""

NO_LIMIT = 1e6
"""What limits on tries are multiplied by: these tests try more often than anybody may."""

LANGUAGES = ("de", "en", "tr", "ar", "uk")
"""Those that pages are written in."""


@dataclass
class Target:
    """One service and what it holds: `ids` and `tokens` are real, `cookies` are those of a member."""

    name: str
    app: Any
    ids: list[str]
    tokens: list[str] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)
    more: Any = None

    @property
    def database(self) -> Database:
        database: Database = self.app.state.database
        return database

    def browser(self, language: str = "en", *, member: bool = True) -> Client:
        """A browser that reads the language; `member` is signed in."""
        browser = Client(self.app, language)
        if member:
            browser.cookies |= self.cookies
        return browser

    async def contents(self) -> dict[str, str]:
        """A digest of each table's row versions: where two are equal, nobody wrote in between."""
        async with self.database.read() as session:
            found = await session.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            tables = sorted(set(found.scalars()) - COUNTED)
            each = (
                f"SELECT '{name}', md5(string_agg(ctid::text || xmin::text, '' ORDER BY ctid)) FROM \"{name}\""  # noqa: S608
                for name in tables
            )
            return dict((await session.execute(text(" UNION ALL ".join(each)))).all())


async def migrated(service: str, url: str) -> str:
    """The address of a database that now has the service's tables."""
    await asyncio.to_thread(upgrade, service, url)
    return url


@asynccontextmanager
async def events_target(url: str) -> AsyncIterator[Target]:
    """A draft, a published and a cancelled event of the member's, and one of another organisation."""
    async with running_events_service(url) as service:
        service.app.state.limits._factor = NO_LIMIT
        member, stranger = await service.organisation(), await service.organisation("Andere")
        published = await service.published(member)
        mine = [await service.draft(member), published, await _cancelled(service, member)]
        theirs = await service.published(stranger)
        code = (await service.row(published)).code
        token = sign_token(member.person_id, service.settings.token_private_key.get_secret_value(), service.now)
        ids = [*map(str, (*mine, theirs)), code, str(member.organisation_ids[0])]
        yield Target("events", service.app, ids, cookies={TOKEN_COOKIE: token}, more=(service, member, stranger))


async def _cancelled(service: EventsService, member: Member) -> UUID:
    event_id = await service.published(member)
    async with service.database.begin() as session:
        await cancel_event(session, member, event_id, {"de": "Der Raum ist gesperrt."}, 2, service.now)
    return event_id


@asynccontextmanager
async def registrations_target(url: str) -> AsyncIterator[Target]:
    """An event with room and a full one, and parties that are confirmed, that wait and that were asked."""
    app = registrations_api(of_registrations.settings(url))
    database = app.state.database
    roomy, full = of_registrations.event(1000), of_registrations.event(2)
    wishes = [of_registrations.wish(size=2), of_registrations.wish(size=1)]
    asked = [of_registrations.wish(of_registrations.number(), ask_owner=True)]
    tokens = []
    for event, parties in ((roomy, [*wishes, *asked]), (full, wishes)):
        await of_registrations.publish(database, event)
        tokens += await admitted(database, event, *parties)
    member = uuid4()
    hosts = [event.organisation_id for event in (roomy, full)]
    async with database.begin() as session:
        await keep_organisations(session, [_membership(host, member) for host in hosts])
    cookies = {TOKEN_COOKIE: of_registrations.sign(member)}
    yield Target("registrations", app, [str(roomy.id), str(full.id)], tokens, cookies, more=(roomy, full))
    await database.close()


def _membership(organisation_id: UUID, person_id: UUID) -> OrganisationChanged:
    members = [Membership(person_id=person_id, role=Role.OWNER)]
    return OrganisationChanged(aggregate_id=organisation_id, aggregate_version=1, name={"de": "Büro"}, members=members)


async def admitted(database: Database, event: EventState, *wishes: Wish) -> list[str]:
    """The secrets of the links of parties that are registered now."""
    pool, vault, rules = event.places[0].id, of_registrations.VAULT, of_registrations.RULES
    async with database.begin() as session:
        decided = await admit(session, vault, rules, pool, wishes, datetime.now(UTC))
    return [decision.token for decision in decided if isinstance(decision, Admitted)]


async def registered(database: Database, event: EventState, *wishes: Wish) -> list[UUID]:
    """The ids of parties that are registered now."""
    pool, vault, rules = event.places[0].id, of_registrations.VAULT, of_registrations.RULES
    async with database.begin() as session:
        decided = await admit(session, vault, rules, pool, wishes, datetime.now(UTC))
    return [decision.id for decision in decided if isinstance(decision, Admitted)]


@asynccontextmanager
async def notifications_target(url: str) -> AsyncIterator[Target]:
    """An event of the member's organisation and one of another's, and an address that gets mails."""
    app = notifications_api(of_notifications.settings(url))
    now, database = datetime.now(UTC), app.state.database
    app.state.clock = lambda: now
    mine, theirs, person = of_notifications.event(), of_notifications.event(), uuid4()
    for event in (mine, theirs):
        await of_notifications.publish_event(database, event)
    await of_notifications.publish_organisation(database, mine.organisation_id, person)
    tokens = [unsubscribe_token(of_notifications.VAULT, "somebody@example.org")]
    cookies = {TOKEN_COOKIE: sign_token(person, of_notifications.PRIVATE_KEY, now)}
    yield Target("notifications", app, [str(mine.id), str(theirs.id)], tokens, cookies, more=mine)
    await database.close()


TARGETS = {"events": events_target, "registrations": registrations_target, "notifications": notifications_target}
