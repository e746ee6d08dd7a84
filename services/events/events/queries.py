"""Read events whole: a constant number of statements however many they are."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.events.co_hosts.model import CoHostRow
from services.events.co_hosts.model import State as CoHostState
from services.events.events.drafting import EventContent
from services.events.events.model import EventRow, EventTextRow, EventVersionRow, PlacesRow, SessionRow, State
from services.events.organisations.model import OrganisationRow
from services.events.programme.model import PlacesCountRow
from shared.auth.members import Member
from shared.auth.rights import Access
from shared.contracts.events import CoHost, CoHostRole, Scope
from shared.database.engine import ReadSession

PAGE_SIZE = 20


@dataclass(frozen=True)
class CountedPlaces:
    """A pool of capacity, and what the registrations service last said of it."""

    id: UUID
    name: dict[str, str]
    capacity: int
    taken: int
    waiting: int


@dataclass(frozen=True)
class AskedCoHost:
    """An organisation that was asked to co-host, and how that stands."""

    row: CoHostRow
    organisation: OrganisationRow

    @property
    def accepted(self) -> bool:
        """Whether it co-hosts."""
        return self.row.state == CoHostState.ACCEPTED

    def as_contract(self) -> CoHost:
        """As the other services may know it."""
        row = self.row
        return CoHost(organisation_id=row.organisation_id, role=CoHostRole(row.role), scope=Scope(row.scope))


@dataclass(frozen=True)
class WholeEvent:
    """An event with all that belongs to it. `words` is by language, `sessions` first to last.

    `asked` are the organisations that were ever asked to co-host.
    """

    row: EventRow
    words: dict[str, EventTextRow]
    sessions: list[SessionRow]
    places: list[CountedPlaces]
    organisation: OrganisationRow
    asked: list[AskedCoHost]

    @property
    def co_hosts(self) -> list[AskedCoHost]:
        """Those who accepted."""
        return [co_host for co_host in self.asked if co_host.accepted]

    def access_of(self, member: Member) -> Access | None:
        """What the member may do with the event; None where it is nothing of theirs."""
        return member.access_to(self.row.organisation_id, [co_host.as_contract() for co_host in self.co_hosts])

    def texts(self, field: str) -> dict[str, str]:
        """One kind of words, by language, without those that are empty; the main language comes first."""
        main = self.row.main_language
        in_order = sorted(self.words.items(), key=lambda pair: pair[0] != main)
        return {language: text for language, words in in_order if (text := getattr(words, field))}

    @property
    def capacity(self) -> int | None:
        """How many people fit; None for a draft that does not say."""
        return sum(places.capacity for places in self.places) if self.places else None

    @property
    def taken(self) -> int:
        """How many people have a place, or one that is kept for them."""
        return sum(places.taken for places in self.places)

    @property
    def waiting(self) -> int:
        """How many people are on the waitlist."""
        return sum(places.waiting for places in self.places)

    @property
    def left(self) -> int:
        """How many people still fit."""
        return sum(max(0, places.capacity - places.taken) for places in self.places)

    @property
    def overbooked(self) -> bool:
        """Whether more people have a place than fit now: the capacity was lowered."""
        return any(places.taken > places.capacity for places in self.places)

    def is_over(self, now: datetime) -> bool:
        """Whether the last session has ended; never, while nobody knows when it will be."""
        return self.row.state != State.POSTPONED and self.row.ends_at is not None and self.row.ends_at <= now


async def whole(session: ReadSession, rows: Sequence[EventRow]) -> list[WholeEvent]:
    """The events with all that belongs to them, in the order given: five statements."""
    ids = [row.id for row in rows]
    words = _by_event((await session.execute(_of(EventTextRow, ids).order_by(col(EventTextRow.language)))).scalars())
    dates = _by_event((await session.execute(_of(SessionRow, ids).order_by(col(SessionRow.starts_at)))).scalars())
    places = await _places(session, ids)
    owners = await _organisations(session, {row.organisation_id for row in rows})
    asked = await _asked(session, ids)
    return [
        WholeEvent(
            row,
            {text.language: text for text in words.get(row.id, [])},
            dates.get(row.id, []),
            places.get(row.id, []),
            owners[row.organisation_id],
            asked.get(row.id, []),
        )
        for row in rows
    ]


def _of(table: Any, ids: Collection[UUID]) -> Any:
    return select(table).where(col(table.event_id).in_(ids)).order_by(col(table.event_id))


def _by_event(rows: Iterable[Any]) -> dict[UUID, list[Any]]:
    return {event_id: list(group) for event_id, group in groupby(rows, key=lambda row: row.event_id)}


async def _places(session: ReadSession, ids: Collection[UUID]) -> dict[UUID, list[CountedPlaces]]:
    query = (
        select(PlacesRow, col(PlacesCountRow.taken), col(PlacesCountRow.waiting))
        .outerjoin(PlacesCountRow, col(PlacesCountRow.places_id) == col(PlacesRow.id))
        .where(col(PlacesRow.event_id).in_(ids))
        .order_by(col(PlacesRow.event_id), col(PlacesRow.position))
    )
    found: dict[UUID, list[CountedPlaces]] = {}
    for row, taken, waiting in await session.execute(query):
        counted = CountedPlaces(row.id, row.name, row.capacity, taken or 0, waiting or 0)
        found.setdefault(row.event_id, []).append(counted)
    return found


async def _organisations(session: ReadSession, ids: Collection[UUID]) -> dict[UUID, OrganisationRow]:
    rows = await session.execute(select(OrganisationRow).where(col(OrganisationRow.id).in_(ids)))
    return {row.id: row for row in rows.scalars()}


async def _asked(session: ReadSession, ids: Collection[UUID]) -> dict[UUID, list[AskedCoHost]]:
    query = (
        select(CoHostRow, OrganisationRow)
        .join(OrganisationRow, col(OrganisationRow.id) == col(CoHostRow.organisation_id))
        .where(col(CoHostRow.event_id).in_(ids))
        .order_by(col(CoHostRow.event_id), col(CoHostRow.changed_at))
    )
    found: dict[UUID, list[AskedCoHost]] = {}
    for row, organisation in await session.execute(query):
        found.setdefault(row.event_id, []).append(AskedCoHost(row, organisation))
    return found


async def event_by_id(session: ReadSession, event_id: UUID) -> WholeEvent | None:
    """The event, whoever it belongs to: the caller judges by `access_of` who may see it."""
    row = await session.get(EventRow, event_id)
    return (await whole(session, [row]))[0] if row else None


async def event_of(session: ReadSession, organisation_ids: Collection[UUID], event_id: UUID) -> WholeEvent | None:
    """An event of one of these organisations, in whatever state; None for anybody else's."""
    query = select(EventRow).where(col(EventRow.id) == event_id, col(EventRow.organisation_id).in_(organisation_ids))
    row = (await session.execute(query)).scalar_one_or_none()
    return (await whole(session, [row]))[0] if row else None


async def content_at(session: ReadSession, event_id: UUID, version: int) -> EventContent | None:
    """What the event's form held at an earlier version; None if there was no such version."""
    query = select(col(EventVersionRow.content)).where(
        col(EventVersionRow.event_id) == event_id, col(EventVersionRow.version) == version
    )
    stored = (await session.execute(query)).scalar_one_or_none()
    return EventContent.model_validate(stored) if stored is not None else None


async def taken_codes(session: ReadSession, codes: Collection[str]) -> set[str]:
    """Those of the codes that an event has, or had when it was published."""
    rows = await session.execute(select(col(EventRow.code)).where(col(EventRow.code).in_(codes)))
    return set(rows.scalars())
