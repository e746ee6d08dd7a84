"""The pool of places while its row is locked: the arithmetic of admission, and the messages that tell of it.

Load-bearing invariants:
- Every change of a registration that counts in a pool happens between `lock_pool` and `Pool.save`, in one transaction.
- Locks are taken in one order: the pool, or several by their ids, then registrations, then people by address.
- After `save`, no waiting party that may be offered a place fits into the free places (see waitlist.py).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from services.registrations.registrations.deadlines import promised_answer
from shared.contracts.base import Message
from shared.contracts.notification_requests import Secret
from shared.contracts.registrations import CapacityChanged, Channel, PlacesCount
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault

AnyMessage = TypeVar("AnyMessage", bound=Message)

_LOCK = text(
    """
    SELECT id, event_id, capacity, taken, waiting, waiting_parties, excess, version, open, largest_party, opens_at,
           closes_at, starts_at, time_zone, ends_at, is_shift, answer_within
    FROM places WHERE id = :id FOR UPDATE
    """
)
_SAVE = text(
    """
    UPDATE places SET capacity = :capacity, taken = :taken, waiting = :waiting, waiting_parties = :waiting_parties,
                      excess = :excess, version = :version
    WHERE id = :id
    """
)


class PoolUnknownError(LookupError):
    """There is no such pool of places, or its event has not arrived yet."""


class Party(NamedTuple):
    """What a message about a registration needs to know of it."""

    id: UUID
    person_id: UUID
    party_size: int
    channel: str


@dataclass
class Pool:
    """One pool, locked. `taken` counts people confirmed, offered and held."""

    id: UUID
    event_id: UUID
    capacity: int
    taken: int
    waiting: int
    waiting_parties: int
    excess: int
    version: int
    open: bool
    largest_party: int
    opens_at: datetime | None
    closes_at: datetime
    starts_at: datetime
    time_zone: str
    ends_at: datetime
    is_shift: bool
    answer_within: int | None
    messages: list[Message] = field(default_factory=list)

    @property
    def free(self) -> int:
        """People who still fit; never negative."""
        return max(0, self.capacity - self.taken)

    @property
    def zone(self) -> ZoneInfo:
        """The event's time zone."""
        return ZoneInfo(self.time_zone)

    def promised(self, now: datetime) -> datetime | None:
        """By when the organisation answers who signs up now; None where whoever signs up has the place."""
        if self.answer_within is None:
            return None
        return promised_answer(now, timedelta(hours=self.answer_within), self.starts_at, self.zone)

    def take(self, people: int) -> None:
        """Count people in."""
        self.taken += people

    def give_back(self, people: int) -> None:
        """Count people out; what was over the capacity shrinks first."""
        self.taken -= people
        self.excess = min(self.excess, max(0, self.taken - self.capacity))

    def queue(self, people: int) -> int:
        """Count a party into the waitlist; returns its position, 1 for the first."""
        self.waiting += people
        self.waiting_parties += 1
        return self.waiting_parties

    def unqueue(self, people: int) -> None:
        """Count a party out of the waitlist."""
        self.waiting -= people
        self.waiting_parties -= 1

    def set_capacity(self, capacity: int) -> None:
        """A lower capacity takes nobody's place away."""
        self.capacity = capacity
        self.excess = max(0, self.taken - capacity)

    def count(self) -> PlacesCount:
        """The pool as it stands, under the next version."""
        self.version += 1
        return PlacesCount(
            places_id=self.id,
            capacity=self.capacity,
            taken=self.taken,
            waiting=self.waiting,
            version=self.version,
        )

    def tell_counts(self) -> None:
        """Tell of the pool alone."""
        counts = self.count()
        self.messages.append(
            CapacityChanged(aggregate_id=self.event_id, aggregate_version=counts.version, counts=counts)
        )

    def tell(self, vault: Vault, message: type[AnyMessage], party: Party, **more: Any) -> None:
        """Tell of a registration, with the pool as it stands after the change."""
        counts = self.count()
        self.messages.append(
            message(
                aggregate_id=self.event_id,
                aggregate_version=counts.version,
                counts=counts,
                registration_id=party.id,
                person_id=party.person_id,
                party_size=party.party_size,
                channel=Channel(party.channel),
                sealed=seal_link(vault, party.id),
                **more,
            )
        )

    async def save(self, session: WriteSession) -> None:
        """Write the counts, then the messages. The caller's transaction commits both."""
        await session.execute(
            _SAVE,
            {
                "id": self.id,
                "capacity": self.capacity,
                "taken": self.taken,
                "waiting": self.waiting,
                "waiting_parties": self.waiting_parties,
                "excess": self.excess,
                "version": self.version,
            },
        )
        await publish(session, *self.messages)
        self.messages = []


def link_token(vault: Vault, registration_id: UUID) -> str:
    """The secret part of a registration's link; made anew each time, kept nowhere."""
    return vault.link_token(f"registration:{registration_id}")


def seal_link(vault: Vault, registration_id: UUID, carrier: str = "registration") -> str:
    """The link's secret as messages carry it; `carrier` is what the seal's purpose begins with."""
    return vault.seal(Secret(token=link_token(vault, registration_id)), f"{carrier}:{registration_id}")


async def lock_pool(session: WriteSession, places_id: UUID) -> Pool:
    """Lock the pool until the transaction ends. Raises PoolUnknownError."""
    row = (await session.execute(_LOCK, {"id": places_id})).one_or_none()
    if row is None:
        raise PoolUnknownError
    return Pool(*row)
