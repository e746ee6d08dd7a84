"""The one `MetaData` of the service, and the base of its tables."""

from sqlmodel import SQLModel

from shared.database.engine import service_metadata
from shared.messaging.tables import add_messaging_tables
from shared.web.limits import add_attempts_table

metadata = service_metadata()
add_messaging_tables(metadata)
add_attempts_table(metadata)


class Table(SQLModel):
    """Base of every table of this database."""

    metadata = metadata
