"""Notes and marks: the host's own words about a registration, of which nobody is told."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from services.registrations.registrations.model import LONGEST_NOTE
from shared.database.engine import WriteSession


class NoteTooLongError(Exception):
    """The note, with what stood there before, is longer than a note may be."""


_NOTE = text("SELECT note FROM registrations WHERE id = :id FOR UPDATE")
_KEEP_NOTE = text("UPDATE registrations SET note = :note WHERE id = :id")
_MARK = text("UPDATE registrations SET marked = :marked WHERE id = :id AND marked <> :marked RETURNING id")
_TOUCH = text(
    """
    INSERT INTO list_versions AS l (event_id, version) SELECT id, 1 FROM unnest(:ids) AS id ORDER BY id
    ON CONFLICT (event_id) DO UPDATE SET version = l.version + 1
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))


async def keep_note(session: WriteSession, registration_id: UUID, note: str, *, added: bool) -> bool:
    """Let the note be this, or `added` to what stands there; returns whether that changed it.

    Raises NoteTooLongError: then nothing changed.
    """
    before: str = (await session.execute(_NOTE, {"id": registration_id})).scalar_one()
    after = f"{before}\n{note}" if added and before else note
    if len(after) > LONGEST_NOTE:
        raise NoteTooLongError
    if after != before:
        await session.execute(_KEEP_NOTE, {"id": registration_id, "note": after})
    return after != before


async def keep_mark(session: WriteSession, registration_id: UUID, *, marked: bool) -> bool:
    """Mark the registration, or take the mark away; returns whether that changed anything."""
    changed = await session.execute(_MARK, {"id": registration_id, "marked": marked})
    return changed.first() is not None


async def touch_lists(session: WriteSession, event_ids: Collection[UUID]) -> None:
    """Let the open lists of these events know that something of them changed; the last statement of its transaction."""
    if event_ids:
        await session.execute(_TOUCH, {"ids": sorted(event_ids)})
