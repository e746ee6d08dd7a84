"""Who could come: those who agreed to be asked, and have nothing else at that time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from services.registrations.registrations.model import LIVE_SQL
from shared.database.engine import ReadSession

WEEK = timedelta(days=7)
A_WEEK = 3
"""How often one person is asked in seven days, by all organisations together."""

FITTING = f"""
    FROM places p JOIN events e ON e.id = p.event_id
    JOIN askable a ON a.organisation_id = e.organisation_id AND a.ended_at IS NULL
    JOIN people ON people.id = a.person_id AND people.means <> 'paper'
    JOIN registrations own ON own.id = a.registration_id AND NOT own.unreachable
    WHERE p.is_shift AND p.open AND p.taken < p.capacity AND :now < p.closes_at AND :now < p.starts_at
      AND coalesce(p.opens_at, :now) <= :now
      AND NOT EXISTS (
        SELECT FROM registrations r
        WHERE r.event_id = p.event_id AND r.places_id = p.id AND r.person_id = a.person_id)
      AND NOT EXISTS (
        SELECT FROM (SELECT person_id, places_id FROM registrations WHERE {LIVE_SQL} AND state <> 'held'
                     UNION ALL SELECT person_id, places_id FROM asks) busy
        JOIN places o ON o.id = busy.places_id
        WHERE busy.person_id = a.person_id AND o.is_shift AND (o.open OR o.id = p.id)
          AND o.starts_at < p.ends_at AND o.ends_at > p.starts_at)
      AND (SELECT count(*) FROM asks k WHERE k.person_id = a.person_id AND k.asked_at > :week) < {A_WEEK}
"""  # noqa: S608 - constants of ours
"""Who fits into these pools `p`: agreed; was never in the pool, nor left it; has nothing else then, and was not asked
about anything else then; can be reached; and was not asked often lately. What a stranger typed is in nobody's way."""

_REACHED = text(f"SELECT p.id, count(*) AS people {FITTING} AND p.id = ANY(:places) GROUP BY p.id").bindparams(
    bindparam("places", type_=ARRAY(Uuid))
)
_ASKED = text(
    "SELECT places_id, count(*) AS people FROM asks WHERE places_id = ANY(:places) GROUP BY places_id"
).bindparams(bindparam("places", type_=ARRAY(Uuid)))
_AGREED = text(
    "SELECT 1 FROM askable WHERE person_id = :person AND organisation_id = :organisation AND ended_at IS NULL"
)


async def reach_of(session: ReadSession, places: Sequence[UUID], now: datetime) -> dict[UUID, int]:
    """How many people could be asked about each of these roles in shifts; where it is nobody, nothing."""
    if not places:
        return {}
    rows = await session.execute(_REACHED, {"places": list(places), "now": now, "week": now - WEEK})
    return {row.id: int(row.people) for row in rows}


async def asked_about(session: ReadSession, places: Sequence[UUID]) -> dict[UUID, int]:
    """How many people were asked about each of these roles in shifts already; where it is nobody, nothing."""
    return {row.places_id: int(row.people) for row in await session.execute(_ASKED, {"places": list(places)})}


async def may_be_asked(session: ReadSession, person_id: UUID, organisation_id: UUID) -> bool:
    """Whether the person agreed to be asked by this organisation when somebody is missing."""
    found = await session.execute(_AGREED, {"person": person_id, "organisation": organisation_id})
    return found.scalar_one_or_none() is not None
