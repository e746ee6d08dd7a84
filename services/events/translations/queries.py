"""Read the translations that were proposed for an event."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.events.events.queries import WholeEvent
from services.events.organisations.model import OrganisationRow
from services.events.translations.model import ProposalRow, ReviewRow, State
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.database.engine import ReadSession


@dataclass(frozen=True)
class Proposal:
    """A proposal with the organisation that wrote it, and those that read it through."""

    row: ProposalRow
    organisation: OrganisationRow
    readers: list[OrganisationRow]

    @property
    def is_open(self) -> bool:
        """Whether the host has still to decide."""
        return self.row.state == State.OPEN

    @property
    def is_declined(self) -> bool:
        """Whether the host did not take it."""
        return self.row.state == State.DECLINED


def translating(event: WholeEvent, member: Member) -> list[UUID]:
    """The co-hosts for which the member may translate; none once the co-hosting has ended."""
    ids = [co_host.row.organisation_id for co_host in event.co_hosts]
    return [organisation_id for organisation_id in ids if member.may(Right.EDIT, organisation_id)]


async def latest_proposals(session: ReadSession, event_id: UUID) -> dict[str, Proposal]:
    """The last proposal of each language: the open one where there is one."""
    query = (
        select(ProposalRow, OrganisationRow)
        .join(OrganisationRow, col(OrganisationRow.id) == col(ProposalRow.organisation_id))
        .where(col(ProposalRow.event_id) == event_id)
        .order_by(col(ProposalRow.id))
    )
    last = {row.language: (row, organisation) for row, organisation in await session.execute(query)}
    found = list(last.values())
    reads = (
        select(col(ReviewRow.proposal_id), OrganisationRow)
        .join(OrganisationRow, col(OrganisationRow.id) == col(ReviewRow.organisation_id))
        .where(col(ReviewRow.proposal_id).in_([row.id for row, _ in found]))
        .order_by(col(ReviewRow.reviewed_at))
    )
    readers: dict[UUID, list[OrganisationRow]] = {}
    for proposal_id, organisation in await session.execute(reads):
        readers.setdefault(proposal_id, []).append(organisation)
    return {row.language: Proposal(row, organisation, readers.get(row.id, [])) for row, organisation in found}


def open_in(proposals: Mapping[str, Proposal]) -> list[Proposal]:
    """Those that wait for the host."""
    return [proposal for proposal in proposals.values() if proposal.is_open]


async def open_row(session: ReadSession, event_id: UUID, language: str) -> ProposalRow | None:
    """The proposal that waits for the host."""
    query = select(ProposalRow).where(
        col(ProposalRow.event_id) == event_id,
        col(ProposalRow.language) == language,
        col(ProposalRow.state) == State.OPEN,
    )
    return (await session.execute(query)).scalar_one_or_none()
