"""What the ledger learns from the topics `registrations` and `notification-requests`."""

from asyncio import Event
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.notifications.contacts.model import ContactRow
from services.notifications.deliveries.commands import record
from services.notifications.deliveries.composing import (
    draft_of_registration,
    draft_of_request,
    needs_of_registration,
    needs_of_request,
)
from services.notifications.events.model import EventRow
from shared.contracts.events import Status
from shared.contracts.notification_requests import NotificationRequested, NotificationRequestMessage
from shared.contracts.registrations import RegistrationMessage
from shared.database.engine import WriteSession
from shared.messaging.consumers import Consumer
from shared.vault import Vault


def consumers(vault: Vault, recorded: Event | None = None) -> list[Consumer]:
    """The two consumers that fill the ledger; whoever sends hears of it by `recorded`."""
    recorded = recorded or Event()

    async def record_registrations(session: WriteSession, messages: list[RegistrationMessage]) -> None:
        """Write down whom to tell of what happened to their registration."""
        await record(session, vault, [draft for m in messages if (draft := draft_of_registration(m))])
        recorded.set()

    async def record_requests(session: WriteSession, messages: list[NotificationRequested]) -> None:
        """Write down what other services asked to be sent."""
        await record(session, vault, [draft_of_request(message) for message in messages])
        recorded.set()

    return [
        Consumer(
            "deliveries-registrations",
            "teilhabe.registrations.v1",
            RegistrationMessage,
            record_registrations,
            needs_of_registration,
            present,
        ),
        Consumer(
            "deliveries-requests",
            "teilhabe.notification-requests.v1",
            NotificationRequestMessage,
            record_requests,
            needs_of_request,
            present,
        ),
    ]


async def present(session: WriteSession, things: set[str]) -> set[str]:
    """Those of the things whose event and person are both there, as far on as the thing says."""
    parts = {thing: list(_parts(thing)) for thing in things}
    event_ids = {key for found in parts.values() for kind, key, _ in found if kind == "event"}
    person_ids = {key for found in parts.values() for kind, key, _ in found if kind == "person"}
    event, person = col(EventRow.id), col(ContactRow.person_id)
    events = await session.execute(
        select(event, col(EventRow.version), col(EventRow.status)).where(event.in_(event_ids))
    )
    people = await session.execute(select(person, col(ContactRow.version)).where(person.in_(person_ids)))
    there: dict[UUID, Any] = {row.id: row for row in events} | {row.person_id: row for row in people}
    return {thing for thing, found in parts.items() if all(_is_there(there, key, when) for _, key, when in found)}


def _parts(thing: str) -> Iterator[tuple[str, UUID, str]]:
    for part in thing.split():
        kind, key, *condition = part.split(":")
        yield kind, UUID(key), "".join(condition)


def _is_there(there: dict[UUID, Any], key: UUID, condition: str) -> bool:
    if key not in there:
        return False
    if condition == Status.CANCELLED:
        return bool(there[key].status == Status.CANCELLED)
    return not condition or bool(there[key].version >= int(condition))
