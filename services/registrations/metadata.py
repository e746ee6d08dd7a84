"""The one metadata of the registrations database."""

from sqlmodel import SQLModel

from shared.auth.members import add_member_tables
from shared.database.engine import service_metadata
from shared.messaging.tables import add_messaging_tables
from shared.web.limits import add_attempts_table

metadata = service_metadata()
add_messaging_tables(metadata)
add_attempts_table(metadata)
add_member_tables(metadata)


class Table(SQLModel):
    """Base of this service's tables."""


Table.metadata = metadata
