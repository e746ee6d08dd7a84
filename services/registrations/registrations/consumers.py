"""What becomes of the messages to people: an organiser sees who could not be reached."""

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Boolean, Uuid

from services.registrations.actions.annotating import touch_lists
from shared.contracts.deliveries import DeliveryEnded, DeliveryMessage, Outcome
from shared.database.engine import WriteSession
from shared.messaging.consumers import Consumer

_NOTE = text(
    """
    UPDATE registrations r SET unreachable = seen.failed
    FROM unnest(:ids, :failed) AS seen (id, failed)
    WHERE r.id = seen.id AND r.unreachable <> seen.failed RETURNING r.event_id
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("failed", type_=ARRAY(Boolean)))


def delivery_consumer() -> Consumer:
    """Keeps whether a registration's person was reached the last time."""

    async def apply(session: WriteSession, messages: list[DeliveryEnded]) -> None:
        """Note whose messages failed, and whose arrive again."""
        latest = {
            m.registration_id: m.outcome in (Outcome.FAILED, Outcome.SUPPRESSED) for m in messages if m.registration_id
        }
        noted = await session.execute(_NOTE, {"ids": sorted(latest), "failed": [latest[i] for i in sorted(latest)]})
        await touch_lists(session, set(noted.scalars()))

    return Consumer("registrations-deliveries", DeliveryEnded.topic, DeliveryMessage, apply)
