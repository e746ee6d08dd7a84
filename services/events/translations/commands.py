"""Propose a translation, read it through, approve or decline it. The commands never commit, and lock the event first.

A co-host writes no word into the event: its words wait in a proposal, and the host's approval edits the event.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, select
from sqlmodel import col
from uuid6 import uuid7

from services.events.events.commands import UnknownEventError, WrongStateError, edit_event, locked
from services.events.events.describing import content_of
from services.events.events.drafting import EventContent, Words
from services.events.events.model import EventRow, State
from services.events.events.queries import WholeEvent, content_at, event_by_id
from services.events.translations.model import ProposalRow, ReviewRow
from services.events.translations.model import State as ProposalState
from services.events.translations.queries import open_row, translating
from shared.auth.audit import record
from shared.auth.members import Member
from shared.database.engine import WriteSession
from shared.i18n.languages import LANGUAGES
from shared.i18n.plain import Lines, OneLine


class Translation(BaseModel):
    """What a co-host translates: of the event's words those that are no facts of the host's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: OneLine = Field(min_length=1, max_length=120)
    text: Lines = Field(default="", max_length=5000)
    access_notes: Lines = Field(default="", max_length=1000)


class Decline(BaseModel):
    """Why the host does not take a proposal."""

    reason: Lines = Field(min_length=1, max_length=1000)


class Seen(NamedTuple):
    """What stood on the page of whoever writes: the open proposal, how often it was written, the event's version."""

    proposal_id: UUID | None
    revision: int
    version: int


class NotTranslatedError(Exception):
    """The event has no words of its own to translate into this language: it is none, or the main one."""


class NotOpenError(Exception):
    """No proposal waits, or not the one that was seen."""


class TakenError(Exception):
    """Another co-host's proposal for this language waits already."""


class ProposalChangedError(Exception):
    """The proposal, or the words that it was compared with, changed since they were seen."""


class SameWordsError(Exception):
    """The event says this already."""


class OwnWordsError(Exception):
    """Nobody reads through what they wrote themselves."""


def translated(event: WholeEvent, language: str) -> None:
    """Raises NotTranslatedError."""
    if language not in LANGUAGES or language == event.row.main_language:
        raise NotTranslatedError


async def propose(
    session: WriteSession,
    member: Member,
    event_id: UUID,
    language: str,
    words: Translation,
    seen: Seen,
    request_key: UUID,
    now: datetime,
) -> None:
    """The co-host's words wait for the host, in place of those of its open proposal; the same again changes nothing.

    Raises UnknownEventError for who may not translate, WrongStateError for a cancelled event, NotTranslatedError,
    TakenError, ProposalChangedError where a colleague wrote meanwhile, and SameWordsError.
    """
    event, mine = await _locked(session, member, event_id, language)
    known = select(col(ProposalRow.id)).where(
        col(ProposalRow.written_by) == member.person_id, col(ProposalRow.request_key) == request_key
    )
    if (await session.execute(known)).first():
        return
    row = await open_row(session, event_id, language)
    if row and row.organisation_id not in mine:
        raise TakenError
    version = seen.version if await content_at(session, event_id, seen.version) else event.row.version
    if row and words == words_of(row) and row.event_version == version:
        return
    if (row.id if row else None, row.revision if row else 0) != (seen.proposal_id, seen.revision):
        raise ProposalChangedError
    if words == event_words(content_of(event), language):
        raise SameWordsError
    values = words.model_dump() | {"event_version": version, "request_key": request_key}
    values |= {"written_by": member.person_id, "written_at": now, "revision": row.revision + 1 if row else 1}
    if row is None:
        row = ProposalRow(id=uuid7(), event_id=event_id, language=language, organisation_id=mine[0], **values)
    await session.execute(delete(ReviewRow).where(col(ReviewRow.proposal_id) == row.id))
    for name, value in values.items():
        setattr(row, name, value)
    session.add(row)
    await session.flush()
    await _record(session, "translation.proposed", member, row, row.organisation_id)


async def review(
    session: WriteSession, member: Member, event_id: UUID, language: str, seen: Seen, now: datetime
) -> None:
    """The member's organisation has read the open proposal through. Saying so twice changes nothing.

    Raises UnknownEventError, WrongStateError, NotTranslatedError, NotOpenError, ProposalChangedError where it was
    written anew since, and OwnWordsError.
    """
    _, mine = await _locked(session, member, event_id, language)
    row = await _open(session, event_id, language, seen)
    if row.written_by == member.person_id:
        raise OwnWordsError
    organisation_id = row.organisation_id if row.organisation_id in mine else mine[0]
    if await session.get(ReviewRow, (row.id, organisation_id)):
        return
    session.add(
        ReviewRow(proposal_id=row.id, organisation_id=organisation_id, person_id=member.person_id, reviewed_at=now)
    )
    await session.flush()
    await _record(session, "translation.reviewed", member, row, organisation_id)


async def approve(
    session: WriteSession, member: Member, event_id: UUID, language: str, seen: Seen, now: datetime
) -> None:
    """The event says what the open proposal says, and keeps every other word; approving twice changes nothing.

    What else of the event was changed since the host looked stays. Raises UnknownEventError for who may not edit the
    event, WrongStateError, NotOpenError, ProposalChangedError where the proposal, the main text or the words in this
    language are not those that were seen, and IncompleteError.
    """
    event = await locked(session, member, event_id)
    if await _decided(session, seen, ProposalState.APPROVED):
        return
    if event.row.state == State.CANCELLED:
        raise WrongStateError(event.row.state)
    row = await _open(session, event_id, language, seen)
    content = content_of(event)
    before = await content_at(session, event_id, seen.version)
    compared = (language, content.main_language)
    if before is None or any(before.words.get(code) != content.words.get(code) for code in compared):
        raise ProposalChangedError
    there = content.words.get(language)
    hours = there.contact_hours if there else ""
    words = Words(title=row.title, text=row.text, access_notes=row.access_notes, contact_hours=hours)
    wanted = {**content.model_dump(), "words": {**content.words, language: words}}
    await edit_event(session, member, event_id, EventContent.model_validate(wanted), event.row.version, now)
    row.state, row.decided_at = ProposalState.APPROVED.value, now
    session.add(row)
    await _record(session, "translation.approved", member, row, event.row.organisation_id)


async def decline(
    session: WriteSession, member: Member, event_id: UUID, language: str, seen: Seen, reason: str, now: datetime
) -> None:
    """The host does not take the open proposal, and says why; declining twice changes nothing.

    Raises UnknownEventError for who may not edit the event, NotOpenError, ProposalChangedError.
    """
    event = await locked(session, member, event_id)
    if await _decided(session, seen, ProposalState.DECLINED):
        return
    row = await _open(session, event_id, language, seen)
    row.state, row.decided_at, row.reason = ProposalState.DECLINED.value, now, reason
    session.add(row)
    await session.flush()
    await _record(session, "translation.declined", member, row, event.row.organisation_id)


def words_of(row: ProposalRow) -> Translation:
    """What the proposal says."""
    return Translation(title=row.title, text=row.text, access_notes=row.access_notes)


def event_words(content: EventContent, language: str) -> Translation | None:
    """What the event says in this language."""
    words = content.words.get(language)
    return Translation(title=words.title, text=words.text, access_notes=words.access_notes) if words else None


async def _locked(
    session: WriteSession, member: Member, event_id: UUID, language: str
) -> tuple[WholeEvent, list[UUID]]:
    """The event, locked, and the co-hosts for which the member translates."""
    await session.execute(select(col(EventRow.id)).where(col(EventRow.id) == event_id).with_for_update())
    event = await event_by_id(session, event_id)
    mine = translating(event, member) if event else []
    if event is None or not mine:
        raise UnknownEventError
    translated(event, language)
    if event.row.state == State.CANCELLED:
        raise WrongStateError(event.row.state)
    return event, mine


async def _open(session: WriteSession, event_id: UUID, language: str, seen: Seen) -> ProposalRow:
    row = await open_row(session, event_id, language)
    if row is None:
        raise NotOpenError
    if (row.id, row.revision) != (seen.proposal_id, seen.revision):
        raise ProposalChangedError
    return row


async def _decided(session: WriteSession, seen: Seen, state: ProposalState) -> bool:
    row = await session.get(ProposalRow, seen.proposal_id) if seen.proposal_id else None
    return row is not None and row.state == state


async def _record(session: WriteSession, action: str, member: Member, row: ProposalRow, acting: UUID) -> None:
    await record(
        session,
        action,
        person_id=member.person_id,
        organisation_id=acting,
        event_id=row.event_id,
        subject_id=row.organisation_id,
        after={"language": row.language},
    )
