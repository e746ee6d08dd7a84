"""Telling the audit log what a member changed. The events service keeps the log; the others tell it by a message."""

from uuid import UUID

from shared.contracts.audit import ChangeRecorded, Detail
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish

Details = dict[str, Detail]


async def record(
    session: WriteSession,
    action: str,
    *,
    person_id: UUID | None,
    organisation_id: UUID,
    event_id: UUID | None = None,
    subject_id: UUID | None = None,
    before: Details | None = None,
    after: Details | None = None,
) -> None:
    """Say who changed what, in the transaction of the change; of two values that are the same, neither is kept.

    Nothing personal goes in: of names, notes and addresses only that they changed.
    """
    before, after = before or {}, after or {}
    same = {name for name in before.keys() & after.keys() if before[name] == after[name]}
    message = ChangeRecorded(
        aggregate_id=event_id or organisation_id,
        aggregate_version=0,
        action=action,
        person_id=person_id,
        organisation_id=organisation_id,
        event_id=event_id,
        subject_id=subject_id,
        before={name: value for name, value in before.items() if name not in same},
        after={name: value for name, value in after.items() if name not in same},
    )
    await publish(session, message)
