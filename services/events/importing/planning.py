"""What an import does with each of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from services.events.events.model import TO_COME, State
from services.events.importing.composing import Entry
from services.events.importing.found import Reason
from shared.i18n.catalogues import N_

PUBLISHED = N_("It is published here. Change it here yourself, so that everybody is told.")
CANCELLED_HERE = N_("It is cancelled here.")
BY_HAND = N_("Somebody has changed the draft here. What was written here stays.")
TWICE = N_("It is the same event as in line %(line)s.")


class Step(StrEnum):
    """What becomes of one row."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    KEPT = "kept"
    REFUSED = "refused"


@dataclass(frozen=True)
class Known:
    """An event that was imported before: as the source said it then, and as it is now."""

    event_id: UUID
    content_hash: bytes
    imported_version: int
    version: int
    state: State


@dataclass(frozen=True)
class Planned:
    """One row, and what becomes of it; `event_id` is None for what is not there yet."""

    entry: Entry
    step: Step
    event_id: UUID | None = None
    reasons: Sequence[Reason] = ()

    def stored(self) -> dict[str, Any]:
        """What became of the row, as JSON for the table of imports."""
        reasons = [{"message": reason.message, "values": dict(reason.values)} for reason in self.reasons]
        event_id = str(self.event_id) if self.event_id else None
        return {"step": self.step.value, "event_id": event_id, "reasons": reasons}

    @classmethod
    def of_stored(cls, entry: Entry, stored: Mapping[str, Any]) -> Self:
        """The row as it was stored."""
        event_id = UUID(stored["event_id"]) if stored["event_id"] else None
        reasons = entry.reasons or [Reason(reason["message"], reason["values"]) for reason in stored["reasons"]]
        return cls(entry, Step(stored["step"]), event_id, reasons)


def plan(entries: Sequence[Entry], known: Mapping[str, Known]) -> list[Planned]:
    """What becomes of each row, given what was imported before."""
    lines: dict[str, int] = {}
    return [_planned(entry, known.get(entry.uid), lines) for entry in entries]


def _planned(entry: Entry, known: Known | None, lines: dict[str, int]) -> Planned:
    if entry.content is None:
        return Planned(entry, Step.REFUSED, known.event_id if known else None, entry.reasons)
    first = lines.setdefault(entry.uid, entry.line)
    if first != entry.line:
        return Planned(entry, Step.REFUSED, None, [Reason(TWICE, {"line": first})])
    if known is None:
        return Planned(entry, Step.NEW)
    if known.content_hash == entry.hash:
        return Planned(entry, Step.SAME, known.event_id)
    if reason := _why_kept(known):
        return Planned(entry, Step.KEPT, known.event_id, [Reason(reason)])
    return Planned(entry, Step.CHANGED, known.event_id)


def _why_kept(known: Known) -> str:
    if known.state != State.DRAFT:
        return PUBLISHED if known.state in TO_COME else CANCELLED_HERE
    return BY_HAND if known.version != known.imported_version else ""
