"""Read imports, and what was imported before."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.events.events.model import EventRow, State
from services.events.importing.composing import Entry
from services.events.importing.model import ImportedEventRow, ImportRow
from services.events.importing.planning import Known, Planned, Step, plan
from services.events.organisations.model import OrganisationRow
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.database.engine import ReadSession


@dataclass(frozen=True)
class Import:
    """One import: what it will do, or, once it is done, what it has done."""

    row: ImportRow
    organisation: OrganisationRow
    rows: list[Planned]

    def count(self, *steps: Step) -> int:
        """How many rows have one of these steps."""
        return sum(planned.step in steps for planned in self.rows)


def may_import_for(member: Member) -> list[UUID]:
    """The organisations for which the member may import events: those whose events the member may make."""
    return member.organisations_where(Right.EDIT)


async def import_of(session: ReadSession, member: Member, import_id: UUID) -> Import | None:
    """The member's own import; None for anybody else's, and for one whose organisation is the member's no more."""
    query = select(ImportRow, OrganisationRow).join(
        OrganisationRow, col(OrganisationRow.id) == col(ImportRow.organisation_id)
    )
    mine = (col(ImportRow.id) == import_id, col(ImportRow.person_id) == member.person_id)
    found = (await session.execute(query.where(*mine))).one_or_none()
    if found is None or found[0].organisation_id not in may_import_for(member):
        return None
    row, organisation = found
    entries = entries_in(row)
    if row.outcome is not None:
        rows = [Planned.of_stored(entry, stored) for entry, stored in zip(entries, row.outcome, strict=True)]
        return Import(row, organisation, rows)
    known = await known_events(session, row.organisation_id, [entry.uid for entry in entries])
    return Import(row, organisation, plan(entries, known))


def entries_in(row: ImportRow) -> list[Entry]:
    """The rows of an import as they were stored."""
    return [Entry.model_validate(entry) for entry in row.entries]


async def known_events(session: ReadSession, organisation_id: UUID, uids: Collection[str]) -> dict[str, Known]:
    """Which of these events the organisation has imported before, by what their source calls them."""
    query = (
        select(ImportedEventRow, col(EventRow.version), col(EventRow.state))
        .join(EventRow, col(EventRow.id) == col(ImportedEventRow.event_id))
        .where(col(ImportedEventRow.organisation_id) == organisation_id, col(ImportedEventRow.source_uid).in_(uids))
    )
    return {
        row.source_uid: Known(row.event_id, row.content_hash, row.version, version, State(state))
        for row, version, state in await session.execute(query)
    }
