"""Ask organisations to co-host an event, answer, and end it. The commands never commit, and lock the event first.

Whoever co-hosts is part of what the event publishes; so a co-host's access ends everywhere with the next message.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from uuid6 import uuid7

from services.events.co_hosts.model import CoHostRow, State
from services.events.events.commands import UnknownEventError, change, locked
from services.events.events.describing import content_of
from services.events.events.model import EventRow
from services.events.events.queries import WholeEvent, event_by_id
from services.events.organisations.model import OrganisationRow
from services.events.organisations.queries import owners_of
from shared.auth.audit import record
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.contracts.events import CoHostRole, EventChanged, Scope
from shared.contracts.notification_requests import NotificationRequested, Template, localized
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish


class NotAskedError(Exception):
    """The organisation has no open invitation, or does not co-host: `state` says where it stands, if anywhere."""

    def __init__(self, state: State | None) -> None:
        super().__init__(state)
        self.state = state


class OwnEventError(Exception):
    """An organisation does not co-host its own event."""


async def invite(
    session: WriteSession,
    member: Member,
    event_id: UUID,
    organisation_id: UUID,
    role: CoHostRole,
    scope: Scope,
    now: datetime,
) -> None:
    """Ask the organisation to co-host, or change what one that does may do and see: a smaller scope holds at once.

    Asking again for the same changes nothing. Raises UnknownEventError for who may not edit the event or names no
    organisation, and OwnEventError.
    """
    event = await locked(session, member, event_id)
    if organisation_id == event.row.organisation_id:
        raise OwnEventError
    if await session.get(OrganisationRow, organisation_id) is None:
        raise UnknownEventError
    row = await session.get(CoHostRow, (event_id, organisation_id))
    before = {"role": row.role, "scope": row.scope, "state": row.state} if row else {}
    state = State.ACCEPTED if row and row.state == State.ACCEPTED else State.INVITED
    after = {"role": role.value, "scope": scope.value, "state": state.value}
    if before == after:
        return
    row = row or CoHostRow(event_id=event_id, organisation_id=organisation_id, **after, changed_at=now)
    row.role, row.scope, row.state, row.changed_at = role.value, scope.value, state.value, now
    await _save(session, member, event, row, now, public=state is State.ACCEPTED)
    action = "co-host.changed" if state is State.ACCEPTED else "co-host.invited"
    await _record(session, action, member, event.row, event.row.organisation_id, organisation_id, before, after)
    if state is State.INVITED:
        await _write_to(session, event, organisation_id, Template.CO_HOST_INVITED, event.row.organisation_id)


async def answer(
    session: WriteSession, member: Member, event_id: UUID, organisation_id: UUID, *, accepts: bool, now: datetime
) -> None:
    """The organisation co-hosts from now on, or does not. The same answer again changes nothing.

    Raises UnknownEventError for who may not decide for the organisation, and NotAskedError.
    """
    event, row = await _asked(session, member, event_id, organisation_id)
    state = State.ACCEPTED if accepts else State.DECLINED
    if row.state == state:
        return
    if row.state != State.INVITED:
        raise NotAskedError(State(row.state))
    row.state, row.changed_at = state.value, now
    await _save(session, member, event, row, now, public=accepts)
    await _record(session, f"co-host.{state}", member, event.row, organisation_id, organisation_id)
    await _write_to(
        session, event, event.row.organisation_id, Template.CO_HOST_CHANGED, organisation_id, state=state.value
    )


async def leave(session: WriteSession, member: Member, event_id: UUID, organisation_id: UUID, now: datetime) -> None:
    """The organisation co-hosts no more. Leaving twice changes nothing. Raises UnknownEventError, NotAskedError."""
    event, row = await _asked(session, member, event_id, organisation_id)
    if row.state == State.ENDED:
        return
    if row.state != State.ACCEPTED:
        raise NotAskedError(State(row.state))
    await _end(session, member, event, row, now)
    await _record(session, "co-host.left", member, event.row, organisation_id, organisation_id)
    await _write_to(session, event, event.row.organisation_id, Template.CO_HOST_CHANGED, organisation_id, state="left")


async def end(session: WriteSession, member: Member, event_id: UUID, organisation_id: UUID, now: datetime) -> None:
    """The host ends the co-hosting, or takes an open invitation back. Ending twice changes nothing.

    Raises UnknownEventError for who may not edit the event, and NotAskedError.
    """
    event = await locked(session, member, event_id)
    row = await session.get(CoHostRow, (event_id, organisation_id))
    if row is None:
        raise NotAskedError(None)
    if row.state in {State.ENDED, State.DECLINED}:
        return
    was = row.state
    await _end(session, member, event, row, now)
    host = event.row.organisation_id
    await _record(session, "co-host.ended", member, event.row, host, organisation_id, {"state": was})
    if was == State.ACCEPTED:
        await _write_to(session, event, organisation_id, Template.CO_HOST_CHANGED, host, state="ended")


async def _asked(
    session: WriteSession, member: Member, event_id: UUID, organisation_id: UUID
) -> tuple[WholeEvent, CoHostRow]:
    """The event, locked, and its row of the organisation, for which the member decides."""
    if not member.may(Right.EDIT, organisation_id):
        raise UnknownEventError
    await session.execute(select(col(EventRow.id)).where(col(EventRow.id) == event_id).with_for_update())
    event = await event_by_id(session, event_id)
    row = await session.get(CoHostRow, (event_id, organisation_id), populate_existing=True)
    if event is None or row is None:
        raise UnknownEventError
    return event, row


async def _end(session: WriteSession, member: Member, event: WholeEvent, row: CoHostRow, now: datetime) -> None:
    public = row.state == State.ACCEPTED
    row.state, row.changed_at = State.ENDED.value, now
    await _save(session, member, event, row, now, public=public)


async def _save(
    session: WriteSession, member: Member, event: WholeEvent, row: CoHostRow, now: datetime, *, public: bool
) -> None:
    """Write the row; where it is part of what the event publishes, publish that."""
    session.add(row)
    await session.flush()
    if public:
        await change(session, member, event.row, content_of(event), now, EventChanged)


async def _record(
    session: WriteSession,
    action: str,
    member: Member,
    event: EventRow,
    acting: UUID,
    co_host: UUID,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    await record(
        session,
        action,
        person_id=member.person_id,
        organisation_id=acting,
        event_id=event.id,
        subject_id=co_host,
        before=dict(before or {}),
        after=dict(after or {}),
    )


async def _write_to(
    session: WriteSession, event: WholeEvent, to: UUID, template: Template, about: UUID, **data: str
) -> None:
    """A mail to each owner of the organisation `to`, that names the organisation `about`."""
    organisation = await session.get(OrganisationRow, about)
    names = {
        "host": localized(organisation.name if organisation else {}),
        "event_title": localized(event.texts("title")),
    }
    messages = [
        NotificationRequested(
            aggregate_id=uuid7(),
            aggregate_version=1,
            template=template,
            person_id=person_id,
            data={"about": str(event.row.id), **names, **data},
        )
        for person_id in await owners_of(session, to)
    ]
    await publish(session, *messages)
