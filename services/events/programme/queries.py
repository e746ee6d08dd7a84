"""The public programme: events that are not over; postponed and cancelled ones until their dates have passed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select, text
from sqlmodel import col

from services.events.co_hosts.model import CoHostRow
from services.events.co_hosts.model import State as CoHostState
from services.events.events.model import EventRow, EventVersionRow, State
from services.events.events.queries import WholeEvent, whole
from services.events.organisations.model import OrganisationRow
from shared.contracts.events import Kind
from shared.database.engine import ReadSession
from shared.i18n.folding import fold
from shared.i18n.plain import one_line

PAGE_SIZE = 20
_MOST_WORDS = 8


@dataclass(frozen=True)
class Wanted:
    """What a reader looks for; empty parts ask for nothing. Days are the event's own, in its time zone."""

    language: str = ""
    kind: Kind | None = None
    from_day: date | None = None
    until_day: date | None = None
    only_left: bool = False
    words: str = ""
    organisation: UUID | None = None


class Registration(StrEnum):
    """Whether people can register for an event."""

    OPEN = "open"
    FULL = "full"
    NOT_YET = "not-yet"
    CLOSED = "closed"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"


def registration_state(event: WholeEvent, now: datetime) -> Registration:
    """Whether people can register now; without an end of registration they can until the last session ends.

    The registrations service decides; this says what it last told.
    """
    row = event.row
    if row.state == State.CANCELLED:
        return Registration.CANCELLED
    if row.state == State.POSTPONED:
        return Registration.POSTPONED
    closes_at = row.registration_closes_at or row.ends_at
    if closes_at is None or now >= closes_at:
        return Registration.CLOSED
    if row.registration_opens_at and now < row.registration_opens_at:
        return Registration.NOT_YET
    return Registration.OPEN if event.left else Registration.FULL


async def find_events(
    session: ReadSession, wanted: Wanted, now: datetime, page: int = 1, size: int = PAGE_SIZE
) -> tuple[list[WholeEvent], int]:
    """One page of what fits, soonest first, and how much fits: six statements."""
    fits = _conditions(wanted, now)
    count = (await session.execute(select(func.count()).select_from(EventRow).where(*fits))).scalar_one()
    query = select(EventRow).where(*fits).order_by(col(EventRow.starts_at), col(EventRow.id))
    rows = await session.execute(query.limit(size).offset((page - 1) * size))
    return await whole(session, list(rows.scalars())), count


_ON_A_DAY = """
    EXISTS (
        SELECT FROM sessions s WHERE s.event_id = events.id
        AND (s.ends_at AT TIME ZONE events.time_zone)::date >= :from_day
        AND (s.starts_at AT TIME ZONE events.time_zone)::date <= :until_day
    )
"""
_WITH_PLACES_LEFT = """
    events.state = 'published' AND EXISTS (
        SELECT FROM places p LEFT JOIN places_counts c ON c.places_id = p.id
        WHERE p.event_id = events.id AND p.capacity > coalesce(c.taken, 0)
    )
"""


def _conditions(wanted: Wanted, now: datetime) -> list[Any]:
    fits: list[Any] = [col(EventRow.state) != State.DRAFT, col(EventRow.ends_at) > now]
    if wanted.language:
        fits.append(col(EventRow.spoken_languages).contains([wanted.language]))
    if wanted.organisation:
        fits.append(
            or_(
                col(EventRow.organisation_id) == wanted.organisation,
                col(EventRow.id).in_(_co_hosted(wanted.organisation)),
            )
        )
    if wanted.kind:
        fits.append(col(EventRow.kind) == wanted.kind.value)
    if wanted.from_day or wanted.until_day:
        days = {"from_day": wanted.from_day or date.min, "until_day": wanted.until_day or date.max}
        fits.append(text(_ON_A_DAY).bindparams(**days))
    if wanted.only_left:
        fits.append(text(_WITH_PLACES_LEFT))
    # A part of a word is enough: Turkish adds endings and Arabic the article.
    words = fold(wanted.words).split()[:_MOST_WORDS]
    return fits + [col(EventRow.search_text).contains(word, autoescape=True) for word in words]


def _co_hosted(organisation_id: UUID) -> Select[Any]:
    return select(col(CoHostRow.event_id)).where(
        col(CoHostRow.organisation_id) == organisation_id, col(CoHostRow.state) == CoHostState.ACCEPTED.value
    )


async def organisations_with_events(session: ReadSession, now: datetime) -> list[OrganisationRow]:
    """The organisations that have public events which are not over, in the order of their ids."""
    hosts = select(col(EventRow.organisation_id)).where(*_conditions(Wanted(), now))
    query = select(OrganisationRow).where(col(OrganisationRow.id).in_(hosts)).order_by(col(OrganisationRow.id))
    return list((await session.execute(query)).scalars())


async def changed_at(session: ReadSession, events: Collection[WholeEvent]) -> dict[UUID, datetime]:
    """When each of the events was changed last: one statement."""
    query = (
        select(col(EventVersionRow.event_id), col(EventVersionRow.changed_at))
        .join(EventRow, col(EventRow.id) == col(EventVersionRow.event_id))
        .where(col(EventRow.id).in_([event.row.id for event in events]))
        .where(col(EventVersionRow.version) == col(EventRow.version))
    )
    return {row.event_id: row.changed_at for row in await session.execute(query)}


async def public_event(session: ReadSession, reference: str) -> WholeEvent | None:
    """The event with this id or code, whatever its letters' case; None for a draft, as if it were not there."""
    try:
        is_it = col(EventRow.id) == UUID(reference)
    except ValueError:
        is_it = col(EventRow.code) == one_line(reference).upper()
    row = (
        await session.execute(select(EventRow).where(is_it, col(EventRow.state) != State.DRAFT))
    ).scalar_one_or_none()
    return (await whole(session, [row]))[0] if row else None
