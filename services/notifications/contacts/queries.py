"""Finding contacts by what we know of them."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.notifications.contacts.model import ContactRow
from shared.database.engine import ReadSession


async def language_of_number(session: ReadSession, phone_key: UUID) -> str | None:
    """The language of the person with this number, if anybody has it."""
    statement = select(col(ContactRow.language)).where(col(ContactRow.phone_key) == phone_key)
    return (await session.execute(statement.limit(1))).scalar_one_or_none()
