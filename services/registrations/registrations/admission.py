"""Admission: who gets a place. The one engine for web, SMS and desk.

`admit` decides a batch under the lock of one pool. It promises:
- confirmed, offered and held places never exceed the capacity (guarantee 1);
- in the order of the batch, a party is admitted whole or goes to the end of the waitlist (guarantee 9);
- the same person twice is one registration, and the second one is told so;
- where the organisation decides who gets a place, a place is kept and an answer promised;
- nobody is in two shifts at one time, of whatever events: who has one is refused the other;
- the same request key of the same person is the same registration, also when that has ended;
- registrations, counts and messages commit together, or not at all (guarantee 2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.types import BigInteger, Boolean, DateTime, Integer, Text, Uuid
from uuid6 import uuid7

from services.registrations.consents.commands import Answer
from services.registrations.consents.commands import save as save_answers
from services.registrations.people.commands import Address, Person, contact_changed, keep_people
from services.registrations.registrations.deadlines import answer_deadline
from services.registrations.registrations.model import ENDED_SQL, LIVE, LIVE_SQL, State
from services.registrations.registrations.pool import Party, Pool, link_token, lock_pool
from services.registrations.shifts.overlaps import Elsewhere, shifts_elsewhere
from shared.contracts.events import Scope
from shared.contracts.registrations import (
    Channel,
    RegistrationConfirmed,
    RegistrationHeld,
    RegistrationMessage,
    RegistrationPending,
    RegistrationWaitlisted,
)
from shared.database.engine import WriteSession
from shared.i18n.folding import fold
from shared.vault import Vault, token_hash


class Refusal(StrEnum):
    """Why nobody can register just now."""

    NOT_OPEN = "not-open"
    CLOSED = "closed"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"
    PARTY_TOO_LARGE = "party-too-large"
    OVERLAPS = "overlaps"


@dataclass(frozen=True)
class Wish:
    """One party's wish for places. `ask_owner`: the number was typed by somebody, its owner has to say yes.

    `agreed` is what each co-host may see of the party, where that was answered.
    `told_by`: the member of the desk who writes the wish down and says to the person what comes of it.
    """

    address: Address
    party_size: int
    channel: Channel
    consent: str
    name: str | None = None
    request_key: UUID | None = None
    ask_owner: bool = False
    agreed: Mapping[UUID, Scope] = field(default_factory=dict)
    told_by: UUID | None = None


class Admitted(NamedTuple):
    """What came of a wish. `token` is the secret of the registration's link."""

    id: UUID
    person_id: UUID
    state: State
    party_size: int
    token: str
    position: int | None = None
    expires_at: datetime | None = None
    answer_by: datetime | None = None


class AlreadyRegistered(NamedTuple):
    """The person is registered for this pool; nothing changed."""

    id: UUID
    person_id: UUID
    state: State
    party_size: int


class Refused(NamedTuple):
    """Nothing was written. `largest_party` helps to mend the wish; `other` is the person's shift at the same time."""

    reason: Refusal
    largest_party: int
    other: Elsewhere | None = None


Decision = Admitted | AlreadyRegistered | Refused


@dataclass(frozen=True)
class Rules:
    """The settings that admission needs."""

    hold_time: timedelta
    offer_time: timedelta


_EARLIER = text(
    f"""
    SELECT id, person_id, state, party_size, request_key, expires_at FROM registrations
    WHERE person_id = ANY(:people) AND places_id = :places_id AND {LIVE_SQL}
    UNION ALL
    SELECT id, person_id, state, party_size, request_key, expires_at FROM registrations
    WHERE request_key = ANY(:keys) AND person_id = ANY(:people) AND places_id = :places_id AND {ENDED_SQL}
    """  # noqa: S608 - constants of ours
).bindparams(bindparam("people", type_=ARRAY(Uuid)), bindparam("keys", type_=ARRAY(Uuid)))

_IS_POSTPONED = text("SELECT state ->> 'status' = 'postponed' FROM events WHERE id = :id")

_COLUMNS: dict[str, Any] = {
    "id": Uuid,
    "person_id": Uuid,
    "channel": Text,
    "name": Text,
    "name_folded": Text,
    "party_size": Integer,
    "state": Text,
    "holds_places": Boolean,
    "queue": BigInteger,
    "expires_at": DateTime(timezone=True),
    "answer_by": DateTime(timezone=True),
    "token_hash": BYTEA,
    "request_key": Uuid,
    "consent": Text,
}
_INSERT = text(
    f"""
    INSERT INTO registrations (event_id, places_id, created_at, updated_at, unreachable, {", ".join(_COLUMNS)})
    SELECT :event_id, :places_id, :now, :now, false, {", ".join(_COLUMNS)}
    FROM unnest({", ".join(":" + name for name in _COLUMNS)}) AS row ({", ".join(_COLUMNS)})
    """  # noqa: S608 - constants of ours
).bindparams(
    bindparam("event_id", type_=Uuid),
    bindparam("places_id", type_=Uuid),
    bindparam("now", type_=DateTime(timezone=True)),
    *(bindparam(name, type_=ARRAY(kind)) for name, kind in _COLUMNS.items()),
)


async def admit(
    session: WriteSession, vault: Vault, rules: Rules, places_id: UUID, wishes: Sequence[Wish], now: datetime
) -> list[Decision]:
    """Decide the wishes in their order; one decision each. Raises PoolUnknownError."""
    pool = await lock_pool(session, places_id)
    refusals = [_refusal(pool, wish, now) for wish in wishes]
    if not pool.open and (await session.execute(_IS_POSTPONED, {"id": pool.event_id})).scalar_one_or_none():
        refusals = [Refused(Refusal.POSTPONED, pool.largest_party) for _ in wishes]
    admissible = [wish for wish, refusal in zip(wishes, refusals, strict=True) if refusal is None]
    batch = _Batch(pool, vault, rules, now)
    if admissible:
        await batch.meet(session, admissible)
    decisions = [refusal or batch.decide(wish) for wish, refusal in zip(wishes, refusals, strict=True)]
    await batch.save(session)
    return decisions


def _refusal(pool: Pool, wish: Wish, now: datetime) -> Refused | None:
    reason = None
    if not pool.open:
        reason = Refusal.CANCELLED
    elif pool.opens_at is not None and now < pool.opens_at:
        reason = Refusal.NOT_OPEN
    elif now >= pool.closes_at:
        reason = Refusal.CLOSED
    elif wish.party_size > pool.largest_party:
        reason = Refusal.PARTY_TOO_LARGE
    return Refused(reason, pool.largest_party) if reason else None


class _Batch:
    """The decisions of one transaction."""

    def __init__(self, pool: Pool, vault: Vault, rules: Rules, now: datetime) -> None:
        self._pool = pool
        self._vault = vault
        self._rules = rules
        self._now = now
        self._people: dict[str, Person] = {}
        self._live: dict[UUID, Any] = {}
        self._ended: dict[tuple[UUID, UUID], Any] = {}
        self._elsewhere: dict[UUID, Elsewhere] = {}
        self._rows: list[dict[str, Any]] = []
        self._answers: list[Answer] = []

    async def meet(self, session: WriteSession, wishes: Sequence[Wish]) -> None:
        """Find or make the people, and find who of them is registered already."""
        addresses = {wish.address.address: wish.address for wish in wishes}
        self._people = await keep_people(session, list(addresses.values()))
        for person in self._people.values():
            self._pool.messages.append(contact_changed(self._vault, person, addresses[person.address].means))
        known = [person.id for person in self._people.values() if person.known]
        if known:
            keys = [wish.request_key for wish in wishes if wish.request_key]
            found = await session.execute(_EARLIER, {"people": known, "keys": keys, "places_id": self._pool.id})
            rows = found.all()
            self._live = {row.person_id: row for row in rows if row.state in LIVE}
            self._ended = {(row.person_id, row.request_key): row for row in rows if row.state not in LIVE}
            self._elsewhere = await shifts_elsewhere(session, self._pool, known)

    def decide(self, wish: Wish) -> Decision:
        person = self._people[wish.address.address]
        earlier = self._ended.get((person.id, wish.request_key)) if wish.request_key else None
        earlier = earlier or self._live.get(person.id)
        if earlier is not None:
            return self._again(wish, earlier)
        if person.id in self._elsewhere:
            return Refused(Refusal.OVERLAPS, self._pool.largest_party, self._elsewhere[person.id])
        return self._first(wish, person)

    def _again(self, wish: Wish, earlier: Any) -> Decision:
        state = State(earlier.state)
        if wish.request_key is not None and wish.request_key == earlier.request_key:
            token = link_token(self._vault, earlier.id)
            return Admitted(earlier.id, earlier.person_id, state, earlier.party_size, token, None, earlier.expires_at)
        return AlreadyRegistered(earlier.id, earlier.person_id, state, earlier.party_size)

    def _first(self, wish: Wish, person: Person) -> Admitted:
        registration_id = uuid7()
        fits = wish.party_size <= self._pool.free
        answer_by = self._pool.promised(self._now) if fits and not wish.ask_owner else None
        placed = State.PENDING if answer_by else State.CONFIRMED
        state = State.HELD if wish.ask_owner else placed if fits else State.WAITLISTED
        position = None
        if fits:
            self._pool.take(wish.party_size)
        else:
            position = self._pool.queue(wish.party_size)
        admitted = Admitted(
            registration_id,
            person.id,
            state,
            wish.party_size,
            link_token(self._vault, registration_id),
            None if state is State.HELD else position,
            self._hold_until() if state is State.HELD else None,
            answer_by,
        )
        self._tell(wish, admitted, fits=fits, contact_version=person.version)
        self._remember(wish, admitted, fits=fits)
        return admitted

    def _hold_until(self) -> datetime:
        return answer_deadline(self._now, self._rules.hold_time, self._pool.starts_at, self._pool.zone)

    def _tell(self, wish: Wish, admitted: Admitted, *, fits: bool, contact_version: int) -> None:
        party = Party(admitted.id, admitted.person_id, wish.party_size, wish.channel.value)
        message: type[RegistrationMessage] = RegistrationConfirmed
        more: dict[str, Any] = {"contact_version": contact_version, "told_by": wish.told_by}
        if admitted.state is State.HELD:
            message, more = RegistrationHeld, more | {"holds_places": fits, "expires_at": admitted.expires_at}
        elif admitted.state is State.PENDING:
            message, more = RegistrationPending, more | {"answer_by": admitted.answer_by}
        elif admitted.state is State.WAITLISTED:
            message, more = RegistrationWaitlisted, more | {"position": admitted.position}
        self._pool.tell(self._vault, message, party, **more)

    def _remember(self, wish: Wish, admitted: Admitted, *, fits: bool) -> None:
        row: dict[str, Any] = {
            "id": admitted.id,
            "person_id": admitted.person_id,
            "channel": wish.channel.value,
            "name": wish.name,
            "name_folded": fold(wish.name) if wish.name else "",
            "party_size": wish.party_size,
            "state": admitted.state.value,
            "holds_places": fits,
            "queue": self._pool.version,
            "expires_at": admitted.expires_at,
            "answer_by": admitted.answer_by,
            "token_hash": token_hash(admitted.token),
            "request_key": wish.request_key,
            "consent": wish.consent,
        }
        self._rows.append(row)
        self._answers += [Answer(admitted.id, co_host, scope) for co_host, scope in wish.agreed.items()]
        self._live[admitted.person_id] = _Earlier(**{name: row[name] for name in _Earlier._fields})

    async def save(self, session: WriteSession) -> None:
        if not self._pool.messages:
            return
        if self._rows:
            columns = {name: [row[name] for row in self._rows] for name in _COLUMNS}
            pool = self._pool
            await session.execute(
                _INSERT, {"event_id": pool.event_id, "places_id": pool.id, "now": self._now, **columns}
            )
            await save_answers(session, self._answers, self._now)
        await self._pool.save(session)


class _Earlier(NamedTuple):
    id: UUID
    person_id: UUID
    state: str
    party_size: int
    request_key: UUID | None
    expires_at: datetime | None
