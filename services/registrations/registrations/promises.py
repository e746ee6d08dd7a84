"""Answers that an organisation promised: who decides is reminded, then its owners; nobody waits for ever.

`keep_promises` promises that each step is taken once for each registration, however many workers there are.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.registrations.registrations import commands
from services.registrations.registrations.admission import Rules
from shared.contracts.notification_requests import NotificationRequested, Template
from shared.contracts.organisations import Role
from shared.contracts.registrations import DeclineReason
from shared.database.engine import Database, WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault

OWNERS_AFTER = timedelta(hours=24)
"""How long after the promised time the organisation's owners are told."""
MOST = 200

_DUE = text(
    """
    UPDATE registrations SET reminders = :step
    WHERE id IN (
        SELECT r.id FROM registrations r JOIN places p ON p.id = r.places_id
        WHERE r.state = 'pending' AND r.reminders < :step AND r.answer_by <= :due AND p.open
        ORDER BY r.answer_by LIMIT :most FOR UPDATE OF r SKIP LOCKED
    )
    RETURNING event_id
    """
)
_MEMBERS = text(
    """
    SELECT m.person_id, m.role, m.organisation_id FROM members m JOIN events e ON e.organisation_id = m.organisation_id
    WHERE e.id = :event AND m.role IN ('owner', 'organiser')
    """
)
_WAITING = text("SELECT count(*) FROM registrations WHERE event_id = :event AND state = 'pending'")
_TOO_LATE = text(
    """
    SELECT r.id FROM registrations r JOIN places p ON p.id = r.places_id
    WHERE r.state = 'pending' AND p.starts_at <= :now AND r.answer_by <= :now AND p.open ORDER BY r.id LIMIT :most
    """
)


async def keep_promises(database: Database, vault: Vault, rules: Rules, now: datetime) -> int:
    """Remind of answers that are due, and end what nobody answered before its shift began; returns how many."""
    async with database.begin() as session:
        reminded = await _remind(session, 1, now, Role.ORGANISER)
        reminded += await _remind(session, 2, now - OWNERS_AFTER, Role.OWNER)
    async with database.read() as session:
        late = list((await session.execute(_TOO_LATE, {"now": now, "most": MOST})).scalars())
    for registration_id in late:
        async with database.begin() as session:
            await _give_up(session, vault, rules, registration_id, now)
    return reminded + len(late)


async def _give_up(session: WriteSession, vault: Vault, rules: Rules, registration_id: UUID, now: datetime) -> None:
    """Nobody answered: the person is told so. Somebody may have decided a moment ago, and that stands."""
    try:
        await commands.decline(session, vault, rules, registration_id, DeclineReason.NO_ANSWER, now)
    except (commands.RegistrationEndedError, commands.DecidedError):
        return


async def _remind(session: WriteSession, step: int, due: datetime, role: Role) -> int:
    rows = await session.execute(_DUE, {"step": step, "due": due, "most": MOST})
    found = list(rows.scalars())
    for event_id in sorted(set(found)):
        members = (await session.execute(_MEMBERS, {"event": event_id})).all()
        waiting = int((await session.execute(_WAITING, {"event": event_id})).scalar_one())
        await publish(session, *_reminders(event_id, _with_role(members, role), waiting, step))
    return len(found)


def _with_role(members: Sequence[Any], role: Role) -> list[UUID]:
    """Those with this role; where there are none, the owners, whom every organisation has."""
    chosen = [one.person_id for one in members if one.role == role]
    return chosen or [one.person_id for one in members if one.role == Role.OWNER]


def _reminders(event_id: UUID, people: Iterable[UUID], waiting: int, step: int) -> list[NotificationRequested]:
    return [
        NotificationRequested(
            aggregate_id=person_id,
            aggregate_version=0,
            template=Template.ANSWERS_DUE,
            person_id=person_id,
            event_id=event_id,
            data={"waiting": waiting, "step": step},
        )
        for person_id in people
    ]
