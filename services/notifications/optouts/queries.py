"""Who has stopped."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.notifications.optouts.model import OptOutRow
from shared.contracts.deliveries import DeliveryChannel
from shared.database.engine import ReadSession


async def has_stopped(session: ReadSession, channel: DeliveryChannel, address_key: UUID) -> bool:
    """Whether the owner of the address asked us to stop."""
    statement = select(col(OptOutRow.since)).where(
        col(OptOutRow.channel) == channel, col(OptOutRow.address_key) == address_key
    )
    return (await session.execute(statement)).one_or_none() is not None
