"""Reading the projection of events and the pools of places."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlmodel import col, select

from services.registrations.events.model import EventRow, PlacesRow
from shared.contracts.events import EventState, Status
from shared.database.engine import Database, ReadSession
from shared.shifts import Post, posts_of


class Offer(NamedTuple):
    """An event and its pools, as someone sees them who thinks of registering."""

    event: EventState
    places: list[PlacesRow]

    @property
    def pool(self) -> PlacesRow:
        """The pool that is meant where nobody chose one."""
        return self.places[0]

    @property
    def cancelled(self) -> bool:
        """Whether the event does not take place."""
        return self.event.status is Status.CANCELLED

    @property
    def postponed(self) -> bool:
        """Whether the event waits for a new date."""
        return self.event.status is Status.POSTPONED

    def closed(self, now: datetime) -> bool:
        """Whether registration is over, of an event with shifts for all of them."""
        return all(now >= pool.closes_at for pool in self.places)

    def not_open_yet(self, now: datetime) -> bool:
        """Whether registration has not begun."""
        return self.pool.opens_at is not None and now < self.pool.opens_at

    @property
    def free(self) -> int:
        """People who still fit."""
        return sum(max(0, pool.capacity - pool.taken) for pool in self.places)

    @property
    def capacity(self) -> int:
        """How many places there are."""
        return sum(pool.capacity for pool in self.places)

    @property
    def taken(self) -> int:
        """People confirmed, offered and held."""
        return sum(pool.taken for pool in self.places)

    @property
    def waiting(self) -> int:
        """People on the waitlist."""
        return sum(pool.waiting for pool in self.places)

    @property
    def excess(self) -> int:
        """By how many people the pools are over their capacity."""
        return sum(pool.excess for pool in self.places)

    def posts(self, now: datetime) -> list[tuple[Post, PlacesRow]]:
        """The roles of the shifts that people can sign up for, with their pools; none of an event without shifts."""
        pools = {pool.id: pool for pool in self.places}
        known = [(post, pools[post.id]) for post in posts_of(self.event) if post.id in pools]
        return [(post, pool) for post, pool in known if now < pool.closes_at]


async def offer_of(session: ReadSession, event_id: UUID) -> Offer | None:
    """The event with its pools; None where it is unknown here, or has not arrived yet."""
    row = await session.get(EventRow, event_id)
    if row is None:
        return None
    places = await session.execute(
        select(PlacesRow).where(col(PlacesRow.event_id) == event_id).order_by(col(PlacesRow.id))
    )
    return Offer(row.event, list(places.scalars()))


async def known_codes(session: ReadSession, candidates: Collection[str]) -> dict[str, UUID]:
    """Those of the texts that are the code of an event, with the event's id."""
    rows = await session.execute(select(EventRow.code, EventRow.id).where(col(EventRow.code).in_(list(candidates))))
    return {row.code: row.id for row in rows}


class PoolIds:
    """Which pool of places a registration for an event is for; asked of the database once for each.

    An event keeps its pools for as long as it is known, so what was found stays true.
    """

    def __init__(self, at_most: int = 10_000) -> None:
        self._at_most = at_most
        self._known: dict[tuple[UUID, UUID | None], UUID] = {}

    async def of(self, database: Database, event_id: UUID, wanted: UUID | None = None) -> UUID | None:
        """The event's pool, of several the one that is `wanted`.

        None where the event is unknown here, or has not arrived yet, or has no such pool, or several and none is named.
        """
        key = (event_id, wanted)
        if key not in self._known:
            async with database.read() as session:
                offer = await offer_of(session, event_id)
            pools = [pool.id for pool in offer.places] if offer else []
            found = [one for one in pools if wanted in (None, one)]
            if len(found) != 1:
                return None
            if len(self._known) >= self._at_most:
                self._known.clear()
            self._known[key] = found[0]
        return self._known[key]
