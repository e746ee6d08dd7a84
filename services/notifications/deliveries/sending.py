"""The ledger's worker: claim, release the database, call the provider, write down the outcome.

Load-bearing invariants:
- No connection and no transaction is held while a provider is called.
- A provider is called only within the lease: a claim that is too late to finish goes back unsent.
- Whatever goes wrong with one delivery is that delivery's outcome; its neighbours go out.
- A stop waits a few seconds for the calls that have begun; what is cut off is settled like a lost lease.
The rules for what cannot be known are in `retries`.
"""

import asyncio
from asyncio import Event, Semaphore
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from traceback import extract_tb
from typing import Any

import structlog
from prometheus_client import Gauge

from services.notifications.contacts.addresses import address_key
from services.notifications.deliveries.claiming import Claim, claim
from services.notifications.deliveries.model import State
from services.notifications.deliveries.outcomes import record_attempts, settle_lost_leases
from services.notifications.deliveries.queries import seconds_overdue
from services.notifications.deliveries.rendering import Renderer
from services.notifications.deliveries.retries import Attempt, Rules, accepted, failed, not_begun
from services.notifications.events.queries import events_by_id
from services.notifications.optouts.commands import opt_out
from services.notifications.providers.port import (
    Accepted,
    DeliveryError,
    MailProvider,
    NotRetryableError,
    OutgoingMail,
    OutgoingSms,
    SmsProvider,
)
from services.notifications.settings import NotificationsSettings
from services.notifications.templates.facts import Telling
from services.notifications.templates.mail import UnusableAddressError, render_mail
from services.notifications.templates.sms import render_sms
from shared.contracts.deliveries import DeliveryChannel
from shared.database.engine import Database, WriteSession
from shared.runtime.timers import Timer
from shared.sms.encoding import segments
from shared.vault import Vault

log = structlog.get_logger()

OVERDUE = Gauge("teilhabe_deliveries_overdue_seconds", "Age of the oldest delivery that is due", ["channel"])

_STOP_WAIT = 4.0
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Providers:
    """One of each kind, as the settings chose."""

    sms: SmsProvider
    mail: MailProvider

    async def close(self) -> None:
        """Let go of connections."""
        await self.sms.close()
        await self.mail.close()


class Sender:
    """Sends what the ledger holds; any number of them share the work."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        settings: NotificationsSettings,
        providers: Providers,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._vault = vault
        self._settings = settings
        self._providers = providers
        self._clock = clock
        sms_wait = timedelta(0) if providers.sms.idempotent else settings.sms_unknown_wait
        waits = {DeliveryChannel.SMS: sms_wait, DeliveryChannel.EMAIL: timedelta(0)}
        self._rules = Rules(settings.give_up_after, waits)

    def timers(self, recorded: Event) -> list[Timer]:
        """One per channel, so that a slow mail server holds up no SMS; one for lost leases, one that measures.

        Both channels look at once when `recorded` says that there is something new in the ledger.
        """
        return [
            Timer("send-sms", 0.25, self.send_sms, wake=recorded),
            Timer("send-mail", 0.25, self.send_mail, wake=recorded),
            Timer("lost-leases", 5, self.settle_lost_leases),
            Timer("ledger-age", 15, self.measure),
        ]

    async def send_sms(self) -> int:
        """Send what is due by SMS; returns how many deliveries were dealt with."""
        return await self._send_due(DeliveryChannel.SMS)

    async def send_mail(self) -> int:
        """Send what is due by mail; returns how many deliveries were dealt with."""
        return await self._send_due(DeliveryChannel.EMAIL)

    async def settle_lost_leases(self) -> int:
        """Deal with what a vanished sender had claimed."""
        async with self._database.begin() as session:
            return await settle_lost_leases(session, self._rules.unknown_wait, self._clock())

    async def measure(self) -> None:
        """Show the operators how long what is due has waited."""
        async with self._database.read() as session:
            waited = await seconds_overdue(session, self._clock())
        for channel in (DeliveryChannel.EMAIL, DeliveryChannel.SMS):
            OVERDUE.labels(channel).set(waited.get(channel, 0.0))

    async def _send_due(self, channel: DeliveryChannel) -> int:
        async with self._database.begin() as session:
            most, lease = self._settings.send_batch, self._settings.lease
            claimed = await claim(session, channel, most=most, lease=lease, now=self._clock())
        if claimed.claims:
            await _finish(self._send_and_record(claimed.claims))
        return claimed.rows

    async def _send_and_record(self, claims: Sequence[Claim]) -> None:
        attempts = await self._send_all(claims)
        async with self._database.begin() as session:
            await record_attempts(session, attempts)
            for attempt in attempts:
                if attempt.state is State.SUPPRESSED:
                    await self._remember_opt_out(session, attempt.claim)

    async def _send_all(self, claims: Sequence[Claim]) -> list[Attempt]:
        async with self._database.read() as session:
            events = await events_by_id(session, {claim.event_id for claim in claims if claim.event_id})
        renderer = Renderer(self._settings, self._vault, events)
        room = Semaphore(self._settings.send_concurrency)
        return list(await asyncio.gather(*(self._attempt(renderer, room, claim) for claim in claims)))

    async def _attempt(self, renderer: Renderer, room: Semaphore, claim: Claim) -> Attempt:
        async with room:
            now = self._clock()
            if now + self._settings.provider_timeout >= claim.lease_until:
                return not_begun(claim, now)
            try:
                return await self._send(renderer, claim, now)
            except DeliveryError as error:
                return failed(claim, error, self._provider_name(claim), self._rules, self._clock())
            except Exception as error:  # noqa: BLE001 - a fault of ours ends this delivery alone, and loudly
                fault = NotRetryableError(f"fault:{type(error).__name__}")
                where = [f"{frame.filename}:{frame.lineno}" for frame in extract_tb(error.__traceback__)]
                log.error("delivery.fault", template=claim.template, error=fault.code, where=where[-3:])  # noqa: TRY400
                return failed(claim, fault, self._provider_name(claim), self._rules, self._clock())

    async def _send(self, renderer: Renderer, claim: Claim, now: datetime) -> Attempt:
        address, telling = renderer.telling(claim, now)
        if claim.channel is DeliveryChannel.SMS:
            text = render_sms(telling)
            answer = await self._providers.sms.send(OutgoingSms(claim.key, claim.id, address, text))
            return accepted(claim, answer, self._providers.sms.name, segments(text).count, self._clock())
        answer = await self._mail(claim, telling, address)
        return accepted(claim, answer, self._providers.mail.name, None, self._clock())

    async def _mail(self, claim: Claim, telling: Telling, address: str) -> Accepted:
        try:
            mail = render_mail(telling, address=address, sender=self._settings.mail_from)
        except UnusableAddressError as error:
            raise NotRetryableError("address") from error
        return await self._providers.mail.send(OutgoingMail(claim.key, claim.id, mail))

    def _provider_name(self, claim: Claim) -> str:
        return self._providers.sms.name if claim.channel is DeliveryChannel.SMS else self._providers.mail.name

    async def _remember_opt_out(self, session: WriteSession, claim: Claim) -> None:
        if claim.address:
            key = address_key(self._vault, claim.channel, claim.address)
            await opt_out(session, claim.channel, key, self._clock())


async def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Do the work; when cancelled, let it end within a few seconds first."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            await asyncio.wait_for(task, _STOP_WAIT)
        raise
