"""Keep an import until it is confirmed, and carry it out. The commands never commit."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.events.events.commands import (
    ChangedMeanwhileError,
    UnknownEventError,
    WrongStateError,
    create_event,
    edit_event,
)
from services.events.events.drafting import EventContent
from services.events.importing.composing import Entry
from services.events.importing.found import Reason
from services.events.importing.model import ImportedEventRow, ImportRow
from services.events.importing.planning import BY_HAND, Planned, Step, plan
from services.events.importing.queries import entries_in, known_events, may_import_for
from services.events.organisations.model import OrganisationRow
from shared.auth.members import Member
from shared.database.engine import WriteSession

KEPT_FOR = timedelta(days=1)


class UnknownImportError(Exception):
    """There is no such import, or it is somebody else's, or its time is over."""


async def keep_import(
    session: WriteSession,
    member: Member,
    organisation_id: UUID,
    entries: Sequence[Entry],
    left_out: int,
    request_key: UUID,
    now: datetime,
) -> UUID:
    """What was found waits for a day to be confirmed; returns its id. The same key again changes nothing.

    Raises UnknownEventError where the member may not make events for the organisation.
    """
    if organisation_id not in may_import_for(member):
        raise UnknownEventError
    import_id = uuid5(request_key, str(member.person_id))
    values = {
        "id": import_id,
        "person_id": member.person_id,
        "organisation_id": organisation_id,
        "entries": [entry.model_dump(mode="json") for entry in entries],
        "left_out": left_out,
        "created_at": now,
    }
    await session.execute(insert(ImportRow).values(values).on_conflict_do_nothing())
    return import_id


async def carry_out(session: WriteSession, member: Member, import_id: UUID, now: datetime) -> None:
    """New rows are drafts now, and drafts that nobody touched are as their source says; all of it or nothing.

    An import that is done already changes nothing. What somebody changed since the preview is decided anew: their work
    stays. Two imports of one organisation go one after the other, so that no event is made twice.
    Raises UnknownImportError, UnknownEventError.
    """
    mine = (col(ImportRow.id) == import_id, col(ImportRow.person_id) == member.person_id)
    row = (await session.execute(select(ImportRow).where(*mine).with_for_update())).scalar_one_or_none()
    if row is None or row.organisation_id not in may_import_for(member):
        raise UnknownImportError
    if row.done_at is not None:
        return
    await lock_organisation(session, row.organisation_id)
    entries = entries_in(row)
    known = await known_events(session, row.organisation_id, [entry.uid for entry in entries])
    versions = {uid: event.imported_version for uid, event in known.items()}
    outcome = [
        await _carry_out_row(session, member, row, planned, versions.get(planned.entry.uid, 0), now)
        for planned in plan(entries, known)
    ]
    row.done_at, row.outcome = now, [planned.stored() for planned in outcome]
    session.add(row)
    await session.flush()


async def lock_organisation(session: WriteSession, organisation_id: UUID) -> None:
    """Nobody else imports for the organisation until this transaction ends; events of it can still be made."""
    organisation = select(col(OrganisationRow.id)).where(col(OrganisationRow.id) == organisation_id)
    await session.execute(organisation.with_for_update(key_share=True))


async def _carry_out_row(
    session: WriteSession, member: Member, row: ImportRow, planned: Planned, version: int, now: datetime
) -> Planned:
    entry, content = planned.entry, planned.entry.content
    if content is None or planned.step not in {Step.NEW, Step.CHANGED}:
        return planned
    if planned.event_id is None:
        return await _make(session, member, row, planned, content, now)
    try:
        version = await edit_event(session, member, planned.event_id, content, version, now)
    except (ChangedMeanwhileError, WrongStateError):
        return Planned(entry, Step.KEPT, planned.event_id, [Reason(BY_HAND)])
    imported = update(ImportedEventRow).where(col(ImportedEventRow.event_id) == planned.event_id)
    await session.execute(imported.values(content_hash=entry.hash, version=version, imported_at=now))
    return planned


async def _make(
    session: WriteSession, member: Member, row: ImportRow, planned: Planned, content: EventContent, now: datetime
) -> Planned:
    entry = planned.entry
    key = uuid5(row.id, entry.uid)
    event_id = await create_event(session, member, row.organisation_id, content, key, now)
    values = {
        "organisation_id": row.organisation_id,
        "source_uid": entry.uid,
        "event_id": event_id,
        "content_hash": entry.hash,
        "version": 1,
        "imported_at": now,
    }
    await session.execute(insert(ImportedEventRow).values(values))
    return Planned(entry, Step.NEW, event_id)


async def forget_old_imports(session: WriteSession, now: datetime) -> None:
    """Imports older than a day are gone, confirmed or not; the events that they made stay, and are recognised."""
    await session.execute(delete(ImportRow).where(col(ImportRow.created_at) < now - KEPT_FOR))
