"""What the registrations service says of an event's places: a projection, never the truth about them."""

from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field

from services.events.metadata import Table


class PlacesCountRow(Table, table=True):
    """`taken` and `waiting` count people; `version` is the pool's."""

    __tablename__ = "places_counts"

    places_id: UUID = Field(primary_key=True, foreign_key="places.id")
    taken: int
    waiting: int
    version: int = Field(sa_type=BigInteger)
