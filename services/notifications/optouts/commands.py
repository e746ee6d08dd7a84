"""Stopping and starting again. Both are for one channel and one address, and last until the other is said."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.notifications.optouts.model import OptOutRow
from shared.contracts.deliveries import DeliveryChannel
from shared.database.engine import WriteSession


async def opt_out(session: WriteSession, channel: DeliveryChannel, address_key: UUID, now: datetime) -> bool:
    """Write to the address no more; says whether it had not stopped before."""
    statement = insert(OptOutRow).values(channel=channel, address_key=address_key, since=now)
    result = await session.execute(statement.on_conflict_do_nothing().returning(col(OptOutRow.address_key)))
    return result.one_or_none() is not None


async def opt_in(session: WriteSession, channel: DeliveryChannel, address_key: UUID) -> bool:
    """Write to the address again; says whether it had stopped before."""
    statement = delete(OptOutRow).where(col(OptOutRow.channel) == channel, col(OptOutRow.address_key) == address_key)
    return (await session.execute(statement.returning(col(OptOutRow.address_key)))).one_or_none() is not None


async def may_remind(
    session: WriteSession, channel: DeliveryChannel, address_key: UUID, now: datetime, last_before: datetime
) -> bool:
    """Whether to say that we are silent: not if we did since `last_before`. A yes is remembered."""
    reminded = col(OptOutRow.reminded_at)
    statement = (
        update(OptOutRow)
        .where(col(OptOutRow.channel) == channel, col(OptOutRow.address_key) == address_key)
        .where(reminded.is_(None) | (reminded <= last_before))
        .values(reminded_at=now)
    )
    return (await session.execute(statement.returning(col(OptOutRow.address_key)))).one_or_none() is not None
