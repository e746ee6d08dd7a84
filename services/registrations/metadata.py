"""The one metadata of the registrations database."""

from sqlmodel import SQLModel

from shared.auth.members import add_member_tables
from shared.database.engine import service_metadata
from shared.messaging.tables import add_messaging_tables

metadata = service_metadata()
add_messaging_tables(metadata)
add_member_tables(metadata)


class Table(SQLModel):
    """Base of this service's tables."""


Table.metadata = metadata
