"""Shifts at the same time: nobody has two of them, of whatever events."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from services.registrations.registrations.pool import Pool
from shared.database.engine import WriteSession
from shared.shifts import Post


class Elsewhere(NamedTuple):
    """A person's registration for a shift in another pool."""

    person_id: UUID
    registration_id: UUID
    event_id: UUID
    places_id: UUID


_LOCK_PEOPLE = text("SELECT id FROM people WHERE id = ANY(:people) ORDER BY address FOR UPDATE").bindparams(
    bindparam("people", type_=ARRAY(Uuid))
)
_ELSEWHERE = text(
    """
    SELECT r.person_id, r.id AS registration_id, r.event_id, r.places_id
    FROM registrations r JOIN places p ON p.id = r.places_id
    WHERE r.person_id = ANY(:people) AND r.state IN ('confirmed', 'waitlisted', 'offered', 'pending')
      AND p.is_shift AND p.open AND p.id <> :places_id AND r.id IS DISTINCT FROM :but
      AND p.starts_at < :ends_at AND p.ends_at > :starts_at
    ORDER BY p.starts_at DESC, p.id
    """
).bindparams(bindparam("people", type_=ARRAY(Uuid)), bindparam("but", type_=Uuid))


async def lock_people(session: WriteSession, people: Sequence[UUID]) -> None:
    """Lock the rows of these people in the order in which everybody locks them, by address."""
    await session.execute(_LOCK_PEOPLE, {"people": list(people)})


async def shifts_elsewhere(
    session: WriteSession, pool: Pool, people: Sequence[UUID], *, but: UUID | None = None
) -> dict[UUID, Elsewhere]:
    """Who of these people has a shift at the time of this pool, which is a shift, too; the registration `but` aside.

    Their rows stay locked, so that nobody signs them up for another one before this transaction ends. What somebody
    typed for a number, and its owner has not said yes to, is in nobody's way; nor is a shift that was postponed.
    """
    if not pool.is_shift or not people:
        return {}
    await lock_people(session, people)
    times = {"places_id": pool.id, "starts_at": pool.starts_at, "ends_at": pool.ends_at, "but": but}
    rows = await session.execute(_ELSEWHERE, {"people": list(people), **times})
    return {row.person_id: Elsewhere(*row) for row in rows}


def overlapping(posts: Sequence[Post]) -> tuple[Post, Post] | None:
    """The first two of these that nobody can take together."""
    for one, other in combinations(posts, 2):
        if one.session.starts_at < other.session.ends_at and other.session.starts_at < one.session.ends_at:
            return one, other
    return None
