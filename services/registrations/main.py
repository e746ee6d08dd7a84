"""The registrations service, put together."""

from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from services.registrations.conversations.consumers import sms_consumer
from services.registrations.events.consumers import event_consumer
from services.registrations.registrations import api, console, manage, pages
from services.registrations.registrations.admission import Rules
from services.registrations.registrations.consumers import delivery_consumer
from services.registrations.registrations.waitlist import expire_overdue
from services.registrations.registrations.writer import AdmissionWriter
from services.registrations.settings import RegistrationsSettings
from shared.auth.members import organisations_consumer
from shared.contracts.contacts import ContactChanged, ContactMessage
from shared.contracts.notification_requests import NotificationRequested, NotificationRequestMessage
from shared.contracts.registrations import RegistrationConfirmed, RegistrationMessage
from shared.database.engine import Database
from shared.messaging.consumers import Consumer
from shared.messaging.consumption import is_outage
from shared.runtime.api import finish_api, new_api, service_urls
from shared.runtime.timers import Timer
from shared.runtime.worker import Worker
from shared.vault import Vault
from shared.web.navigation import FooterLinks
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.problems import problem_response

SERVICE = "registrations"
RETRY_AFTER = "10"
HERE = Path(__file__).parent
PUBLISHES = {
    RegistrationConfirmed.topic: RegistrationMessage,
    ContactChanged.topic: ContactMessage,
    NotificationRequested.topic: NotificationRequestMessage,
}


def _rules(settings: RegistrationsSettings) -> Rules:
    return Rules(hold_time=settings.hold_time, offer_time=settings.offer_time)


def consumers(settings: RegistrationsSettings) -> list[Consumer]:
    """What the service listens to."""
    vault, rules = Vault(settings), _rules(settings)
    return [
        event_consumer(vault, rules),
        organisations_consumer("registrations-organisations"),
        sms_consumer(vault, rules, settings),
        delivery_consumer(),
    ]


def create_api(settings: RegistrationsSettings) -> FastAPI:
    """The api process: forms, links, JSON, and one admission writer per pool of places."""
    database = Database(settings.database, connections=settings.database_connections)
    web = Pages(
        SERVICE,
        [HERE / "registrations" / "templates"],
        service_urls(settings),
        footer=FooterLinks(settings.privacy_url),
    )
    app = new_api(SERVICE, "Teilhabe registrations", settings, database, web)
    app.state.rules = _rules(settings)
    app.state.writer = AdmissionWriter(database, app.state.vault, app.state.rules)
    for router in (api.router, pages.router, manage.router, console.router):
        app.include_router(router)
    finish_api(app, consumers(settings), PUBLISHES, base="/registrations")
    for error in (SQLAlchemyError, OSError):
        app.add_exception_handler(error, _on_database_error)
    return app


async def _on_database_error(request: Request, error: Exception) -> Response:
    """While the database cannot be reached, people and programs are told to come back."""
    if not is_outage(error):
        raise error
    problem = Problem(503, "database-away", headers={"Retry-After": RETRY_AFTER})
    return problem_response(request, request.app.state.pages, problem)


def create_worker(settings: RegistrationsSettings) -> Worker:
    """The worker process: consumers, relay, and the timer that ends what nobody answered."""
    database = Database(settings.database, connections=settings.database_connections)
    vault, rules = Vault(settings), _rules(settings)

    async def expire() -> int:
        return await expire_overdue(database, vault, rules, datetime.now(UTC))

    return Worker(SERVICE, settings, database, consumers(settings), [Timer("expire", 1, expire)])
