"""Writing down who came. Each command promises that a request which comes again, by its key, changes nothing more.

Load-bearing invariants:
- Check-ins of a registration are decided one after the other, under the lock of its row; so neither two desks count
  a party twice, nor does a party come in that is being cancelled.
- Of two check-ins of a party the earlier one stands, by the time at which they happened and not at which we learnt of
  them: a device may have been without a connection.
- Nothing of the pool is locked or changed: whoever came has had a place before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from services.registrations.check_in.model import Result
from services.registrations.registrations.model import State
from shared.auth import audit
from shared.contracts.events import EventState, Session
from shared.database.engine import WriteSession

MOST_WALK_INS = 1000
_EARLIEST = timedelta(days=1)
_AT_ONCE = timedelta(seconds=2)
"""Of what happens within so short a time, what comes first to the lock was first."""


class NoPlaceError(Exception):
    """The party has no place; `state` says where its registration stands."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state


class NotHereError(Exception):
    """Nobody checked the party in, so that it cannot leave."""


class WrongNumberError(ValueError):
    """So many cannot have come; `most` is the size of the party."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most


@dataclass(frozen=True)
class Desk:
    """Who writes down what, where, and by which request.

    Volunteers who text that they came or left write down themselves: no member did it, and no audit log tells of it.
    """

    person_id: UUID
    event: EventState
    session: Session
    key: UUID
    at: datetime
    now: datetime
    is_member: bool = True

    @property
    def moment(self) -> datetime:
        """When it happened, as a device says; its clock may be wrong, but not by more than what makes sense."""
        return max(min(self.at, self.now), min(self.session.starts_at - _EARLIEST, self.now))


class Here(NamedTuple):
    """A party's check-in as it stands."""

    result: Result
    came: int = 0
    since: datetime | None = None
    left: datetime | None = None


_LOCK = text("SELECT state, party_size FROM registrations WHERE id = :id FOR UPDATE")
_KNOWN = text(
    """
    SELECT came, checked_in_at, checked_in_by, left_at, undone_at, :key = ANY(request_keys) AS repeated FROM check_ins
    WHERE registration_id = :id AND session_id = :session
    """
).bindparams(bindparam("key", type_=Uuid))
_WRITE = text(
    """
    INSERT INTO check_ins (registration_id, session_id, event_id, came, checked_in_at, checked_in_by, undone_at,
                           changed_at, request_keys)
    VALUES (:id, :session, :event, :came, :since, :by, :undone, clock_timestamp(), :keys)
    ON CONFLICT (registration_id, session_id) DO UPDATE SET
        came = excluded.came, checked_in_at = excluded.checked_in_at, checked_in_by = excluded.checked_in_by,
        left_at = CASE WHEN excluded.undone_at IS NULL THEN check_ins.left_at END,
        undone_at = excluded.undone_at, changed_at = excluded.changed_at,
        request_keys = check_ins.request_keys || excluded.request_keys
    """
).bindparams(bindparam("keys", type_=ARRAY(Uuid)))


_LEAVE = text(
    """
    UPDATE check_ins SET left_at = :left, changed_at = clock_timestamp(), request_keys = request_keys || :key
    WHERE registration_id = :id AND session_id = :session
    """
).bindparams(bindparam("key", type_=Uuid))


async def check_in(
    session: WriteSession, desk: Desk, registration_id: UUID, came: int | None = None, *, change: bool = False
) -> Here:
    """The party is here, all of it or `came` people of it.

    A party that is here already stays as it is, but for `change`, which makes the number another, and for a check-in
    that happened earlier than the one we know, which takes its place.

    Raises NoPlaceError and WrongNumberError; the registration must be there.
    """
    party = (await session.execute(_LOCK, {"id": registration_id})).one()
    known = await _known(session, desk, registration_id)
    if known is not None and known.repeated:
        return _standing(known)
    if party.state != State.CONFIRMED:
        raise NoPlaceError(State(party.state))
    came = party.party_size if came is None else came
    if not 1 <= came <= party.party_size:
        raise WrongNumberError(party.party_size)
    since, by = desk.moment, desk.person_id
    if known is None or known.undone_at is not None:
        if known is not None and since < known.undone_at - _AT_ONCE:
            return Here(Result.UNDONE)
        await _write(session, desk, registration_id, came, since, by)
        await _record(session, desk, registration_id, "check-in.made", 0, came)
        return Here(Result.CHECKED_IN, came, since)
    return await _again(session, desk, registration_id, known, came, change=change)


async def _again(
    session: WriteSession, desk: Desk, registration_id: UUID, known: Any, came: int, *, change: bool
) -> Here:
    """The party is here: another number of people on purpose, an earlier check-in that comes late, or a second one."""
    since, by = known.checked_in_at, known.checked_in_by
    earlier = desk.moment < since - _AT_ONCE
    if not change and not earlier:
        return Here(Result.ALREADY, known.came, since)
    if earlier:
        since, by = desk.moment, desk.person_id
    await _write(session, desk, registration_id, came, since, by)
    await _record(session, desk, registration_id, "check-in.changed", known.came, came)
    return Here(Result.CHECKED_IN if change else Result.ALREADY, came, since)


async def undo(session: WriteSession, desk: Desk, registration_id: UUID) -> Here:
    """The party is not here. What happened after the moment at which this was said stays: then nothing is undone."""
    await session.execute(_LOCK, {"id": registration_id})
    known = await _known(session, desk, registration_id)
    if known is None or known.undone_at is not None:
        return Here(Result.NOTHING)
    if known.repeated:
        return _standing(known)
    if desk.moment < known.checked_in_at - _AT_ONCE:
        return Here(Result.ALREADY, known.came, known.checked_in_at)
    since, by = known.checked_in_at, known.checked_in_by
    await _write(session, desk, registration_id, known.came, since, by, undone=desk.moment)
    await _record(session, desk, registration_id, "check-in.undone", known.came, 0)
    return Here(Result.UNDONE)


async def check_out(session: WriteSession, desk: Desk, registration_id: UUID) -> Here:
    """The volunteer leaves the shift. Who left already left then: that stands.

    Raises NotHereError; the registration must be there.
    """
    await session.execute(_LOCK, {"id": registration_id})
    known = await _known(session, desk, registration_id)
    if known is None or known.undone_at is not None:
        raise NotHereError
    left = known.left_at or max(desk.moment, known.checked_in_at)
    if known.left_at is None:
        where = {"id": registration_id, "session": desk.session.id, "left": left, "key": desk.key}
        await session.execute(_LEAVE, where)
        await _record(session, desk, registration_id, "check-in.left", known.came, known.came)
    return Here(Result.CHECKED_OUT, known.came, known.checked_in_at, left)


async def _known(session: WriteSession, desk: Desk, registration_id: UUID) -> Any:
    values = {"id": registration_id, "session": desk.session.id, "key": desk.key}
    return (await session.execute(_KNOWN, values)).one_or_none()


def _standing(known: Any) -> Here:
    if known.undone_at is not None:
        return Here(Result.UNDONE)
    return Here(Result.CHECKED_IN, known.came, known.checked_in_at, known.left_at)


async def _write(
    session: WriteSession,
    desk: Desk,
    registration_id: UUID,
    came: int,
    since: datetime,
    by: UUID,
    undone: datetime | None = None,
) -> None:
    values = {
        "id": registration_id,
        "session": desk.session.id,
        "event": desk.event.id,
        "came": came,
        "since": since,
        "by": by,
        "undone": undone,
        "keys": [desk.key],
    }
    await session.execute(_WRITE, values)


async def _record(
    session: WriteSession, desk: Desk, registration_id: UUID | None, action: str, before: int, after: int
) -> None:
    if not desk.is_member:
        return
    await audit.record(
        session,
        action,
        person_id=desk.person_id,
        organisation_id=desk.event.organisation_id,
        event_id=desk.event.id,
        subject_id=registration_id,
        before={"came": before},
        after={"came": after, "session": str(desk.session.id)},
    )


_ONE_AT_A_TIME = text("SELECT id FROM events WHERE id = :event FOR NO KEY UPDATE")
_COUNT = text(
    """
    INSERT INTO walk_ins (id, event_id, session_id, people, counted_at, counted_by)
    VALUES (:key, :event, :session, :people, :at, :by) ON CONFLICT (id) DO NOTHING RETURNING id
    """
)
_TOTAL = text("SELECT coalesce(sum(people), 0) FROM walk_ins WHERE session_id = :session")


async def count_walk_ins(session: WriteSession, desk: Desk, people: int) -> int:
    """So many more people came without a registration, or fewer; returns how many they are now, never below none.

    Raises WrongNumberError beyond a thousand at once.
    """
    if not 0 < abs(people) <= MOST_WALK_INS:
        raise WrongNumberError(MOST_WALK_INS)
    values = {"event": desk.event.id, "session": desk.session.id}
    await session.execute(_ONE_AT_A_TIME, {"event": desk.event.id})
    before = int((await session.execute(_TOTAL, {"session": desk.session.id})).scalar_one())
    people = max(people, -before)
    if people == 0:
        return before
    added = {"key": desk.key, "people": people, "at": desk.moment, "by": desk.person_id}
    if (await session.execute(_COUNT, values | added)).one_or_none() is None:
        return before
    await _record(session, desk, None, "walk-ins.counted", before, before + people)
    return before + people
