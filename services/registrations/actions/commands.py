"""Carrying out what staff chose in the list, for one registration or for many.

`carry_out` promises:
- what came of each registration is written in the transaction of its effect, so that the same instruction (by person
  and key) again, at once or after a crash, carries out the rest alone and then answers the same;
- a pool of places is locked for a few registrations at a time, so that people can go on registering meanwhile;
- of a party that waits and one that has places, both to be cancelled, the first goes first: it is not offered the
  place of the other on its way out;
- each change is in the audit log, without a word of a note.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text, Uuid

from services.registrations.actions.annotating import NoteTooLongError, keep_mark, keep_note, touch_lists
from services.registrations.actions.model import Action, Outcome
from services.registrations.registrations import commands
from services.registrations.registrations.admission import Rules
from services.registrations.registrations.model import State
from services.registrations.registrations.pool import lock_pool
from shared.auth import audit
from shared.contracts.registrations import DeclineReason, EndedBy
from shared.database.engine import Database, ReadSession, WriteSession
from shared.runtime.timers import Timer
from shared.vault import Vault

AT_ONCE = 20
KEPT = timedelta(days=1)
AUDITED = {
    Action.MOVE_UP: "registration.moved-up",
    Action.PARTY: "registration.party-changed",
    Action.NOTE: "registration.note-changed",
    Action.MARK: "registration.marked",
    Action.UNMARK: "registration.unmarked",
    Action.DECLINE: "registration.declined",
    Action.CANCEL: "registration.cancelled",
}
_OF_POOLS = {Action.MOVE_UP, Action.PARTY, Action.DECLINE, Action.CANCEL}


@dataclass(frozen=True)
class Instruction:
    """Who wants what done to which registrations of an event. With `added` a note goes below what stands there."""

    action: Action
    event_id: UUID
    registration_ids: Sequence[UUID]
    person_id: UUID
    organisation_id: UUID
    request_key: UUID
    party_size: int = 1
    note: str = field(default="", repr=False)
    added: bool = False
    reason: DeclineReason = DeclineReason.ASK


class Done(NamedTuple):
    """What came of it for one registration; `most` is how many people would have fitted."""

    registration_id: UUID
    outcome: Outcome
    most: int | None = None


_CHOSEN = text(
    "SELECT id, places_id, state, queue FROM registrations WHERE event_id = :event_id AND id = ANY(:ids)"
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))
_CLAIM = text(
    """
    INSERT INTO action_outcomes (person_id, request_key, registration_id, event_id, action, outcome, done_at)
    SELECT :person_id, :request_key, id, :event_id, :action, 'unknown', :now FROM unnest(:ids) AS id ORDER BY id
    ON CONFLICT DO NOTHING RETURNING registration_id
    """
).bindparams(
    *(bindparam(name, type_=Uuid) for name in ("person_id", "request_key", "event_id")),
    bindparam("action", type_=Text),
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("now", type_=DateTime(timezone=True)),
)
_KEEP = text(
    """
    UPDATE action_outcomes SET outcome = :outcome, most = :most
    WHERE person_id = :person_id AND request_key = :request_key AND registration_id = :registration_id
    """
)
_OUTCOMES = text(
    """
    SELECT registration_id, action, outcome, most FROM action_outcomes
    WHERE person_id = :person_id AND request_key = :request_key AND event_id = :event_id
    """
)
_BEFORE = text("SELECT state, party_size FROM registrations WHERE id = :id")
_FORGET = text("DELETE FROM action_outcomes WHERE done_at < :before")


async def carry_out(
    database: Database, vault: Vault, rules: Rules, instruction: Instruction, now: datetime
) -> list[Done]:
    """Do it in transactions of its own, a few registrations each; returns what came of every one."""
    async with database.read() as session:
        values = {"event_id": instruction.event_id, "ids": list(instruction.registration_ids)}
        chosen = (await session.execute(_CHOSEN, values)).all()
    known = {row.id for row in chosen}
    in_order = sorted(chosen, key=lambda row: (row.places_id, row.state != State.WAITLISTED, row.queue))
    for start in range(0, len(in_order), AT_ONCE):
        async with database.begin() as session:
            batch = _Batch(session, vault, rules, instruction, now)
            await batch.carry_out(in_order[start : start + AT_ONCE])
    unknown = sorted(set(instruction.registration_ids) - known)
    async with database.begin() as session:
        await _claim(session, instruction, unknown, now)
        return await outcomes_of(session, instruction.person_id, instruction.request_key, instruction.event_id)


async def outcomes_of(session: ReadSession, person_id: UUID, request_key: UUID, event_id: UUID) -> list[Done]:
    """What came so far of what this person sent with this key."""
    values = {"person_id": person_id, "request_key": request_key, "event_id": event_id}
    rows = await session.execute(_OUTCOMES, values)
    return [Done(row.registration_id, Outcome(row.outcome), row.most) for row in rows]


async def _claim(session: WriteSession, instruction: Instruction, ids: Sequence[UUID], now: datetime) -> set[UUID]:
    """Those of the registrations for which this instruction was not carried out before, nor is elsewhere."""
    values = {name: getattr(instruction, name) for name in ("person_id", "request_key", "event_id")}
    values |= {"action": instruction.action.value, "ids": list(ids), "now": now}
    return set((await session.execute(_CLAIM, values)).scalars())


@dataclass
class _Batch:
    """A few registrations in one transaction."""

    session: WriteSession
    vault: Vault
    rules: Rules
    instruction: Instruction
    now: datetime

    async def carry_out(self, rows: Sequence[Any]) -> None:
        claimed = await _claim(self.session, self.instruction, [row.id for row in rows], self.now)
        mine = [row for row in rows if row.id in claimed]
        if self.instruction.action in _OF_POOLS:
            for places_id in sorted({row.places_id for row in mine}):
                await lock_pool(self.session, places_id)
        changed = [await self._carry_out_one(row.id) for row in mine]
        if any(changed) and self.instruction.action not in _OF_POOLS:
            await touch_lists(self.session, [self.instruction.event_id])

    async def _carry_out_one(self, registration_id: UUID) -> bool:
        before = (await self.session.execute(_BEFORE, {"id": registration_id})).one()
        done = await self._outcome(registration_id)
        if done.outcome is Outcome.DONE:
            await self._record(registration_id, before)
        values = {name: getattr(self.instruction, name) for name in ("person_id", "request_key")}
        await self.session.execute(_KEEP, {**values, **done._asdict()})
        return done.outcome is Outcome.DONE

    async def _outcome(self, registration_id: UUID) -> Done:
        outcome, most = Outcome.DONE, None
        try:
            if not await self._effects[self.instruction.action](registration_id):
                outcome = Outcome.UNCHANGED
        except commands.NoRoomError as error:
            outcome, most = Outcome.NO_ROOM, error.free
        except commands.PartyTooLargeError as error:
            outcome, most = Outcome.TOO_LARGE, error.largest
        except commands.RegistrationEndedError:
            outcome = Outcome.ENDED
        except commands.OwnerNotAskedError:
            outcome = Outcome.NOT_ANSWERED
        except commands.DecidedError:
            outcome = Outcome.DECIDED
        except NoteTooLongError:
            outcome = Outcome.NOTE_TOO_LONG
        return Done(registration_id, outcome, most)

    @property
    def _effects(self) -> dict[Action, Callable[[UUID], Awaitable[bool]]]:
        return {
            Action.MOVE_UP: self._move_up,
            Action.PARTY: self._change_party,
            Action.DECLINE: self._decline,
            Action.CANCEL: self._cancel,
            Action.NOTE: self._note,
            Action.MARK: lambda registration_id: keep_mark(self.session, registration_id, marked=True),
            Action.UNMARK: lambda registration_id: keep_mark(self.session, registration_id, marked=False),
        }

    async def _move_up(self, registration_id: UUID) -> bool:
        return await commands.move_up(self.session, self.vault, self.rules, registration_id, self.now)

    async def _change_party(self, registration_id: UUID) -> bool:
        size = self.instruction.party_size
        return await commands.change_party(self.session, self.vault, self.rules, registration_id, size, self.now)

    async def _cancel(self, registration_id: UUID) -> bool:
        by = EndedBy.ORGANISER
        return await commands.cancel(self.session, self.vault, self.rules, registration_id, by, self.now)

    async def _decline(self, registration_id: UUID) -> bool:
        reason = self.instruction.reason
        return await commands.decline(self.session, self.vault, self.rules, registration_id, reason, self.now)

    async def _note(self, registration_id: UUID) -> bool:
        return await keep_note(self.session, registration_id, self.instruction.note, added=self.instruction.added)

    async def _record(self, registration_id: UUID, before: Any) -> None:
        """Tell the audit log what is different now; of a note, that it is."""
        instruction = self.instruction
        after: dict[Action, audit.Details] = {
            Action.MOVE_UP: {"state": State.CONFIRMED.value},
            Action.PARTY: {"party_size": instruction.party_size},
            Action.DECLINE: {"state": State.CANCELLED.value},
            Action.CANCEL: {"state": State.CANCELLED.value},
        }
        now = after.get(instruction.action, {})
        await audit.record(
            self.session,
            AUDITED[instruction.action],
            person_id=instruction.person_id,
            organisation_id=instruction.organisation_id,
            event_id=instruction.event_id,
            subject_id=registration_id,
            before={name: getattr(before, name) for name in now},
            after=now,
        )


def forgetting_timer(database: Database) -> Timer:
    """Deletes what came of instructions a day after, every five minutes."""

    async def forget() -> None:
        async with database.begin() as session:
            await session.execute(_FORGET, {"before": datetime.now(UTC) - KEPT})

    return Timer("forget-outcomes", 300, forget)
