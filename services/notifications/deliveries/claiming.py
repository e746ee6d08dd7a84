"""Taking deliveries out of the ledger to send them.

Load-bearing invariants:
- A claim is committed before the provider is called: the row is `sending`, its lease runs, the attempt is counted.
- A row is not claimed while an earlier one of the same recipient waits for its first attempt or is being sent, so
  that people read things in the order in which they happened. One that waits for a retry holds nobody up.
- Whoever opted out is found here, at the last moment: a STOP that came in after the row was written still counts.
- What is of no use any more (`expires_at`) is not sent.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import Text

from services.notifications.deliveries.ended import publish_ended
from services.notifications.deliveries.model import State
from shared.contracts.deliveries import DeliveryChannel
from shared.database.engine import WriteSession

ALWAYS_SENT = ("sign-in", "invitation", "stopped", "started", "still-stopped")
"""Asked for in the same breath, so that an earlier opt-out does not hold them back."""

_CLAIM = (
    text(
        """
        WITH due AS (
            SELECT d.id, d.person_id, d.address_key, d.template, d.expires_at, d.recipient FROM deliveries d
            WHERE d.state IN ('queued', 'unknown') AND d.next_attempt_at <= :now AND d.channel = :channel
              AND NOT EXISTS (
                SELECT FROM deliveries e WHERE e.recipient = d.recipient AND e.id < d.id
                AND (e.state = 'sending' OR (e.state = 'queued' AND e.attempts = 0)))
            ORDER BY d.next_attempt_at, d.id LIMIT :most
            FOR UPDATE OF d SKIP LOCKED
        ), judged AS (
            SELECT due.id, c.language, c.name, CASE :channel WHEN 'sms' THEN c.phone ELSE c.email END AS address,
                NOT EXISTS (
                    SELECT FROM deliveries e
                    WHERE e.recipient = due.recipient AND e.channel = 'sms' AND e.sent_at IS NOT NULL
                ) AS first,
                CASE
                    WHEN due.expires_at <= :now THEN 'expired'
                    WHEN due.template <> ALL(:always) AND EXISTS (
                        SELECT FROM optouts o WHERE o.channel = :channel AND o.address_key = coalesce(
                            due.address_key, CASE :channel WHEN 'sms' THEN c.phone_key ELSE c.email_key END)
                    ) THEN 'suppressed'
                    ELSE 'sending'
                END AS state
            FROM due LEFT JOIN contacts c ON c.person_id = due.person_id
        )
        UPDATE deliveries d SET
            state = judged.state,
            attempts = d.attempts + (judged.state = 'sending')::int,
            lease_until = CASE WHEN judged.state = 'sending' THEN CAST(:lease_until AS timestamptz) END,
            version = d.version + (judged.state <> 'sending')::int,
            ended_at = CASE WHEN judged.state <> 'sending' THEN CAST(:now AS timestamptz) END
        FROM judged WHERE d.id = judged.id
        RETURNING d.id, d.attempts, d.state, d.version, d.idempotency_key, d.correlation_id, d.cause_id, d.person_id,
            d.template, d.channel, d.event_id, d.registration_id, d.data, d.sealed, d.purpose, d.created_at,
            judged.language, judged.name, judged.address, judged.first
        """
    )
    .bindparams(bindparam("always", type_=ARRAY(Text)))
    .columns(
        id=Uuid,
        idempotency_key=Uuid,
        correlation_id=Uuid,
        cause_id=Uuid,
        person_id=Uuid,
        event_id=Uuid,
        registration_id=Uuid,
        data=JSONB,
    )
)


@dataclass(frozen=True)
class Claim:
    """A delivery that is ours to send until `lease_until`; `attempt` proves it. The contact is as it is now."""

    id: UUID
    attempt: int
    key: UUID
    template: str
    channel: DeliveryChannel
    created_at: datetime
    lease_until: datetime
    event_id: UUID | None = None
    registration_id: UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)
    sealed: str | None = None
    purpose: str | None = None
    language: str | None = None
    name: str | None = None
    address: str | None = None
    first: bool = False


@dataclass(frozen=True)
class Claimed:
    """What to send, and how many rows were taken from the ledger in all."""

    claims: list[Claim]
    rows: int


async def claim(
    session: WriteSession, channel: DeliveryChannel, *, most: int, lease: timedelta, now: datetime
) -> Claimed:
    """Take what is due, oldest first; what is not to be sent any more ends here and is published."""
    lease_until = now + lease
    values = {
        "now": now,
        "channel": channel.value,
        "most": most,
        "lease_until": lease_until,
        "always": list(ALWAYS_SENT),
    }
    rows: list[Any] = list(await session.execute(_CLAIM, values))
    await publish_ended(session, [row for row in rows if row.state != State.SENDING])
    taken = sorted((row for row in rows if row.state == State.SENDING), key=lambda row: row.id)
    return Claimed([_claim(row, lease_until) for row in taken], len(rows))


def _claim(row: Any, lease_until: datetime) -> Claim:
    return Claim(
        id=row.id,
        attempt=row.attempts,
        key=row.idempotency_key,
        template=row.template,
        channel=DeliveryChannel(row.channel),
        created_at=row.created_at,
        lease_until=lease_until,
        event_id=row.event_id,
        registration_id=row.registration_id,
        data=row.data,
        sealed=row.sealed,
        purpose=row.purpose,
        language=row.language,
        name=row.name,
        address=row.address,
        first=row.first,
    )
