"""Telling the other services, and the operators, how deliveries ended."""

from collections.abc import Sequence
from typing import Any

import structlog
from prometheus_client import Counter

from services.notifications.deliveries.model import State
from shared.contracts.deliveries import DeliveryChannel, DeliveryEnded, Outcome
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish

log = structlog.get_logger()

ENDED = Counter("teilhabe_deliveries_ended_total", "Deliveries by how they ended", ["channel", "template", "state"])

OUTCOMES = {
    State.SENT: Outcome.SENT,
    State.DELIVERED: Outcome.DELIVERED,
    State.FAILED: Outcome.FAILED,
    State.EXPIRED: Outcome.FAILED,
    State.SUPPRESSED: Outcome.SUPPRESSED,
}


async def publish_ended(session: WriteSession, rows: Sequence[Any]) -> None:
    """Publish how each of the ledger's rows ended; the caller has just written, and so locked, them.

    Rows have the columns of the ledger that the message names, and `version`, which grew by this change.
    """
    await publish(session, *(_message(row) for row in rows))
    for row in rows:
        ENDED.labels(row.channel, row.template, row.state).inc()
        if row.state == State.FAILED:
            log.error(
                "delivery.failed", delivery=str(row.id), template=row.template, code=getattr(row, "error_code", None)
            )


def _message(row: Any) -> DeliveryEnded:
    return DeliveryEnded(
        aggregate_id=row.id,
        aggregate_version=row.version,
        correlation_id=row.correlation_id,
        causation_id=row.cause_id,
        outcome=OUTCOMES[State(row.state)],
        channel=DeliveryChannel(row.channel),
        template=row.template,
        person_id=row.person_id,
        event_id=row.event_id,
        registration_id=row.registration_id,
    )
