"""How it stands with the qualification that somebody's role takes."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from services.registrations.events.model import EventRow
from services.registrations.people.model import Means
from services.registrations.qualifications.model import QualificationRow
from services.registrations.registrations.listing import Line
from services.registrations.registrations.model import RegistrationRow
from services.registrations.registrations.queries import Own
from shared.contracts.events import EventState, Qualification
from shared.database.engine import ReadSession
from shared.shifts import Post, post_of, posts_of


class Standing(StrEnum):
    """Whether it was seen, and holds on the last day of the shift."""

    FULFILLED = "fulfilled"
    ENDS_BEFORE = "ends-before"
    NOT_SEEN = "not-seen"


class Holding(NamedTuple):
    """The qualification that a role in a shift takes, and what the organisation has seen of it."""

    kind: Qualification
    needed_on: date
    row: QualificationRow | None = None

    @property
    def valid_until(self) -> date | None:
        """Its last day, if it was seen and has one."""
        return self.row.valid_until if self.row else None

    @property
    def standing(self) -> Standing:
        """How it stands."""
        if self.row is None:
            return Standing.NOT_SEEN
        ends = self.row.valid_until
        return Standing.ENDS_BEFORE if ends and ends < self.needed_on else Standing.FULFILLED


def _needed(post: Post, event: EventState) -> Holding | None:
    kind = post.role.qualification
    return Holding(kind, post.session.ends_at.astimezone(ZoneInfo(event.time_zone)).date()) if kind else None


def is_shown(own: Own, row: QualificationRow) -> bool:
    """Whether the page behind this link says what was seen: a mail address may have been typed by a stranger.

    Then it is said only where the desk saw it, at this very registration.
    """
    return own.means is not Means.EMAIL or row.registration_id == own.registration.id


async def holding_of(session: ReadSession, registration: RegistrationRow) -> Holding | None:
    """How it stands at this registration; None where its role takes no qualification."""
    row = await session.get(EventRow, registration.event_id)
    post = post_of(row.event, registration.places_id) if row else None
    needed = _needed(post, row.event) if row and post else None
    if needed is None or row is None:
        return None
    key = (registration.person_id, row.event.organisation_id, needed.kind.value)
    return needed._replace(row=await session.get(QualificationRow, key))


async def holdings_of(session: ReadSession, event: EventState, lines: Iterable[Line]) -> dict[UUID, Holding]:
    """The same for many registrations of an event, by their ids; those whose roles take none are not among them."""
    needed = {post.id: holding for post in posts_of(event) if (holding := _needed(post, event))}
    about = [line for line in lines if line.places_id in needed]
    if not about:
        return {}
    query = select(QualificationRow).where(
        col(QualificationRow.organisation_id) == event.organisation_id,
        col(QualificationRow.person_id).in_({line.person_id for line in about}),
    )
    rows = {(row.person_id, row.kind): row for row in (await session.execute(query)).scalars()}
    return {
        line.id: holding._replace(row=rows.get((line.person_id, holding.kind.value)))
        for line in about
        if (holding := needed[line.places_id])
    }
