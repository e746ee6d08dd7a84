"""Writes the audit log from what all three services say that members changed."""

from typing import Any

from sqlalchemy import insert

from services.events.audit.model import AuditRow
from shared.contracts.audit import AuditMessage, ChangeRecorded
from shared.database.engine import WriteSession
from shared.messaging.consumers import Consumer

_FIELDS = ("action", "person_id", "organisation_id", "event_id", "subject_id", "before", "after")


async def keep_changes(session: WriteSession, messages: list[ChangeRecorded]) -> None:
    """Add each change to the log."""
    await session.execute(insert(AuditRow), [_row(message) for message in messages])


def _row(message: ChangeRecorded) -> dict[str, Any]:
    return {"at": message.occurred_at, **{name: getattr(message, name) for name in _FIELDS}}


def audit_consumer() -> Consumer:
    """The consumer of the topic `audit`."""
    return Consumer("audit", ChangeRecorded.topic, AuditMessage, keep_changes)
