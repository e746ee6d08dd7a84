"""What registrations learns from the events service."""

from datetime import UTC, datetime

from services.registrations.events.commands import take_over
from services.registrations.registrations.admission import Rules
from shared.contracts.events import EventMessage, EventPublished, checked
from shared.database.engine import WriteSession
from shared.messaging.consumers import Consumer
from shared.messaging.inbox import following
from shared.vault import Vault


def event_consumer(vault: Vault, rules: Rules) -> Consumer:
    """Keeps the events and their pools of places."""

    async def apply(session: WriteSession, messages: list[EventMessage]) -> None:
        """Take over events as they are published, changed, moved and cancelled."""
        for message in messages:
            with following(message):
                await take_over(session, vault, rules, checked(message), message.aggregate_version, datetime.now(UTC))

    return Consumer("registrations-events", EventPublished.topic, EventMessage, apply, singly=True)
