"""Create and edit events. The commands never commit, and lock the event before they publish."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid
from sqlmodel import col
from uuid6 import uuid7

from services.events.events.auditing import audit, details, differences
from services.events.events.checking import PAST, IncompleteError, Missing, refuse_incomplete
from services.events.events.describing import SAME_NAMES, WORD_FIELDS, content_of, event_state
from services.events.events.drafting import EventContent, SessionTimes
from services.events.events.model import EventRow, EventTextRow, EventVersionRow, PlacesRow, SessionRow, State
from services.events.events.queries import WholeEvent, content_at, event_of, taken_codes, whole
from services.events.shifts.drafting import with_own_ids
from services.events.shifts.storing import write_shifts
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.contracts.events import EventChanged, EventMessage, EventRescheduled
from shared.database.engine import WriteSession
from shared.i18n.folding import fold
from shared.messaging.outbox import publish
from shared.sms.keywords import new_code

_CODES_LOCK = text("SELECT pg_advisory_xact_lock(7263100)")
_FOREIGN = text(
    """
    SELECT id FROM sessions WHERE id = ANY(:ids) AND event_id IS DISTINCT FROM :event_id
    UNION ALL SELECT id FROM places WHERE id = ANY(:ids) AND event_id IS DISTINCT FROM :event_id
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("event_id", type_=Uuid))
_FIXED_WHEN_PUBLISHED = ("code", "time_zone", "sessions")


class UnknownEventError(Exception):
    """There is no such event, or the member may not change it."""


class CodeTakenError(Exception):
    """Another event has this code."""


class WrongStateError(Exception):
    """The event's state does not allow this; `state` says which it is."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = State(state)


class FixedFieldError(Exception):
    """Once published, the code stays, and the dates are changed by rescheduling; `field` says which it was."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class ChangedMeanwhileError(Exception):
    """Somebody else changed the event since the version that this writer saw.

    `before` is what the writer saw (None for a version that never was), `now` is what is there, at `version`.
    """

    def __init__(self, before: EventContent | None, now: EventContent, version: int, state: str) -> None:
        super().__init__(version)
        self.before = before
        self.now = now
        self.version = version
        self.state = State(state)


async def create_event(
    session: WriteSession,
    member: Member,
    organisation_id: UUID,
    content: EventContent,
    request_key: UUID,
    now: datetime,
) -> UUID:
    """A draft; returns its id. The same key again returns the event that it made, and changes nothing.

    Raises UnknownEventError where the member may not make events for the organisation, CodeTakenError.
    """
    if not member.may(Right.EDIT, organisation_id):
        raise UnknownEventError
    await session.execute(_CODES_LOCK)
    known = await session.execute(
        select(col(EventRow.id)).where(
            col(EventRow.created_by) == member.person_id, col(EventRow.request_key) == request_key
        )
    )
    if (event_id := known.scalar_one_or_none()) is not None:
        return event_id
    content = await _with_own_ids(session, content, None)
    row = EventRow(
        id=uuid7(),
        organisation_id=organisation_id,
        created_by=member.person_id,
        request_key=request_key,
        created_at=now,
        **_columns(content, await _free_code(session, content.code)),
    )
    session.add(row)
    await session.flush()
    await _write_parts(session, row, content)
    await audit(session, member, "event.created", row, {}, details(content.model_copy(update={"code": row.code})))
    await remember(session, member, row, content, now)
    return row.id


async def edit_event(
    session: WriteSession, member: Member, event_id: UUID, content: EventContent, version: int, now: datetime
) -> int:
    """The event is as `content` says; returns its version. What is so already is a success that changes nothing.

    `version` is what the writer saw. People who are registered learn of it if the event was published.
    Raises UnknownEventError, WrongStateError for a cancelled event, ChangedMeanwhileError, CodeTakenError and, for a
    published event, FixedFieldError and IncompleteError.
    """
    event = await locked(session, member, event_id)
    before, row = content_of(event), event.row
    content = content if content.code else content.model_copy(update={"code": row.code})
    content = await _with_own_ids(session, content, event_id)
    if content == before:
        return row.version
    if row.state == State.CANCELLED:
        raise WrongStateError(row.state)
    await check_version(session, event, version)
    if row.state != State.DRAFT:
        refuse_fixed(before, content)
        refuse_incomplete(content)
        _refuse_past(before, content, now)
    elif content.code != before.code:
        await session.execute(_CODES_LOCK)
        await _free_code(session, content.code)
    for name, value in _columns(content, content.code).items():
        setattr(row, name, value)
    await _write_parts(session, row, content)
    await audit(session, member, "event.changed", row, *differences(before, content))
    moved = content.sessions != before.sessions
    await change(session, member, row, content, now, EventRescheduled if moved else EventChanged)
    return row.version


async def _with_own_ids(session: WriteSession, content: EventContent, event_id: UUID | None) -> EventContent:
    """The content with no id of another event's shift: a duplicate has them all, and a program may send any."""
    if not content.shifts:
        return content
    foreign = await session.execute(_FOREIGN, {"ids": list(content.ids), "event_id": event_id})
    roles, shifts = with_own_ids(content.roles, content.shifts, set(foreign.scalars()))
    return content.model_copy(update={"roles": roles, "shifts": shifts})


def refuse_fixed(before: EventContent, content: EventContent) -> None:
    """Raises FixedFieldError where the content changes what editing a published event cannot change.

    Of an event with shifts these can move and new ones come, but none goes: people may be in it.
    """
    fixed = _FIXED_WHEN_PUBLISHED if not before.shifts else ("code", "time_zone")
    for field in fixed:
        if getattr(content, field) != getattr(before, field):
            raise FixedFieldError(field)
    if bool(before.shifts) != bool(content.shifts) or not before.ids <= content.ids:
        raise FixedFieldError("shifts")


def _refuse_past(before: EventContent, content: EventContent, now: datetime) -> None:
    known = {shift.id: shift.starts_at for shift in before.shifts}
    if any(shift.starts_at <= now and known.get(shift.id) != shift.starts_at for shift in content.shifts):
        raise IncompleteError([Missing("starts_at", PAST)])


async def locked(session: WriteSession, member: Member, event_id: UUID) -> WholeEvent:
    """The event, which nobody else changes until this transaction ends. Raises UnknownEventError."""
    await session.execute(select(col(EventRow.id)).where(col(EventRow.id) == event_id).with_for_update())
    event = await event_of(session, member.organisations_where(Right.EDIT), event_id)
    if event is None:
        raise UnknownEventError
    return event


async def check_version(session: WriteSession, event: WholeEvent, version: int) -> None:
    """Raises ChangedMeanwhileError if what the form holds is not as it was at this version."""
    row = event.row
    if row.version != version:
        before = await content_at(session, row.id, version)
        if before == content_of(event) and row.state != State.CANCELLED:
            return
        raise ChangedMeanwhileError(before, content_of(event), row.version, row.state)


async def change(
    session: WriteSession,
    member: Member,
    row: EventRow,
    content: EventContent,
    now: datetime,
    message: type[EventMessage],
) -> None:
    """Raise the version, remember the content at it, and publish the whole state if the event is public."""
    row.version += 1
    session.add(row)
    await remember(session, member, row, content, now)
    if row.state != State.DRAFT:
        [event] = await whole(session, [row])
        state = event_state(event)
        await publish(
            session, message(aggregate_id=row.id, aggregate_version=row.version, event=state, occurred_at=now)
        )


async def remember(session: WriteSession, member: Member, row: EventRow, content: EventContent, now: datetime) -> None:
    """Keep what the form holds at this version."""
    content = content.model_copy(update={"code": row.code})
    kept = EventVersionRow(
        event_id=row.id,
        version=row.version,
        content=content.stored(),
        changed_by=member.person_id,
        changed_at=now,
    )
    session.add(kept)
    await session.flush()


async def _free_code(session: WriteSession, wanted: str) -> str:
    if not wanted:
        candidates = [new_code() for _ in range(10)]
        used = await taken_codes(session, candidates)
        return next(code for code in candidates if code not in used)
    if await taken_codes(session, [wanted]):
        raise CodeTakenError
    return wanted


def _columns(content: EventContent, code: str) -> dict[str, Any]:
    columns = {name: getattr(content, name) for name in SAME_NAMES} | {"code": code, "kind": content.kind.value}
    starts = [session.starts_at for session in content.sessions]
    ends = [session.ends_at for session in content.sessions]
    parts = {name: [one.model_dump(mode="json") for one in getattr(content, name)] for name in ("roles", "shifts")}
    return (
        columns
        | parts
        | {
            "starts_at": min(starts, default=None),
            "ends_at": max(ends, default=None),
            "search_text": search_text(content.model_copy(update={"code": code})),
        }
    )


def search_text(content: EventContent) -> str:
    """Every word by which people may look for the event, in all its languages, folded."""
    words = [part for text in content.words.values() for part in (text.title, text.text)]
    roles = [name for role in content.roles for name in role.name.values()]
    return fold(" ".join([*words, *roles, content.venue_name, content.venue_address, content.code]))


async def _write_parts(session: WriteSession, row: EventRow, content: EventContent) -> None:
    await _write_words(session, row.id, content)
    if content.shifts:
        await write_shifts(session, row.id, content)
    else:
        await write_sessions(session, row.id, content.sessions)
        await _write_places(session, row.id, content.capacity)


async def _write_words(session: WriteSession, event_id: UUID, content: EventContent) -> None:
    rows = await session.execute(select(EventTextRow).where(col(EventTextRow.event_id) == event_id))
    old = {row.language: row for row in rows.scalars()}
    for language in old.keys() - content.words.keys():
        await session.delete(old[language])
    for language, words in content.words.items():
        row = old.get(language) or EventTextRow(event_id=event_id, language=language, title=words.title)
        for name in WORD_FIELDS:
            setattr(row, name, getattr(words, name))
        session.add(row)
    await session.flush()


async def write_sessions(session: WriteSession, event_id: UUID, wanted: Iterable[SessionTimes]) -> None:
    """The event has these sessions. One that stays keeps its id, and so does one that moves, in their order."""
    rows = await session.execute(
        select(SessionRow).where(col(SessionRow.event_id) == event_id).order_by(col(SessionRow.starts_at))
    )
    old = list(rows.scalars())
    kept = {(row.starts_at, row.ends_at): row for row in old}
    new = [times for times in wanted if kept.pop((times.starts_at, times.ends_at), None) is None]
    free = [row for row in old if (row.starts_at, row.ends_at) in kept]
    for row, times in zip(free, new, strict=False):
        row.starts_at, row.ends_at = times.starts_at, times.ends_at
    for row in free[len(new) :]:
        await session.delete(row)
    for times in new[len(free) :]:
        session.add(SessionRow(id=uuid7(), event_id=event_id, starts_at=times.starts_at, ends_at=times.ends_at))
    await session.flush()


async def _write_places(session: WriteSession, event_id: UUID, capacity: int | None) -> None:
    rows = await session.execute(
        select(PlacesRow).where(col(PlacesRow.event_id) == event_id).order_by(col(PlacesRow.position))
    )
    pool = rows.scalars().first()
    if capacity is None:
        if pool:
            await session.delete(pool)
    elif pool:
        pool.capacity = capacity
    else:
        session.add(PlacesRow(id=uuid7(), event_id=event_id, capacity=capacity))
    await session.flush()
