"""Read the audit log."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlmodel import col

from services.events.audit.model import AuditRow
from services.events.organisations.queries import addresses_of, organisations_by_id
from shared.auth.members import Member
from shared.database.engine import ReadSession
from shared.vault import Vault

PAGE = 50


class Change(NamedTuple):
    """One change with what its ids stand for.

    `who` and `about` are addresses of people; they are empty for an operator, for somebody who is gone, and for whoever
    acts for an organisation that is not the reader's (`foreign`): of those the organisation alone is named.
    """

    row: AuditRow
    foreign: bool
    who: str
    organisation: dict[str, str]
    about: str
    about_organisation: dict[str, str]


async def changes_of_event(
    session: ReadSession, vault: Vault, member: Member, event_id: UUID, page: int
) -> tuple[list[Change], int]:
    """One page of what was changed in an event, the newest first, and how much there is."""
    return await _changes(session, vault, member, col(AuditRow.event_id) == event_id, page)


async def changes_of_organisation(
    session: ReadSession, vault: Vault, member: Member, organisation_id: UUID, page: int
) -> tuple[list[Change], int]:
    """One page of what an organisation's members changed, in its events too, and how much there is."""
    return await _changes(session, vault, member, col(AuditRow.organisation_id) == organisation_id, page)


async def _changes(
    session: ReadSession, vault: Vault, member: Member, which: ColumnElement[bool], page: int
) -> tuple[list[Change], int]:
    count = (await session.execute(select(func.count()).select_from(AuditRow).where(which))).scalar_one()
    query = select(AuditRow).where(which).order_by(col(AuditRow.id).desc())
    rows = list((await session.execute(query.limit(PAGE).offset((page - 1) * PAGE))).scalars())
    own = [row for row in rows if member.belongs_to(row.organisation_id)]
    people = {one for row in own for one in (row.person_id, row.subject_id) if one is not None}
    addresses = await addresses_of(session, vault, people)
    about = {row.organisation_id for row in rows} | {row.subject_id for row in rows if row.subject_id}
    names = {id_: found.name for id_, found in (await organisations_by_id(session, about)).items()}
    return [_change(member, row, addresses, names) for row in rows], count


def _change(member: Member, row: AuditRow, addresses: dict[UUID, str], names: dict[UUID, dict[str, str]]) -> Change:
    foreign = not member.belongs_to(row.organisation_id)

    def person(id_: UUID | None) -> str:
        return addresses.get(id_, "") if id_ and not foreign else ""

    organisation = names.get(row.organisation_id, {})
    about = names.get(row.subject_id, {}) if row.subject_id else {}
    return Change(row, foreign, person(row.person_id), organisation, person(row.subject_id), about)
