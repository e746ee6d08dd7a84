"""Writing down how attempts went, and what to make of those of which nobody can say.

Load-bearing invariants:
- An outcome is written only by the claimer whose attempt is the row's newest; a receipt that was quicker stands.
- The row's change and its `DeliveryEnded` are one transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.types import Integer, Text

from services.notifications.deliveries.ended import OUTCOMES, publish_ended
from services.notifications.deliveries.model import State
from services.notifications.deliveries.retries import Attempt
from shared.contracts.deliveries import DeliveryChannel
from shared.database.engine import WriteSession

log = structlog.get_logger()

LEASES_LOST = Counter("teilhabe_delivery_leases_lost_total", "Deliveries whose sender vanished", ["channel"])

_RETURNED = """RETURNING d.id, d.state, d.version, d.correlation_id, d.cause_id, d.channel, d.template, d.person_id,
    d.event_id, d.registration_id, d.error_code"""

_RECORD = (
    text(
        f"""
        UPDATE deliveries d SET
            state = o.state,
            lease_until = NULL,
            next_attempt_at = o.next_at,
            provider = coalesce(nullif(o.provider, ''), d.provider),
            provider_id = coalesce(o.provider_id, d.provider_id),
            segments = coalesce(o.segments, d.segments),
            error_code = o.error_code,
            version = d.version + (o.state = ANY(:final))::int,
            sent_at = CASE WHEN o.state = 'sent' THEN o.at ELSE d.sent_at END,
            ended_at = CASE WHEN o.state = ANY(:final) THEN o.at END
        FROM unnest(:ids, :attempts, :states, :ats, :next_ats, :providers, :provider_ids, :segments, :errors)
            AS o (id, attempt, state, at, next_at, provider, provider_id, segments, error_code)
        WHERE d.id = o.id AND d.attempts = o.attempt AND d.state IN ('sending', 'unknown')
        {_RETURNED}
        """  # noqa: S608 - constants of this module
    )
    .bindparams(
        bindparam("ids", type_=ARRAY(Uuid)),
        bindparam("attempts", type_=ARRAY(Integer)),
        bindparam("states", type_=ARRAY(Text)),
        bindparam("ats", type_=ARRAY(TIMESTAMP(timezone=True))),
        bindparam("next_ats", type_=ARRAY(TIMESTAMP(timezone=True))),
        bindparam("providers", type_=ARRAY(Text)),
        bindparam("provider_ids", type_=ARRAY(Text)),
        bindparam("segments", type_=ARRAY(Integer)),
        bindparam("errors", type_=ARRAY(Text)),
        bindparam("final", type_=ARRAY(Text)),
    )
    .columns(id=Uuid, correlation_id=Uuid, cause_id=Uuid, person_id=Uuid, event_id=Uuid, registration_id=Uuid)
)


async def record_attempts(session: WriteSession, attempts: Sequence[Attempt]) -> None:
    """Write all outcomes in one statement, and publish those that are final."""
    values = {
        "ids": [a.claim.id for a in attempts],
        "attempts": [a.claim.attempt for a in attempts],
        "states": [a.state.value for a in attempts],
        "ats": [a.at for a in attempts],
        "next_ats": [a.next_at for a in attempts],
        "providers": [a.provider for a in attempts],
        "provider_ids": [a.provider_id for a in attempts],
        "segments": [a.segments for a in attempts],
        "errors": [a.error_code for a in attempts],
        "final": [state.value for state in OUTCOMES],
    }
    rows = await session.execute(_RECORD, values)
    await publish_ended(session, [row for row in rows if State(row.state) in OUTCOMES])


_LOST = text(
    """
    UPDATE deliveries SET state = 'unknown', lease_until = NULL, error_code = 'lease-lost',
        next_attempt_at = :now + CASE channel WHEN 'sms' THEN CAST(:sms AS interval) ELSE CAST(:mail AS interval) END
    WHERE state = 'sending' AND lease_until < :now RETURNING channel
    """
)


async def settle_lost_leases(session: WriteSession, waits: Mapping[DeliveryChannel, timedelta], now: datetime) -> int:
    """Call what a vanished sender held `unknown`, to be tried again by the rule of its channel; returns how many."""
    values = {"now": now, "sms": waits[DeliveryChannel.SMS], "mail": waits[DeliveryChannel.EMAIL]}
    channels = list((await session.execute(_LOST, values)).scalars())
    for channel in channels:
        LEASES_LOST.labels(channel).inc()
    if channels:
        log.warning("delivery.leases_lost", count=len(channels))
    return len(channels)


_SETTLE = (
    text(
        f"""
        UPDATE deliveries d SET state = :state, lease_until = NULL, provider = :provider,
            provider_id = coalesce(d.provider_id, :provider_id), error_code = :error, version = d.version + 1,
            sent_at = CASE WHEN :state = 'failed' THEN d.sent_at ELSE coalesce(d.sent_at, :now) END,
            ended_at = :now
        WHERE d.id = :id AND d.state = ANY(:before) AND (d.provider_id IS NULL OR d.provider_id = :provider_id)
        {_RETURNED}
        """  # noqa: S608 - constants of this module
    )
    .bindparams(
        bindparam("id", type_=Uuid),
        bindparam("state", type_=Text),
        bindparam("before", type_=ARRAY(Text)),
        bindparam("provider_id", type_=Text),
        bindparam("now", type_=TIMESTAMP(timezone=True)),
    )
    .columns(id=Uuid, correlation_id=Uuid, cause_id=Uuid, person_id=Uuid, event_id=Uuid, registration_id=Uuid)
)

_OPEN = [State.QUEUED, State.SENDING, State.UNKNOWN]
_BEFORE: dict[State, list[State]] = {
    State.SENT: _OPEN,
    State.DELIVERED: [*_OPEN, State.SENT],
    State.FAILED: [*_OPEN, State.SENT],
}


async def settle_by_receipt(
    session: WriteSession,
    *,
    delivery_id: UUID,
    state: State,
    provider: str,
    provider_id: str,
    error: str | None,
    now: datetime,
) -> bool:
    """Take over what a receipt says: it settles an outcome that nobody knew, and corrects `sent`.

    A receipt that comes late or of another attempt than the one that counts changes nothing; says whether it did.
    """
    values = {
        "id": delivery_id,
        "state": state.value,
        "before": [before.value for before in _BEFORE[state]],
        "provider": provider,
        "provider_id": provider_id,
        "error": error,
        "now": now,
    }
    rows = list(await session.execute(_SETTLE, values))
    await publish_ended(session, rows)
    return bool(rows)
