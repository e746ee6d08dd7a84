"""The friendly answer to someone who is registered already: the link once more, not more often than is kind."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from services.registrations.registrations.admission import AlreadyRegistered
from services.registrations.registrations.pool import seal_link
from shared.contracts.notification_requests import NotificationRequested, Template
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault

AT_MOST_EVERY = timedelta(minutes=10)

_REMIND = text(
    """
    UPDATE registrations SET reminded_at = :now
    WHERE id = :id AND (reminded_at IS NULL OR reminded_at <= :before) RETURNING id
    """
)


async def send_link_again(
    session: WriteSession, vault: Vault, event_id: UUID, earlier: AlreadyRegistered, now: datetime
) -> bool:
    """Ask for the message; returns False where one was asked for in the last ten minutes."""
    reminded = await session.execute(_REMIND, {"id": earlier.id, "now": now, "before": now - AT_MOST_EVERY})
    if reminded.scalar_one_or_none() is None:
        return False
    await publish(
        session,
        NotificationRequested(
            aggregate_id=earlier.id,
            aggregate_version=0,
            template=Template.ALREADY_REGISTERED,
            person_id=earlier.person_id,
            event_id=event_id,
            registration_id=earlier.id,
            data={"state": earlier.state.value, "party": earlier.party_size},
            sealed=seal_link(vault, earlier.id, "request"),
        ),
    )
    return True
