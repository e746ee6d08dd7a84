"""Read the audit log."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlmodel import col

from services.events.audit.model import AuditRow
from services.events.organisations.queries import addresses_of, organisations_by_id
from shared.database.engine import ReadSession
from shared.vault import Vault

PAGE = 50


class Change(NamedTuple):
    """One change with what its ids stand for. `who` is empty for an operator, and for somebody who is gone."""

    row: AuditRow
    who: str
    organisation: dict[str, str]
    about: str


async def changes_of_event(session: ReadSession, vault: Vault, event_id: UUID, page: int) -> tuple[list[Change], int]:
    """One page of what was changed in an event, the newest first, and how much there is."""
    return await _changes(session, vault, col(AuditRow.event_id) == event_id, page)


async def changes_of_organisation(
    session: ReadSession, vault: Vault, organisation_id: UUID, page: int
) -> tuple[list[Change], int]:
    """One page of what an organisation's members changed, in its events too, and how much there is."""
    return await _changes(session, vault, col(AuditRow.organisation_id) == organisation_id, page)


async def _changes(
    session: ReadSession, vault: Vault, which: ColumnElement[bool], page: int
) -> tuple[list[Change], int]:
    count = (await session.execute(select(func.count()).select_from(AuditRow).where(which))).scalar_one()
    query = select(AuditRow).where(which).order_by(col(AuditRow.id).desc())
    rows = list((await session.execute(query.limit(PAGE).offset((page - 1) * PAGE))).scalars())
    people = {one for row in rows for one in (row.person_id, row.subject_id) if one is not None}
    addresses = await addresses_of(session, vault, people)
    organisations = await organisations_by_id(session, {row.organisation_id for row in rows})
    return [
        Change(
            row,
            addresses.get(row.person_id, "") if row.person_id else "",
            organisations[row.organisation_id].name if row.organisation_id in organisations else {},
            addresses.get(row.subject_id, "") if row.subject_id else "",
        )
        for row in rows
    ], count
