"""Read what participants let co-hosts see."""

from typing import NamedTuple
from uuid import UUID

from sqlmodel import col, select

from services.registrations.consents.commands import asking
from services.registrations.consents.model import ConsentRow
from shared.auth.members import Profile, profiles_of
from shared.auth.rights import narrower
from shared.contracts.events import CoHost, EventState, Scope
from shared.database.engine import ReadSession


class Question(NamedTuple):
    """What a participant is asked about one co-host, and what was answered; `agreed` is None without an answer.

    `sees` is what the co-host sees of this participant now.
    """

    co_host: CoHost
    profile: Profile
    agreed: Scope | None = None

    @property
    def sees(self) -> Scope:
        """The smaller of what the host offers and what the participant agreed to."""
        return narrower(self.co_host.scope, self.agreed or Scope.NOTHING)


async def co_hosts_of(session: ReadSession, event: EventState) -> list[Question]:
    """Each co-host of the event by name, whether it asks for anything or not."""
    if not event.co_hosts:
        return []
    profiles = await profiles_of(session, [co_host.organisation_id for co_host in event.co_hosts])
    known = [co_host for co_host in event.co_hosts if co_host.organisation_id in profiles]
    return [Question(co_host, profiles[co_host.organisation_id]) for co_host in known]


async def questions_of(session: ReadSession, event: EventState, registration_id: UUID) -> list[Question]:
    """The co-hosts that ask to see who comes, with this participant's answers."""
    asks = {co_host.organisation_id for co_host in asking(event)}
    if not asks:
        return []
    rows = await session.execute(select(ConsentRow).where(col(ConsentRow.registration_id) == registration_id))
    answered = {row.organisation_id: Scope(row.scope) for row in rows.scalars()}
    found = [one for one in await co_hosts_of(session, event) if one.co_host.organisation_id in asks]
    ordered = sorted(found, key=lambda one: one.co_host.organisation_id)
    return [one._replace(agreed=answered.get(one.co_host.organisation_id)) for one in ordered]
