"""What we learn of people from the topic `contacts`."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.notifications.contacts.addresses import address_key
from services.notifications.contacts.model import ContactRow
from shared.contracts.contacts import Contact, ContactChanged, ContactMessage
from shared.contracts.deliveries import DeliveryChannel
from shared.database.engine import WriteSession
from shared.messaging.consumers import Consumer
from shared.vault import Vault


def consumers(vault: Vault) -> list[Consumer]:
    """The consumer that keeps the contacts."""

    async def keep_contacts(session: WriteSession, messages: list[ContactChanged]) -> None:
        """Keep how to reach each person, in the newest version."""
        await keep(session, vault, messages)

    return [Consumer("contacts", ContactChanged.topic, ContactMessage, keep_contacts)]


async def keep(session: WriteSession, vault: Vault, messages: Iterable[ContactChanged]) -> None:
    """Write the newest version of each contact; an older one changes nothing. Raises SealBrokenError."""
    newest: dict[Any, ContactChanged] = {}
    for message in messages:
        known = newest.get(message.aggregate_id)
        if known is None or known.aggregate_version <= message.aggregate_version:
            newest[message.aggregate_id] = message
    statement = insert(ContactRow).values([_row(vault, message) for message in newest.values()])
    changed = {column.name: column for column in statement.excluded if not column.primary_key}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id"], set_=changed, where=col(ContactRow.version) < statement.excluded.version
        )
    )


def _row(vault: Vault, message: ContactChanged) -> dict[str, Any]:
    contact = vault.open(message.sealed, Contact, f"contact:{message.aggregate_id}")
    email, phone = DeliveryChannel.EMAIL, DeliveryChannel.SMS
    return {
        "person_id": message.aggregate_id,
        "version": message.aggregate_version,
        **contact.model_dump(),
        "email_key": address_key(vault, email, contact.email) if contact.email else None,
        "phone_key": address_key(vault, phone, contact.phone) if contact.phone else None,
    }
