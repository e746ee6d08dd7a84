"""Texts that arrive from residents."""

from datetime import UTC, datetime

from services.registrations.conversations.commands import answer_sms
from services.registrations.registrations.admission import Rules
from services.registrations.settings import RegistrationsSettings
from shared.contracts.sms import Sms, SmsMessage, SmsReceived
from shared.database.engine import WriteSession
from shared.messaging.consumers import Consumer
from shared.messaging.inbox import following
from shared.vault import Vault


def sms_consumer(vault: Vault, rules: Rules, settings: RegistrationsSettings) -> Consumer:
    """Answers each text in a transaction of its own."""

    async def apply(session: WriteSession, messages: list[SmsReceived]) -> None:
        """Do what residents text: register, answer, ask, cancel."""
        for message in messages:
            sms = vault.open(message.sealed, Sms, f"sms:{message.message_id}")
            with following(message):
                await answer_sms(
                    session,
                    vault,
                    rules,
                    sms,
                    settings.default_language,
                    f"sms-{settings.consent_version}",
                    datetime.now(UTC),
                )

    return Consumer("registrations-sms", SmsReceived.topic, SmsMessage, apply, singly=True)
