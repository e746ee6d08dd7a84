"""Who comes to an event, as its staff look through it: searched, filtered, sorted, page by page.

The one place where participants are read for members: whoever may see less than all of them is held to it by
`seen_by`, in every list, export and answer to a program.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, case, false, func, literal, select, true
from sqlmodel import col

from services.registrations.consents.model import ConsentRow
from services.registrations.people.model import Means, PersonRow
from services.registrations.registrations.model import LIVE, RegistrationRow, State
from shared.auth.rights import Access
from shared.contracts.events import Scope
from shared.contracts.registrations import Channel
from shared.database.engine import ReadSession
from shared.i18n.folding import fold
from shared.i18n.languages import LANGUAGES
from shared.i18n.plain import one_line

PAGE = 100
ENDED = (State.CANCELLED, State.EXPIRED)
_BATCH = 1000
_LONGEST_SEARCH = 120
_IN_ORDER = (State.CONFIRMED, State.PENDING, State.OFFERED, State.HELD, State.WAITLISTED, *ENDED)


class Order(StrEnum):
    """What the list is sorted by."""

    CAME = "came"
    NAME = "name"
    SIZE = "size"
    STATE = "state"


LIVE_STATES, ENDED_STATES = "live", "ended"
STATES: Mapping[str, Sequence[State]] = {
    LIVE_STATES: LIVE,
    ENDED_STATES: ENDED,
    **{state.value: (state,) for state in _IN_ORDER},
}
"""What can be asked for: all that live, all that ended, or one state."""


@dataclass(frozen=True)
class Wanted:
    """What of the list is asked for. `q` is looked for in names, `state` is a key of `STATES`.

    `post` is a role in a shift, by its pool of places.
    """

    q: str = ""
    state: str = LIVE_STATES
    channel: str = ""
    language: str = ""
    marked: bool = False
    unreached: bool = False
    post: UUID | None = None
    sort: Order = Order.CAME

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """From an address; what nothing can be asked by is passed over."""
        state, channel, language, sort = (query.get(name, "") for name in ("state", "channel", "language", "sort"))
        return cls(
            q=one_line(query.get("q", ""))[:_LONGEST_SEARCH],
            state=state if state in STATES else LIVE_STATES,
            channel=channel if channel in list(Channel) else "",
            language=language if language in LANGUAGES else "",
            marked=bool(query.get("marked")),
            unreached=bool(query.get("unreached")),
            post=_id(query.get("post", "")),
            sort=Order(sort) if sort in list(Order) else Order.CAME,
        )

    def query(self) -> dict[str, str]:
        """The same as an address has it; what is as usual is left out."""
        usual, given = type(self)(), {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: "yes" if value is True else str(value)
            for name, value in given.items()
            if value != getattr(usual, name)
        }


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class Line(NamedTuple):
    """One registration in the list. `note` is for the host's desk alone, `contact` for a co-host that may have it."""

    id: UUID
    name: str | None
    party_size: int
    state: State
    language: str
    channel: str
    means: str
    unreachable: bool
    marked: bool
    note: str
    created_at: datetime
    expires_at: datetime | None
    places_id: UUID
    person_id: UUID
    contact: str = ""
    answer_by: datetime | None = None
    asked_to_come_at: datetime | None = None
    coming_at: datetime | None = None


class Figure(NamedTuple):
    """How many registrations and people are in one state."""

    registrations: int
    people: int


def seen_by(access: Access) -> ColumnElement[bool]:
    """Which registrations somebody with this access sees by name.

    The host's desk sees all; a co-host those whose people agreed to it, as long as the host offers names.
    """
    if not access.sees(Scope.NAMES):
        return false()
    if access.is_host:
        return true()
    # What was ticked for a number is the owner's word only once the owner has said yes.
    return and_(_agreed(access, Scope.NAMES, Scope.CONTACT), col(RegistrationRow.state) != State.HELD.value)


def _contact(access: Access) -> ColumnElement[str]:
    """How to reach a person, for a co-host that was offered it by the host and by that person; never for the host."""
    if access.is_host or not access.sees(Scope.CONTACT):
        return literal("")
    reachable = col(PersonRow.means) != Means.PAPER.value
    return case((and_(_agreed(access, Scope.CONTACT), reachable), col(PersonRow.address)), else_="")


def _agreed(access: Access, *scopes: Scope) -> ColumnElement[bool]:
    consent = ConsentRow
    return (
        select(col(consent.scope))
        .where(
            col(consent.registration_id) == col(RegistrationRow.id),
            col(consent.organisation_id) == access.organisation_id,
            col(consent.scope).in_([scope.value for scope in scopes]),
        )
        .exists()
    )


async def page_of(session: ReadSession, access: Access, event_id: UUID, wanted: Wanted, page: int) -> list[Line]:
    """A hundred of the registrations that are asked for; only these are looked up with their people."""
    chosen = _chosen(access, event_id, wanted).order_by(*_order(wanted.sort)).limit(PAGE).offset((page - 1) * PAGE)
    ids = chosen.subquery()
    query = _columns(access).join(ids, ids.c.id == col(RegistrationRow.id)).order_by(*_order(wanted.sort))
    return [_line(row) for row in await session.execute(query)]


async def count_of(session: ReadSession, access: Access, event_id: UUID, wanted: Wanted) -> int:
    """How many registrations are asked for."""
    query = select(func.count()).select_from(_chosen(access, event_id, wanted).subquery())
    return int((await session.execute(query)).scalar_one())


async def all_of(session: ReadSession, access: Access, event_id: UUID, wanted: Wanted) -> AsyncIterator[Sequence[Line]]:
    """All registrations that are asked for, a thousand at a time."""
    result = await session.stream(_lines(access, event_id, wanted))
    async for rows in result.partitions(_BATCH):
        yield [_line(row) for row in rows]


async def some_of(session: ReadSession, access: Access, event_id: UUID, ids: Sequence[UUID]) -> list[Line]:
    """Those of these registrations that are the event's and may be seen, in the order in which they came."""
    query = _columns(access).where(
        col(RegistrationRow.event_id) == event_id, col(RegistrationRow.id).in_(ids), seen_by(access)
    )
    return [_line(row) for row in await session.execute(query.order_by(col(RegistrationRow.queue)))]


async def figures_of(session: ReadSession, event_id: UUID) -> dict[State, Figure]:
    """How many registrations and people each state has, for whoever sees counts."""
    state = col(RegistrationRow.state)
    query = (
        select(state, func.count(), func.sum(col(RegistrationRow.party_size)))
        .where(col(RegistrationRow.event_id) == event_id)
        .group_by(state)
    )
    found = {State(name): Figure(parties, people) for name, parties, people in await session.execute(query)}
    return {known: found.get(known, Figure(0, 0)) for known in _IN_ORDER}


def _columns(access: Access) -> Select[Any]:
    row, person = RegistrationRow, PersonRow
    columns: list[SQLColumnExpression[Any]] = [
        col(row.id),
        col(row.name),
        col(row.party_size),
        col(row.state),
        col(person.language),
        col(row.channel),
        col(person.means),
        col(row.unreachable),
        col(row.marked),
        col(row.note),
        col(row.created_at),
        col(row.expires_at),
        col(row.places_id),
        col(row.person_id),
        _contact(access),
        col(row.answer_by),
        col(row.asked_to_come_at),
        col(row.coming_at),
    ]
    return select(*columns).join(person, col(person.id) == col(row.person_id))


def _line(row: Any) -> Line:
    line = Line(*row)
    return line._replace(state=State(line.state))


def _chosen(access: Access, event_id: UUID, wanted: Wanted) -> Select[Any]:
    """The ids of what is asked for; people are joined where they are asked about."""
    query = select(col(RegistrationRow.id)).where(*_conditions(access, event_id, wanted))
    joined: Select[Any] = query.join(PersonRow, col(PersonRow.id) == col(RegistrationRow.person_id))
    return joined if wanted.language else query


def _lines(access: Access, event_id: UUID, wanted: Wanted) -> Select[Any]:
    return _columns(access).where(*_conditions(access, event_id, wanted)).order_by(*_order(wanted.sort))


def _conditions(access: Access, event_id: UUID, wanted: Wanted) -> list[ColumnElement[bool]]:
    row = RegistrationRow
    states = [state.value for state in STATES[wanted.state]]
    conditions = [col(row.event_id) == event_id, col(row.state).in_(states), seen_by(access)]
    conditions += [col(row.name_folded).contains(word, autoescape=True) for word in fold(wanted.q).split()]
    if wanted.q and not fold(wanted.q):
        conditions.append(false())
    if wanted.channel:
        conditions.append(col(row.channel) == wanted.channel)
    if wanted.language:
        conditions.append(col(PersonRow.language) == wanted.language)
    if wanted.marked:
        conditions.append(col(row.marked).is_(True))
    if wanted.post:
        conditions.append(col(row.places_id) == wanted.post)
    if wanted.unreached:
        conditions.append(col(row.unreachable).is_(True))
    return conditions


def _order(order: Order) -> list[SQLColumnExpression[Any]]:
    row = RegistrationRow
    came: list[SQLColumnExpression[Any]] = [col(row.queue), col(row.id)]
    folded = col(row.name_folded)
    ranks = {state.value: rank for rank, state in enumerate(_IN_ORDER)}
    first: dict[Order, list[SQLColumnExpression[Any]]] = {
        Order.CAME: [],
        Order.NAME: [folded == "", folded],
        Order.SIZE: [col(row.party_size).desc()],
        Order.STATE: [case(ranks, value=col(row.state))],
    }
    return first[order] + came
