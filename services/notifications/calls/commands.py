"""The call list: what the desk tells people who have nothing but paper.

An entry is a delivery on the channel `desk`. It is open while it is `queued`; it ends `delivered` as somebody of the
desk has told the person, or `expired` as it is too late to be of use.

Load-bearing invariants:
- An entry ends once: the statement that ends it asks for its state, so that of two who press at once one has told.
- The row's change and its `DeliveryEnded` are one transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from services.notifications.deliveries.ended import publish_ended
from shared.auth.audit import record
from shared.auth.members import Member
from shared.database.engine import Database, WriteSession

AT_ONCE = 500

_RETURNED = """RETURNING d.id, d.state, d.version, d.correlation_id, d.cause_id, d.channel, d.template, d.person_id,
    d.event_id, d.registration_id"""
_IDS = dict.fromkeys(("id", "correlation_id", "cause_id", "person_id", "event_id", "registration_id"), Uuid)


def settling(guard: str) -> Any:
    """The statement that ends entries, of those that the guard lets through."""
    return (
        text(
            f"""
        UPDATE deliveries d SET state = 'delivered', told_by = told.member, sent_at = :now, ended_at = :now,
            version = d.version + 1
        FROM unnest(:ids, :members) AS told (id, member) JOIN deliveries last ON last.id = told.id
        WHERE d.recipient = last.recipient AND d.id <= last.id AND d.channel = 'desk' AND {guard}
        {_RETURNED}
        """  # noqa: S608 - constants of this module
        )
        .bindparams(
            bindparam("ids", type_=ARRAY(Uuid)),
            bindparam("members", type_=ARRAY(Uuid)),
            bindparam("now", type_=TIMESTAMP(timezone=True)),
        )
        .columns(**_IDS)
    )


_SETTLE = settling("d.state = 'queued'")


async def settle_calls(session: WriteSession, told: Mapping[UUID, UUID], now: datetime) -> list[Any]:
    """End these entries, and what was open for the same people before them; returns the rows that ended here.

    `told` is delivery to member: who hears the latest hears what led to it. What has ended already stays as it is.
    """
    if not told:
        return []
    values = {"ids": list(told), "members": list(told.values()), "now": now}
    rows: list[Any] = list(await session.execute(_SETTLE, values))
    await publish_ended(session, rows)
    return rows


async def tell(session: WriteSession, member: Member, organisation_id: UUID, delivery_id: UUID, now: datetime) -> bool:
    """Note that the member has told the person, up to this entry; each entry has its line in the audit log.

    False where somebody was quicker, or the entry has ended otherwise: then nothing changed.
    """
    rows = await settle_calls(session, {delivery_id: member.person_id}, now)
    for row in rows:
        await record(
            session,
            "call.told",
            person_id=member.person_id,
            organisation_id=organisation_id,
            event_id=row.event_id,
            subject_id=row.registration_id,
            after={"template": row.template},
        )
    return bool(rows)


_EXPIRE = (
    text(
        f"""
        WITH late AS (
            SELECT c.id FROM deliveries c LEFT JOIN events e ON e.id = c.event_id
            WHERE c.channel = 'desk' AND c.state = 'queued' AND (
                (c.expires_at <= :now AND e.status IS DISTINCT FROM 'postponed') OR (
                    e.status IN ('published', 'cancelled') AND NOT EXISTS (
                        SELECT FROM jsonb_array_elements(e.state -> 'sessions') s
                        WHERE CAST(s ->> 'ends_at' AS timestamptz) > :now)))
            LIMIT :most FOR UPDATE OF c SKIP LOCKED
        )
        UPDATE deliveries d SET state = 'expired', ended_at = :now, version = d.version + 1
        FROM late WHERE d.id = late.id
        {_RETURNED}
        """  # noqa: S608 - constants of this module
    )
    .bindparams(bindparam("now", type_=TIMESTAMP(timezone=True)))
    .columns(**_IDS)
)


async def expire_calls(database: Database, now: datetime) -> int:
    """End what is too late to be told: an offer whose time is over, anything once its event is. Returns how many.

    The organiser then sees that the person was not reached.
    """
    async with database.begin() as session:
        rows = list(await session.execute(_EXPIRE, {"now": now, "most": AT_ONCE}))
        await publish_ended(session, rows)
    return len(rows)
