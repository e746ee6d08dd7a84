"""Which events a member may work with, and how far: as host, or as co-host."""

from uuid import UUID

from services.registrations.events.queries import Offer, offer_of
from shared.auth.members import Member
from shared.auth.rights import Access, Right
from shared.auth.sign_in import require
from shared.database.engine import ReadSession
from shared.web.problem import Problem


async def hosted_event(session: ReadSession, member: Member, event_id: UUID, right: Right) -> Offer:
    """An event of the member's own organisation.

    Raises Problem: 404 for every other, also one that is co-hosted, 403 where the role is too small.
    """
    offer = await _known(session, event_id)
    require(member.access_to(offer.event.organisation_id), right)
    return offer


async def seen_event(session: ReadSession, member: Member, event_id: UUID, right: Right) -> tuple[Offer, Access]:
    """An event that the member hosts or co-hosts, and what the member may do with it.

    Raises Problem: 404 for what is not theirs, 403 where the role is too small.
    """
    offer = await _known(session, event_id)
    return offer, require(member.access_to(offer.event.organisation_id, offer.event.co_hosts), right)


async def _known(session: ReadSession, event_id: UUID) -> Offer:
    offer = await offer_of(session, event_id)
    if offer is None:
        raise Problem(404)
    return offer
