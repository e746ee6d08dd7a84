"""The events service, put together."""

from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI

from services.events.audit import pages as audit_pages
from services.events.audit.consumers import audit_consumer
from services.events.co_hosts import pages as co_host_pages
from services.events.events import actions
from services.events.events import api as events_api
from services.events.events import pages as events_pages
from services.events.events.fields import MESSAGES as DRAFTING_MESSAGES
from services.events.importing import pages as importing_pages
from services.events.importing.commands import forget_old_imports
from services.events.organisations import joining, public
from services.events.organisations import pages as organisation_pages
from services.events.organisations.invitations import forget_overdue
from services.events.posters import pages as posters_pages
from services.events.programme import api as programme_api
from services.events.programme import embedding, feeds
from services.events.programme import pages as programme_pages
from services.events.programme.consumers import counts_consumer
from services.events.series import pages as series_pages
from services.events.series.filling import fill_due
from services.events.series.pages import window_of
from services.events.settings import EventsSettings
from services.events.shifts import pages as shift_pages
from services.events.sign_in import openid_pages
from services.events.sign_in import pages as sign_in_pages
from services.events.sign_in.commands import answer_requests, forget_old
from services.events.sign_in.openid import OpenId
from services.events.translations import pages as translation_pages
from shared.contracts.audit import AuditMessage, ChangeRecorded
from shared.contracts.contacts import ContactChanged, ContactMessage
from shared.contracts.events import EventMessage, EventPublished
from shared.contracts.notification_requests import NotificationRequested, NotificationRequestMessage
from shared.contracts.organisations import OrganisationChanged, OrganisationMessage
from shared.database.engine import Database
from shared.messaging.consumers import Consumer
from shared.runtime.api import finish_api, new_api, service_urls
from shared.runtime.timers import Timer
from shared.runtime.worker import Worker
from shared.vault import Vault
from shared.web import validation
from shared.web.limits import Limits, forgetting_timer
from shared.web.navigation import FooterLinks
from shared.web.pages import Pages

SERVICE = "events"
HERE = Path(__file__).parent
NOUNS = (
    "programme",
    "events",
    "series",
    "sign_in",
    "organisations",
    "co_hosts",
    "posters",
    "audit",
    "importing",
    "translations",
    "shifts",
)
"""The folders that hold templates."""
PARTS = (
    programme_api,
    events_api,
    feeds,
    embedding,
    programme_pages,
    events_pages,
    actions,
    series_pages,
    openid_pages,
    sign_in_pages,
    organisation_pages,
    joining,
    public,
    co_host_pages,
    posters_pages,
    audit_pages,
    importing_pages,
    translation_pages,
    shift_pages,
)
PUBLISHES = {
    EventPublished.topic: EventMessage,
    OrganisationChanged.topic: OrganisationMessage,
    ContactChanged.topic: ContactMessage,
    NotificationRequested.topic: NotificationRequestMessage,
    ChangeRecorded.topic: AuditMessage,
}


def consumers() -> list[Consumer]:
    """What the service listens to."""
    return [counts_consumer(), audit_consumer()]


def create_api(settings: EventsSettings) -> FastAPI:
    """The api process: programme, console, sign-in, JSON."""
    validation.MESSAGES.update(DRAFTING_MESSAGES)
    database = Database(settings.database, connections=settings.database_connections)
    templates = [HERE / noun / "templates" for noun in NOUNS]
    pages = Pages(SERVICE, templates, service_urls(settings), footer=FooterLinks(settings.privacy_url))
    app = new_api(SERVICE, "Teilhabe events", settings, database, pages)
    app.state.limits = Limits(settings, app.state.vault)
    app.state.openid = OpenId(settings) if settings.openid else None
    pages.environment.globals["identity_provider"] = settings.openid_name if settings.openid else None
    for part in PARTS:
        app.include_router(part.router)
    finish_api(app, consumers(), PUBLISHES, base="")
    return app


def create_worker(settings: EventsSettings) -> Worker:
    """The worker process: the counts of places, relay, and the timers that send and forget sign-in links."""
    database = Database(settings.database, connections=settings.database_connections)
    vault = Vault(settings)

    async def send_links() -> int:
        async with database.begin() as session:
            return await answer_requests(session, vault, settings.link_lifetime)

    async def forget() -> None:
        async with database.begin() as session:
            await forget_old(session, settings.sign_in_window, datetime.now(UTC))
            await forget_overdue(session, datetime.now(UTC))

    async def forget_imports() -> None:
        async with database.begin() as session:
            await forget_old_imports(session, datetime.now(UTC))

    async def fill_series() -> int:
        return await fill_due(database, window_of(settings), datetime.now(UTC))

    timers = [
        Timer("sign-in-links", 0.5, send_links),
        Timer("sign-in-forget", 300, forget),
        Timer("imports-forget", 3600, forget_imports),
        Timer("series", 60, fill_series),
        forgetting_timer(database),
    ]
    return Worker(SERVICE, settings, database, consumers(), timers)
