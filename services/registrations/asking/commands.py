"""Asking who could come to a shift in which somebody is missing.

Load-bearing invariants:
- Nobody is asked who did not agree, or took it back; what a form says undoes nothing that a person took back.
- One person is asked about one role in a shift once, and three times a week at most, however many ask at once: the rows
  of those who may be asked are locked as admission locks them, and then it is looked at who still fits.
- To be asked is no place: whoever says yes first gets it, by the same admission as everybody.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from services.registrations.asking.queries import FITTING, WEEK
from services.registrations.registrations.deadlines import is_night
from services.registrations.registrations.pool import Pool, lock_pool, seal_link
from services.registrations.shifts.overlaps import lock_people
from shared.contracts.notification_requests import NotificationRequested, Template
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault

AT_ONCE = 50
"""How many people one press of the button asks; the next press asks others."""


class NightError(Exception):
    """It is night where the shift is: nobody is asked."""


_AGREE = """
    INSERT INTO askable (person_id, organisation_id, registration_id, agreed_at)
    SELECT r.person_id, e.organisation_id, r.id, :now FROM registrations r JOIN events e ON e.id = r.event_id
    WHERE r.id = :id
    ON CONFLICT (person_id, organisation_id) DO
"""
_BY_FORM = text(f"{_AGREE} NOTHING")
_BY_PERSON = text(
    f"""
    {_AGREE} UPDATE SET ended_at = NULL, registration_id = excluded.registration_id,
        agreed_at = CASE WHEN askable.ended_at IS NULL THEN askable.agreed_at ELSE excluded.agreed_at END
    """
)
_TAKE_BACK = text(
    """
    UPDATE askable a SET ended_at = :now FROM registrations r JOIN events e ON e.id = r.event_id
    WHERE r.id = :id AND a.person_id = r.person_id AND a.organisation_id = e.organisation_id AND a.ended_at IS NULL
    """
)
_TICKED = text("UPDATE registrations SET askable = true WHERE id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(Uuid))
)
_HERE = text(
    "SELECT coalesce(sum(party_size), 0) FROM registrations"
    " WHERE event_id = :event_id AND places_id = :places_id AND state = 'confirmed'"
)
_CHOSEN = text(
    f"""
    SELECT a.person_id {FITTING} AND p.id = :places_id
    ORDER BY (SELECT max(k.asked_at) FROM asks k WHERE k.person_id = a.person_id) NULLS FIRST, a.agreed_at LIMIT :most
    """  # noqa: S608 - constants of ours
)
_ASK = text(
    f"""
    WITH fitting AS (
        SELECT a.person_id, a.registration_id, e.version {FITTING} AND p.id = :places_id AND a.person_id = ANY(:people)
    ), asked AS (
        INSERT INTO asks (person_id, places_id, asked_at) SELECT person_id, :places_id, :now FROM fitting
    )
    SELECT person_id, registration_id, version FROM fitting ORDER BY person_id
    """  # noqa: S608 - constants of ours
).bindparams(bindparam("people", type_=ARRAY(Uuid)), bindparam("places_id", type_=Uuid))


async def agree_by_form(
    session: WriteSession, registrations: Iterable[UUID], now: datetime, *, ask_owner: bool = False
) -> None:
    """Somebody ticked at these new registrations that they may be asked.

    For a number that was typed it counts once its owner has said yes to the registration (`agree_with_yes`). Whoever
    took it back stays unasked: a form may be a stranger's doing.
    """
    ids = list(registrations)
    if ask_owner and ids:
        await session.execute(_TICKED, {"ids": ids})
    elif ids:
        await session.execute(_BY_FORM, {"id": ids[0], "now": now})


async def agree_with_yes(session: WriteSession, registration_id: UUID, now: datetime) -> None:
    """The owner of a number said yes to what was typed for it, with the tick in it."""
    await session.execute(_BY_FORM, {"id": registration_id, "now": now})


async def change_askable(session: WriteSession, registration_id: UUID, now: datetime, *, agreed: bool) -> None:
    """The person behind this registration says whether its organisation may ask them from now on."""
    await session.execute(_BY_PERSON if agreed else _TAKE_BACK, {"id": registration_id, "now": now})


async def ask_who_could_come(session: WriteSession, vault: Vault, places_id: UUID, wanted: int, now: datetime) -> int:
    """Ask those who fit, at most fifty, whoever was asked longest ago first; returns how many were asked.

    Nobody where `wanted` people have the role already, or no place is free. Raises NightError, PoolUnknownError.
    """
    pool = await lock_pool(session, places_id)
    if is_night(now, ZoneInfo(pool.time_zone)):
        raise NightError
    here = await session.execute(_HERE, {"event_id": pool.event_id, "places_id": pool.id})
    if here.scalar_one() >= wanted:
        return 0
    values = {"places_id": pool.id, "now": now, "week": now - WEEK}
    people = list((await session.execute(_CHOSEN, {**values, "most": AT_ONCE})).scalars())
    await lock_people(session, people)
    asked = list(await session.execute(_ASK, {**values, "people": people}))
    await publish(session, *(_request(vault, pool, *one) for one in asked))
    return len(asked)


def _request(vault: Vault, pool: Pool, person_id: UUID, registration_id: UUID, version: int) -> NotificationRequested:
    """Its link leads to the page on which the agreement is taken back; it is about no registration."""
    return NotificationRequested(
        aggregate_id=registration_id,
        aggregate_version=0,
        template=Template.SHIFT_WANTED,
        person_id=person_id,
        event_id=pool.event_id,
        data={"event_version": version, "places_id": str(pool.id)},
        sealed=seal_link(vault, registration_id, "request"),
        expires_at=min(pool.starts_at, pool.closes_at),
    )
