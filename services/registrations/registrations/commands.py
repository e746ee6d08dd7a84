"""What can be done with a registration that there is. Each command promises to be safe when it is sent twice.

`told_by` is the member of the desk who does it while speaking with the person.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.types import Boolean, DateTime, Integer, Text, Uuid

from services.registrations.asking.commands import agree_with_yes
from services.registrations.registrations.admission import Rules
from services.registrations.registrations.model import LIVE, QUESTIONS, State
from services.registrations.registrations.pool import Party, Pool, lock_pool
from services.registrations.registrations.waitlist import leave_pool, offer_free_places, waiting_position
from services.registrations.shifts.overlaps import Elsewhere, shifts_elsewhere
from shared.contracts.registrations import (
    DeclineReason,
    EndedBy,
    PartyChanged,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationDeclined,
    RegistrationPending,
    RegistrationWaitlisted,
)
from shared.database.engine import WriteSession
from shared.vault import Vault


class RegistrationUnknownError(LookupError):
    """There is no such registration."""


class RegistrationEndedError(Exception):
    """The registration has ended: nothing of it can be changed any more."""


class PartyTooLargeError(Exception):
    """The party may not be as large as that. `largest` is what it may be."""

    def __init__(self, largest: int) -> None:
        super().__init__()
        self.largest = largest


class NothingToAnswerError(Exception):
    """No question is open; `state` says where the registration stands."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state


class OwnerNotAskedError(Exception):
    """The number's owner has not said yes: nobody else can."""


class OverlapsError(Exception):
    """The person has a shift at the same time, `other`."""

    def __init__(self, other: Elsewhere) -> None:
        super().__init__()
        self.other = other


class DecidedError(Exception):
    """The registration does not wait for the organisation's answer."""


class NoRoomError(Exception):
    """The party does not fit. `free` is how many people still do."""

    def __init__(self, free: int) -> None:
        super().__init__()
        self.free = free


DECLINED = "declined"
"""What ended a registration that the organisation decided against."""

_PLACES_OF = text("SELECT places_id FROM registrations WHERE id = :id")
_LOCK = text(
    "SELECT id, person_id, party_size, channel, state, holds_places, expires_at, answer_by, queue, ended_by, askable"
    " FROM registrations"
    " WHERE id = :id FOR UPDATE"
)
_WRITE = text(
    """
    UPDATE registrations SET state = :state, party_size = :party_size, holds_places = :holds_places,
                             expires_at = :expires_at, answer_by = :answer_by, reminders = 0, ended_by = :ended_by,
                             declined_for = :declined_for, updated_at = :now
    WHERE id = :id
    """
).bindparams(
    bindparam("id", type_=Uuid),
    bindparam("state", type_=Text),
    bindparam("party_size", type_=Integer),
    bindparam("holds_places", type_=Boolean),
    bindparam("expires_at", type_=DateTime(timezone=True)),
    bindparam("answer_by", type_=DateTime(timezone=True)),
    bindparam("ended_by", type_=Text),
    bindparam("declined_for", type_=Text),
    bindparam("now", type_=DateTime(timezone=True)),
)


@dataclass
class _Open:
    """A registration and its pool, both locked."""

    session: WriteSession
    vault: Vault
    rules: Rules
    now: datetime
    pool: Pool
    row: Any

    @property
    def state(self) -> State:
        return State(self.row.state)

    def require_room(self, size: int) -> None:
        """Raise PartyTooLargeError where the party may not grow to this size. It may always stay as it is."""
        before, pool = self.row.party_size, self.pool
        most = min(pool.largest_party, before + pool.free) if self.row.holds_places else pool.largest_party
        if size > max(most, before):
            raise PartyTooLargeError(max(most, before))

    def party(self, size: int | None = None) -> Party:
        return Party(self.row.id, self.row.person_id, size or self.row.party_size, self.row.channel)

    async def write(
        self,
        state: State,
        *,
        holds_places: bool,
        party_size: int | None = None,
        expires_at: datetime | None = None,
        answer_by: datetime | None = None,
        ended_by: str | None = None,
        declined_for: str | None = None,
    ) -> None:
        """Write the row, offer what became free, save the pool."""
        values = {
            "id": self.row.id,
            "state": state.value,
            "party_size": party_size or self.row.party_size,
            "holds_places": holds_places,
            "expires_at": expires_at,
            "answer_by": answer_by,
            "ended_by": ended_by,
            "declined_for": declined_for,
            "now": self.now,
        }
        await self.session.execute(_WRITE, values)
        await offer_free_places(self.session, self.vault, self.rules, self.pool, self.now)
        await self.pool.save(self.session)


async def _open(session: WriteSession, vault: Vault, rules: Rules, registration_id: UUID, now: datetime) -> _Open:
    places_id = (await session.execute(_PLACES_OF, {"id": registration_id})).scalar_one_or_none()
    if places_id is None:
        raise RegistrationUnknownError
    pool = await lock_pool(session, places_id)
    row = (await session.execute(_LOCK, {"id": registration_id})).one()
    return _Open(session, vault, rules, now, pool, row)


async def cancel(
    session: WriteSession,
    vault: Vault,
    rules: Rules,
    registration_id: UUID,
    by: EndedBy,
    now: datetime,
    *,
    told_by: UUID | None = None,
) -> bool:
    """End the registration and offer its places on. One that has ended stays as it is: then it returns False.

    Raises RegistrationUnknownError.
    """
    opened = await _open(session, vault, rules, registration_id, now)
    if opened.state not in LIVE:
        return False
    leave_pool(opened.pool, opened.row.party_size, holds_places=opened.row.holds_places)
    opened.pool.tell(vault, RegistrationCancelled, opened.party(), by=by, told_by=told_by)
    await opened.write(State.CANCELLED, holds_places=False, ended_by=by.value)
    return True


async def accept(
    session: WriteSession,
    vault: Vault,
    rules: Rules,
    registration_id: UUID,
    now: datetime,
    size: int | None = None,
    *,
    told_by: UUID | None = None,
) -> State:
    """Say yes to an offer, or as a number's owner to the registration itself; returns the new state.

    With `size` the party is that large from now on. An offer that is overdue but was not yet taken back is still
    good. Raises RegistrationUnknownError, NothingToAnswerError where no question is open, and PartyTooLargeError for
    a size that does not fit: then nothing changed; OverlapsError for a shift at the time of another one, to which the
    number's owner said yes meanwhile.
    """
    opened = await _open(session, vault, rules, registration_id, now)
    if opened.state not in QUESTIONS:
        raise NothingToAnswerError(opened.state)
    size = size or opened.row.party_size
    opened.require_room(size)
    if opened.state is State.HELD:
        person_id = opened.row.person_id
        if other := (await shifts_elsewhere(session, opened.pool, [person_id])).get(person_id):
            raise OverlapsError(other)
        if opened.row.askable:
            await agree_with_yes(session, registration_id, now)
    if opened.row.holds_places:
        _resize(opened.pool, opened.row.party_size, size)
    elif size > opened.pool.free:
        return await _wait(opened, size, told_by)
    else:
        opened.pool.unqueue(opened.row.party_size)
        opened.pool.take(size)
    return await _place(opened, size, told_by)


async def _place(opened: _Open, size: int, told_by: UUID | None) -> State:
    """The party has its places, or has to wait for the organisation's answer while they are kept."""
    answer_by = opened.pool.promised(opened.now)
    state = State.PENDING if answer_by else State.CONFIRMED
    party = opened.party(size)
    if answer_by:
        opened.pool.tell(opened.vault, RegistrationPending, party, answer_by=answer_by, told_by=told_by)
    else:
        opened.pool.tell(opened.vault, RegistrationConfirmed, party, told_by=told_by)
    await opened.write(state, holds_places=True, party_size=size, answer_by=answer_by)
    return state


async def _wait(opened: _Open, size: int, told_by: UUID | None) -> State:
    """A number's owner said yes, and there is no place: the party waits from where its wish came in."""
    opened.pool.waiting += size - opened.row.party_size
    position = await waiting_position(opened.session, opened.pool.id, opened.row.queue)
    opened.pool.tell(opened.vault, RegistrationWaitlisted, opened.party(size), position=position, told_by=told_by)
    await opened.write(State.WAITLISTED, holds_places=False, party_size=size)
    return State.WAITLISTED


def _resize(pool: Pool, before: int, size: int) -> None:
    """By the difference alone: giving all back first would shrink the pool's excess by places that stay taken."""
    if size < before:
        pool.give_back(before - size)
    else:
        pool.take(size - before)


async def change_party(
    session: WriteSession,
    vault: Vault,
    rules: Rules,
    registration_id: UUID,
    size: int,
    now: datetime,
    *,
    told_by: UUID | None = None,
) -> bool:
    """Make the party another size; it keeps its state and its place in the queue. False where it has that size.

    Raises RegistrationUnknownError, RegistrationEndedError, and PartyTooLargeError where the event's largest party
    or the free places do not allow it: then nothing changed.
    """
    opened = await _open(session, vault, rules, registration_id, now)
    pool, before = opened.pool, opened.row.party_size
    if opened.state not in LIVE:
        raise RegistrationEndedError
    if size == before:
        return False
    opened.require_room(size)
    if opened.row.holds_places:
        _resize(pool, before, size)
    else:
        pool.waiting += size - before
    waits = not opened.row.holds_places
    pool.tell(vault, PartyChanged, opened.party(size), previous_size=before, waits=waits, told_by=told_by)
    await opened.write(
        opened.state,
        holds_places=opened.row.holds_places,
        party_size=size,
        expires_at=opened.row.expires_at,
        answer_by=opened.row.answer_by,
    )
    return True


async def move_up(session: WriteSession, vault: Vault, rules: Rules, registration_id: UUID, now: datetime) -> bool:
    """Give a party that waits, also for the organisation's answer, or that was offered places, its places for good.

    It is told as everybody is.

    One that has its places stays as it is: then it returns False. Raises RegistrationUnknownError,
    RegistrationEndedError, OwnerNotAskedError while a number's owner has not answered, and NoRoomError where a party
    that waits does not fit: nobody gets a place above the capacity.
    """
    opened = await _open(session, vault, rules, registration_id, now)
    pool, size = opened.pool, opened.row.party_size
    if opened.state is State.CONFIRMED:
        return False
    if opened.state not in LIVE or not pool.open:
        raise RegistrationEndedError
    if opened.state is State.HELD:
        raise OwnerNotAskedError
    if opened.state is State.WAITLISTED:
        if size > pool.free:
            raise NoRoomError(pool.free)
        pool.unqueue(size)
        pool.take(size)
    pool.tell(vault, RegistrationConfirmed, opened.party())
    await opened.write(State.CONFIRMED, holds_places=True)
    return True


async def decline(
    session: WriteSession, vault: Vault, rules: Rules, registration_id: UUID, reason: DeclineReason, now: datetime
) -> bool:
    """Decide against somebody who waits for the organisation's answer or on its waitlist; they are told why.

    The place is offered on. One that was declined stays so: then it returns False. Raises RegistrationUnknownError,
    RegistrationEndedError, and DecidedError for one that has its place, or whose own answer is awaited.
    """
    opened = await _open(session, vault, rules, registration_id, now)
    if opened.row.ended_by == DECLINED:
        return False
    if opened.state not in LIVE:
        raise RegistrationEndedError
    if opened.state not in (State.PENDING, State.WAITLISTED):
        raise DecidedError
    leave_pool(opened.pool, opened.row.party_size, holds_places=opened.row.holds_places)
    opened.pool.tell(vault, RegistrationDeclined, opened.party(), reason=reason)
    await opened.write(State.CANCELLED, holds_places=False, ended_by=DECLINED, declined_for=reason.value)
    return True
