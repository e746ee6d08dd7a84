"""Writing the ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from uuid6 import uuid7

from services.notifications.calls.commands import settle_calls
from services.notifications.contacts.addresses import address_key
from services.notifications.contacts.model import ContactRow
from services.notifications.deliveries.composing import Draft
from services.notifications.deliveries.model import DeliveryRow
from shared.contracts.deliveries import DeliveryChannel
from shared.contracts.notification_requests import Secret
from shared.database.engine import WriteSession
from shared.vault import Vault


class Reach(NamedTuple):
    """By which channels somebody can be reached; `key` is the hash of an address that has no contact.

    Not `known`: there is no contact and no address, as of somebody who was erased.
    """

    email: bool
    phone: bool
    key: UUID | None = None
    known: bool = True


async def record(session: WriteSession, vault: Vault, drafts: Sequence[Draft]) -> int:
    """Write the drafts into the ledger, due at once, and return how many were new.

    A draft whose cause is in the ledger already changes nothing. What somebody of the desk has said to the person
    already is done as it is written. Raises SealBrokenError for an address that is not sealed as the contract says.
    """
    if not drafts:
        return 0
    reaches = await _contacts(session, {draft.person_id for draft in drafts if draft.person_id})
    now = datetime.now(UTC)
    rows = [_row(draft, _reach(vault, draft, reaches), now) for draft in drafts]
    statement = insert(DeliveryRow).values(rows).on_conflict_do_nothing(index_elements=["cause_id"])
    new = set((await session.execute(statement.returning(col(DeliveryRow.id)))).scalars())
    told = {
        row["id"]: draft.told_by
        for row, draft in zip(rows, drafts, strict=True)
        if draft.told_by and row["id"] in new and row["channel"] is DeliveryChannel.DESK
    }
    await settle_calls(session, told, now)
    return len(new)


async def _contacts(session: WriteSession, person_ids: set[UUID]) -> dict[UUID, Reach]:
    person, email, phone = col(ContactRow.person_id), col(ContactRow.email), col(ContactRow.phone)
    rows = await session.execute(select(person, email.is_not(None), phone.is_not(None)).where(person.in_(person_ids)))
    return {row[0]: Reach(row[1], row[2]) for row in rows}


def _reach(vault: Vault, draft: Draft, contacts: dict[UUID, Reach]) -> Reach:
    if draft.person_id is not None:
        return contacts.get(draft.person_id, Reach(email=False, phone=False, known=False))
    recipient = vault.open(draft.sealed or "", Secret, draft.purpose or "").recipient
    if recipient is None or not (recipient.email or recipient.phone):
        raise ValueError("a request without a person needs an address")
    channel = _channel(draft, Reach(bool(recipient.email), bool(recipient.phone)))
    address = recipient.email if channel is DeliveryChannel.EMAIL else recipient.phone
    key = address_key(vault, channel, address) if address else None
    return Reach(bool(recipient.email), bool(recipient.phone), key)


def _channel(draft: Draft, reach: Reach) -> DeliveryChannel:
    if draft.only is not None:
        return draft.only
    if reach.email and reach.phone:
        return draft.prefers
    if reach.phone:
        return DeliveryChannel.SMS
    return DeliveryChannel.DESK if reach.known and not reach.email else DeliveryChannel.EMAIL


def _row(draft: Draft, reach: Reach, now: datetime) -> dict[str, Any]:
    key = uuid7()
    return {
        "id": key,
        "idempotency_key": key,
        "cause_id": draft.cause_id,
        "correlation_id": draft.correlation_id,
        "recipient": draft.person_id or reach.key,
        "person_id": draft.person_id,
        "address_key": reach.key,
        "template": draft.template,
        "channel": _channel(draft, reach),
        "event_id": draft.event_id,
        "registration_id": draft.registration_id,
        "data": draft.data,
        "sealed": draft.sealed,
        "purpose": draft.purpose,
        "expires_at": draft.expires_at,
        "next_attempt_at": now,
        "created_at": now,
    }
