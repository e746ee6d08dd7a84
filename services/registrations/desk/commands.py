"""What the desk does for a person who calls or stands there, each change with its line in the audit log.

The person is told by the member who does it. Each command promises to be safe when it is sent twice: the second time
nothing changes, and nothing is logged.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.registrations.asking.commands import change_askable
from services.registrations.asking.queries import may_be_asked
from services.registrations.registrations import commands
from services.registrations.registrations.admission import Admitted, Decision, Rules, Wish, admit
from services.registrations.registrations.model import State
from services.registrations.registrations.queries import Own
from shared.auth.audit import Details, record
from shared.contracts.registrations import EndedBy
from shared.database.engine import WriteSession
from shared.vault import Vault

_WRITTEN_NOW = text("SELECT 1 FROM registrations WHERE id = :id AND created_at = :now")
_STANDS = text("SELECT state, party_size FROM registrations WHERE id = :id")


@dataclass(frozen=True)
class Desk:
    """The member `person_id` at the desk of an event's host, within one transaction."""

    session: WriteSession
    vault: Vault
    rules: Rules
    person_id: UUID
    organisation_id: UUID
    event_id: UUID
    now: datetime

    async def register(self, places_id: UUID, wish: Wish) -> Decision:
        """Admit the party as every other is admitted. Raises PoolUnknownError."""
        (decision,) = await admit(self.session, self.vault, self.rules, places_id, [wish], self.now)
        if isinstance(decision, Admitted) and await self._is_new(decision.id):
            about: Details = {
                "means": wish.address.means.value,
                "state": decision.state.value,
                "party_size": decision.party_size,
            }
            await self._log("registration.made", decision.id, {}, about)
        return decision

    async def accept(self, own: Own) -> State:
        """Say yes for the person. Raises NothingToAnswerError where no question is open."""
        before = await self._stands(own)
        state = await commands.accept(
            self.session, self.vault, self.rules, own.registration.id, self.now, told_by=self.person_id
        )
        await self._log("registration.accepted", own.registration.id, before, await self._stands(own))
        return state

    async def cancel(self, own: Own) -> bool:
        """End the registration, or decline the offer, as the person asked. False where it had ended already."""
        before = await self._stands(own)
        ended = await commands.cancel(
            self.session,
            self.vault,
            self.rules,
            own.registration.id,
            EndedBy.PERSON,
            self.now,
            told_by=self.person_id,
        )
        if ended:
            await self._log("registration.cancelled", own.registration.id, before, await self._stands(own))
        return ended

    async def change_party(self, own: Own, size: int) -> None:
        """Make the party another size. Raises RegistrationEndedError and PartyTooLargeError."""
        before = await self._stands(own)
        await commands.change_party(
            self.session, self.vault, self.rules, own.registration.id, size, self.now, told_by=self.person_id
        )
        after = await self._stands(own)
        if after != before:
            await self._log("registration.party-changed", own.registration.id, before, after)

    async def change_askable(self, own: Own, *, agreed: bool) -> None:
        """Note whether the person may be asked when somebody is missing, as they say."""
        organisation_id, person_id = own.event.organisation_id, own.registration.person_id
        before = await may_be_asked(self.session, person_id, organisation_id)
        await change_askable(self.session, own.registration.id, self.now, agreed=agreed)
        if before != agreed:
            values: tuple[Details, Details] = {"askable": before}, {"askable": agreed}
            await self._log("registration.askable-changed", own.registration.id, *values)

    async def _is_new(self, registration_id: UUID) -> bool:
        """Whether this very call wrote it: a form that is sent again finds what the first one made."""
        found = await self.session.execute(_WRITTEN_NOW, {"id": registration_id, "now": self.now})
        return found.scalar_one_or_none() is not None

    async def _stands(self, own: Own) -> Details:
        row = (await self.session.execute(_STANDS, {"id": own.registration.id})).one()
        return {"state": row.state, "party_size": row.party_size}

    async def _log(self, action: str, registration_id: UUID, before: Details, after: Details) -> None:
        await record(
            self.session,
            action,
            person_id=self.person_id,
            organisation_id=self.organisation_id,
            event_id=self.event_id,
            subject_id=registration_id,
            before=before,
            after=after,
        )
