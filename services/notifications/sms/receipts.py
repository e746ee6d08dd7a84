"""What providers report of our SMS."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.notifications.contacts.addresses import address_key
from services.notifications.optouts.commands import opt_out
from services.notifications.sms.model import ReceiptRow
from shared.contracts.deliveries import DeliveryChannel
from shared.database.engine import WriteSession
from shared.vault import Vault


async def is_new(session: WriteSession, provider: str, provider_id: str, status: str, now: datetime) -> bool:
    """Write down that this was reported; says whether it is the first time."""
    statement = insert(ReceiptRow).values(provider=provider, provider_id=provider_id, status=status, received_at=now)
    result = await session.execute(statement.on_conflict_do_nothing().returning(col(ReceiptRow.status)))
    return result.one_or_none() is not None


async def opt_out_recipient(session: WriteSession, vault: Vault, number: str, now: datetime) -> None:
    """The provider says that the owner of the number stopped with it: so it is with us."""
    await opt_out(session, DeliveryChannel.SMS, address_key(vault, DeliveryChannel.SMS, number), now)
