"""The notifications service, put together: its api and its worker."""

from asyncio import Event
from pathlib import Path

from fastapi import FastAPI

from services.notifications.calls import pages as calls_pages
from services.notifications.calls.commands import expire_calls
from services.notifications.contacts.consumers import consumers as contact_consumers
from services.notifications.deliveries import api as deliveries_api
from services.notifications.deliveries import pages as deliveries_pages
from services.notifications.deliveries.consumers import consumers as delivery_consumers
from services.notifications.deliveries.sending import Providers, Sender, utc_now
from services.notifications.events.consumers import consumers as event_consumers
from services.notifications.mailbox import pages as mailbox_pages
from services.notifications.optouts import pages as optouts_pages
from services.notifications.providers.chosen import chosen_providers
from services.notifications.retention import retention_timer
from services.notifications.settings import NotificationsSettings
from services.notifications.sms import api as sms_api
from shared.auth.members import organisations_consumer
from shared.contracts.audit import AuditMessage, ChangeRecorded
from shared.contracts.deliveries import DeliveryEnded, DeliveryMessage
from shared.contracts.sms import SmsMessage, SmsReceived
from shared.database.engine import Database
from shared.messaging.consumers import Consumer
from shared.runtime.api import finish_api, new_api, service_urls
from shared.runtime.timers import Timer
from shared.runtime.worker import Worker
from shared.vault import Vault
from shared.web.limits import Limits, forgetting_timer
from shared.web.navigation import FooterLinks
from shared.web.pages import Pages

SERVICE = "notifications"
PUBLISHES = {
    DeliveryEnded.topic: DeliveryMessage,
    SmsReceived.topic: SmsMessage,
    ChangeRecorded.topic: AuditMessage,
}
_TEMPLATES = [Path(__file__).parent / noun / "templates" for noun in ("calls", "deliveries", "mailbox", "optouts")]


def create_api(settings: NotificationsSettings) -> FastAPI:
    """The pages, the JSON API and the providers' webhooks. The phone and mailbox do not exist in production."""
    database = Database(settings.database, connections=settings.database_connections)
    pages = Pages(SERVICE, _TEMPLATES, service_urls(settings), footer=FooterLinks(settings.privacy_url))
    app = new_api(SERVICE, "Teilhabe notifications", settings, database, pages)
    app.state.limits = Limits(settings, app.state.vault)
    app.include_router(calls_pages.router)
    app.include_router(deliveries_api.router)
    app.include_router(deliveries_pages.router)
    app.include_router(optouts_pages.router)
    if settings.sms_provider == "twilio":
        app.include_router(sms_api.router)
    if settings.environment != "production":
        app.include_router(mailbox_pages.router)
    finish_api(app, _consumers(app.state.vault), PUBLISHES, base=f"/{SERVICE}")
    return app


class NotificationsWorker(Worker):
    """A worker that also lets go of its providers."""

    providers: Providers

    async def stop(self) -> None:
        """Stop as every worker does; then hang up."""
        await super().stop()
        await self.providers.close()


def create_worker(settings: NotificationsSettings) -> Worker:
    """Consumers, the ledger's sender, and forgetting."""
    database = Database(settings.database, connections=settings.database_connections)
    vault = Vault(settings)
    providers = chosen_providers(settings, database)
    sender = Sender(database, vault, settings, providers)
    recorded = Event()

    async def expire() -> int:
        return await expire_calls(database, utc_now())

    timers = [
        *sender.timers(recorded),
        Timer("expire-calls", 30, expire),
        retention_timer(database, settings, utc_now),
        forgetting_timer(database),
    ]
    worker = NotificationsWorker(SERVICE, settings, database, _consumers(vault, recorded), timers)
    worker.providers = providers
    return worker


def _consumers(vault: Vault, recorded: Event | None = None) -> list[Consumer]:
    return [
        organisations_consumer(),
        *event_consumers(),
        *contact_consumers(vault),
        *delivery_consumers(vault, recorded),
    ]
