"""The console's overview: the events that a member hosts or co-hosts, and what asks for something to be done."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlmodel import col

from services.events.co_hosts.model import CoHostRow
from services.events.co_hosts.model import State as CoHostState
from services.events.events.checking import what_is_missing
from services.events.events.describing import content_of
from services.events.events.model import EventRow, PlacesRow, State
from services.events.events.queries import PAGE_SIZE, WholeEvent, whole
from services.events.programme.model import PlacesCountRow
from shared.auth.members import Member
from shared.auth.rights import Access
from shared.contracts.events import Scope
from shared.database.engine import ReadSession
from shared.i18n.folding import fold
from shared.i18n.plain import one_line

SOON = timedelta(days=14)
_LONGEST_SEARCH = 120


class Show(StrEnum):
    """Which events are asked for."""

    ALL = "all"
    NEED = "need"
    UPCOMING = "upcoming"
    PAST = "past"
    DRAFTS = "drafts"


class Need(StrEnum):
    """Why an event asks for something to be done."""

    DRAFT_OVER = "draft-over"
    DRAFT_SOON = "draft-soon"
    POSTPONED = "postponed"
    OVERBOOKED = "overbooked"
    WAITING = "waiting"


@dataclass(frozen=True)
class Own:
    """One event of the overview; figures are none for a co-host that was not offered them."""

    event: WholeEvent
    access: Access
    needs: list[Need]
    missing: int

    @property
    def counted(self) -> bool:
        """Whether the member sees how many people come."""
        return self.access.sees(Scope.COUNTS)


class Overview(NamedTuple):
    """One page of the events that are asked for; `in_need` counts all that ask for something to be done."""

    events: list[Own]
    total: int
    in_need: int


async def overview(session: ReadSession, member: Member, show: Show, search: str, page: int, now: datetime) -> Overview:
    """What is to come first, then what is over. The same number of statements however many events there are."""
    ids = member.organisation_ids
    mine = or_(col(EventRow.organisation_id).in_(ids), _co_hosted(ids))
    needy = and_(col(EventRow.organisation_id).in_(ids), _needs(now))
    conditions = [mine, *_shown(show, needy, now), *_searched(search)]
    over = func.coalesce(col(EventRow.ends_at) <= now, False) & (col(EventRow.state) != State.POSTPONED)
    query: Select[Any] = (
        select(EventRow)
        .where(*conditions)
        .order_by(over, col(EventRow.starts_at).asc().nulls_first(), col(EventRow.id))
        .limit(PAGE_SIZE)
        .offset((page - 1) * PAGE_SIZE)
    )
    rows = list((await session.execute(query)).scalars())
    total = (await session.execute(select(func.count()).select_from(EventRow).where(*conditions))).scalar_one()
    in_need = (await session.execute(select(func.count()).select_from(EventRow).where(needy))).scalar_one()
    events = [own for event in await whole(session, rows) if (own := _own(event, member, now))]
    return Overview(events, total, in_need)


def searched_text(typed: str) -> str:
    """What is searched for, as it is shown again."""
    return one_line(typed)[:_LONGEST_SEARCH]


def _own(event: WholeEvent, member: Member, now: datetime) -> Own | None:
    access = event.access_of(member)
    if access is None:
        return None
    if not access.is_host:
        return Own(event, access, [], 0)
    needs = list(needs_of(event, now))
    draft = event.row.state == State.DRAFT
    return Own(event, access, needs, len(what_is_missing(content_of(event), now)) if draft else 0)


def needs_of(event: WholeEvent, now: datetime) -> list[Need]:
    """The same as the overview's filter says in SQL: what asks for something to be done."""
    row = event.row
    if row.state == State.DRAFT and row.starts_at is not None:
        if row.starts_at <= now:
            return [Need.DRAFT_OVER]
        return [Need.DRAFT_SOON] if row.starts_at <= now + SOON else []
    if row.state == State.POSTPONED:
        return [Need.POSTPONED]
    if row.state != State.PUBLISHED or event.is_over(now):
        return []
    overbooked = [Need.OVERBOOKED] if event.overbooked else []
    waiting = [Need.WAITING] if any(p.waiting and p.taken < p.capacity for p in event.places) else []
    return overbooked + waiting


def _needs(now: datetime) -> ColumnElement[bool]:
    row, places, counts = EventRow, PlacesRow, PlacesCountRow
    odd = or_(
        col(counts.taken) > col(places.capacity),
        and_(col(counts.waiting) > 0, col(counts.taken) < col(places.capacity)),
    )
    pools = (
        select(col(places.id))
        .join(counts, col(counts.places_id) == col(places.id))
        .where(col(places.event_id) == col(row.id), odd)
    )
    return or_(
        and_(col(row.state) == State.DRAFT, col(row.starts_at) <= now + SOON),
        col(row.state) == State.POSTPONED,
        and_(col(row.state) == State.PUBLISHED, col(row.ends_at) > now, pools.exists()),
    )


def _co_hosted(organisation_ids: Collection[UUID]) -> ColumnElement[bool]:
    """By an organisation that accepted."""
    return (
        select(col(CoHostRow.event_id))
        .where(
            col(CoHostRow.event_id) == col(EventRow.id),
            col(CoHostRow.organisation_id).in_(organisation_ids),
            col(CoHostRow.state) == CoHostState.ACCEPTED,
        )
        .exists()
    )


def _shown(show: Show, needy: ColumnElement[bool], now: datetime) -> list[ColumnElement[bool]]:
    state, ends_at = col(EventRow.state), col(EventRow.ends_at)
    conditions: dict[Show, list[ColumnElement[bool]]] = {
        Show.ALL: [],
        Show.NEED: [needy],
        Show.UPCOMING: [state != State.DRAFT, or_(ends_at > now, state == State.POSTPONED)],
        Show.PAST: [state.not_in([State.DRAFT, State.POSTPONED]), ends_at <= now],
        Show.DRAFTS: [state == State.DRAFT],
    }
    return conditions[show]


def _searched(search: str) -> list[ColumnElement[bool]]:
    words = fold(search).split()
    return [
        or_(
            col(EventRow.search_text).contains(word, autoescape=True),
            func.lower(col(EventRow.code)).contains(word, autoescape=True),
        )
        for word in words
    ]
