"""The registrations service, put together."""

from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI

from services.registrations.actions import api as actions_api
from services.registrations.actions import pages as actions
from services.registrations.actions.commands import forgetting_timer as forgetting_outcomes
from services.registrations.asking import pages as asking_pages
from services.registrations.certificates import console as certificate_console
from services.registrations.certificates import pages as certificate_pages
from services.registrations.check_in import api as check_in_api
from services.registrations.check_in import pages as check_in_pages
from services.registrations.conversations.consumers import sms_consumer
from services.registrations.desk import pages as desk_pages
from services.registrations.desk import person as desk_person
from services.registrations.events.consumers import event_consumer
from services.registrations.events.queries import PoolIds
from services.registrations.exports import pages as exports
from services.registrations.exports import sheets
from services.registrations.hours import api as hours_api
from services.registrations.hours import console as hours_console
from services.registrations.hours import pages as hours_pages
from services.registrations.hours import sums
from services.registrations.qualifications import pages as qualification_pages
from services.registrations.qualifications.commands import tell_of_ends
from services.registrations.registrations import api, console, manage, pages
from services.registrations.registrations.admission import Rules
from services.registrations.registrations.consumers import delivery_consumer
from services.registrations.registrations.live import LiveLists
from services.registrations.registrations.promises import keep_promises
from services.registrations.registrations.waitlist import expire_overdue
from services.registrations.registrations.writer import AdmissionWriter
from services.registrations.settings import RegistrationsSettings
from services.registrations.shifts import calendars
from services.registrations.shifts import console as shift_console
from services.registrations.shifts import pages as shift_pages
from services.registrations.shifts.reminding import ask_who_comes
from services.registrations.swaps import console as swap_console
from services.registrations.swaps import pages as swap_pages
from services.registrations.swaps.commands import expire_swaps
from shared.auth.members import organisations_consumer
from shared.contracts.audit import AuditMessage, ChangeRecorded
from shared.contracts.contacts import ContactChanged, ContactMessage
from shared.contracts.notification_requests import NotificationRequested, NotificationRequestMessage
from shared.contracts.registrations import RegistrationConfirmed, RegistrationMessage
from shared.database.engine import Database
from shared.messaging.consumers import Consumer
from shared.runtime.api import finish_api, new_api, service_urls
from shared.runtime.timers import Timer
from shared.runtime.worker import Worker
from shared.vault import Vault
from shared.web.limits import Limits, forgetting_timer
from shared.web.navigation import FooterLinks
from shared.web.pages import Pages

SERVICE = "registrations"
HERE = Path(__file__).parent
ASK_EVERY = 20
"""Seconds between two looks at who is to be asked about a shift."""
TELL_EVERY = 600
"""Seconds between two looks at whose qualification ends soon."""
PARTS = (
    *(api, pages, manage, console, actions, actions_api, exports, sheets),
    *(hours_pages, hours_console, hours_api, sums, swap_pages, swap_console),
    *(shift_pages, shift_console, calendars, asking_pages),
    *(check_in_api, check_in_pages, desk_pages, desk_person),
    *(certificate_console, certificate_pages, qualification_pages),
)
NOUNS = ("registrations", "actions", "check_in", "desk", "shifts", "hours", "swaps", "certificates", "qualifications")
"""Those with templates."""
PUBLISHES = {
    RegistrationConfirmed.topic: RegistrationMessage,
    ContactChanged.topic: ContactMessage,
    NotificationRequested.topic: NotificationRequestMessage,
    ChangeRecorded.topic: AuditMessage,
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
        [HERE / noun / "templates" for noun in NOUNS],
        service_urls(settings),
        footer=FooterLinks(settings.privacy_url),
    )
    app = new_api(SERVICE, "Teilhabe registrations", settings, database, web)
    app.state.limits = Limits(settings, app.state.vault)
    app.state.rules = _rules(settings)
    app.state.pool_ids = PoolIds()
    app.state.writer = AdmissionWriter(database, app.state.vault, app.state.rules)
    app.state.live = LiveLists(database, settings.live_time)
    for part in PARTS:
        app.include_router(part.router)
    finish_api(app, consumers(settings), PUBLISHES, base="/registrations")
    return app


def create_worker(settings: RegistrationsSettings) -> Worker:
    """The worker process: consumers, relay, and the timers that end what nobody answered and ask who comes."""
    database = Database(settings.database, connections=settings.database_connections)
    vault, rules = Vault(settings), _rules(settings)

    async def expire() -> int:
        return await expire_overdue(database, vault, rules, datetime.now(UTC))

    async def promise() -> int:
        return await keep_promises(database, vault, rules, datetime.now(UTC))

    async def ask() -> int:
        await expire_swaps(database, vault, datetime.now(UTC))
        return await ask_who_comes(database, vault, settings.reminder_time, datetime.now(UTC))

    async def tell() -> int:
        return await tell_of_ends(database, vault, datetime.now(UTC))

    timers = [Timer("expire", 1, expire), Timer("ask", ASK_EVERY, ask), Timer("promises", 30, promise)]
    timers += [Timer("qualifications", TELL_EVERY, tell)]
    timers += [forgetting_timer(database), forgetting_outcomes(database)]
    return Worker(SERVICE, settings, database, consumers(settings), timers)
