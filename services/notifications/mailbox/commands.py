"""Writing on the development phone."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.notifications.mailbox.model import PhoneMessageRow
from services.notifications.mailbox.providers import DevelopmentPhone
from services.notifications.sms.commands import Incoming, clean, receive_sms
from shared.database.engine import WriteSession
from shared.vault import Vault


async def write_sms(session: WriteSession, vault: Vault, *, number: str, text: str, key: UUID, now: datetime) -> None:
    """Text to us from this number (E.164), as a provider's webhook would bring it; once per key."""
    statement = insert(PhoneMessageRow).values(
        id=uuid7(), idempotency_key=key, number=number, direction="written", text=clean(text), created_at=now
    )
    await session.execute(statement.on_conflict_do_nothing(index_elements=["idempotency_key"]))
    await receive_sms(session, vault, Incoming(DevelopmentPhone.name, str(key), number, text), now)
