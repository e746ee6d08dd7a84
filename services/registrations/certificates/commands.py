"""Issuing, replacing and revoking certificates, each change with its line in the audit log.

Of one person at one event at most one certificate is good: the table's own index sees to it, so that of two who issue
at once one does, and the other finds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from uuid6 import uuid7

from services.registrations.certificates.codes import new_code
from services.registrations.certificates.model import CertificateRow
from services.registrations.certificates.queries import Content, Earned, content_of, newest_of
from services.registrations.registrations.pool import seal_link
from shared.auth.audit import Details, record
from shared.auth.members import profiles_of
from shared.contracts.events import EventState
from shared.contracts.notification_requests import NotificationRequested, Template
from shared.database.engine import Database, WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault

AT_ONCE = 20
"""How many are issued in one transaction."""
_TRIES = 5


class DiffersError(Exception):
    """Another certificate is good, `certificate_id`, and says something else, `content`: it has to be replaced."""

    def __init__(self, certificate_id: UUID, content: Content) -> None:
        super().__init__()
        self.certificate_id = certificate_id
        self.content = content


_END = text(
    """
    UPDATE certificates SET revoked_at = :now, revoked_by = :by, reason = :reason
    WHERE id = :id AND event_id = :event AND revoked_at IS NULL RETURNING id
    """
)


@dataclass(frozen=True)
class Issuer:
    """The member `person_id` of an event's host, within one transaction."""

    session: WriteSession
    vault: Vault
    person_id: UUID
    event: EventState
    now: datetime

    async def issue(self, earned: Earned, name: str, replaces: UUID | None = None) -> CertificateRow:
        """Certify what was signed off for a person, in this name, and have the person told once.

        A certificate that says the same already is returned as it is, and nobody is told again. With `replaces` that
        one is revoked first, in the same transaction. Raises DiffersError where another one is good; the caller's
        transaction is then to be rolled back.
        """
        content = earned.content(name)
        if same := await self._same(earned.person_id, content):
            return same
        if replaces:
            await self._end(replaces, "", "certificate.replaced")
        for _ in range(_TRIES):
            certificate_id = await self._insert(earned, content)
            if certificate_id:
                await self._log("certificate.issued", certificate_id, _figures(content))
                await self._tell(earned)
                return await self.session.get_one(CertificateRow, certificate_id)
            if same := await self._same(earned.person_id, content, differs=True):
                return same
        raise RuntimeError("no code is free")

    async def revoke(self, certificate_id: UUID, reason: str) -> bool:
        """Let a certificate be good no more; False where it was revoked before, or is none of this event."""
        return await self._end(certificate_id, reason, "certificate.revoked")

    async def _same(self, person_id: UUID, content: Content, *, differs: bool = False) -> CertificateRow | None:
        """The good certificate that says this. With `differs`, one that says something else raises DiffersError."""
        known = await newest_of(self.session, self.event.id, person_id)
        if known is None or known.revoked_at:
            return None
        if content_of(known) == content:
            return known
        if differs:
            raise DiffersError(known.id, content_of(known))
        return None

    async def _insert(self, earned: Earned, content: Content) -> UUID | None:
        """None where the person has a good one, or the code is taken."""
        organisation_id = self.event.organisation_id
        profile = (await profiles_of(self.session, [organisation_id])).get(organisation_id)
        values = content._asdict() | {
            "id": uuid7(),
            "code": new_code(),
            "event_id": self.event.id,
            "organisation_id": organisation_id,
            "person_id": earned.person_id,
            "registration_ids": list(earned.registration_ids),
            "organisation": dict(profile.name) if profile else {"de": self.event.contact.name},
            "event_title": dict(self.event.title),
            "issued_at": self.now,
            "issued_by": self.person_id,
        }
        made = insert(CertificateRow).values(**values).on_conflict_do_nothing().returning(col(CertificateRow.id))
        return (await self.session.execute(made)).scalar_one_or_none()

    async def _end(self, certificate_id: UUID, reason: str, action: str) -> bool:
        values = {"id": certificate_id, "event": self.event.id, "now": self.now, "by": self.person_id, "reason": reason}
        ended = (await self.session.execute(_END, values)).scalar_one_or_none() is not None
        if ended:
            await self._log(action, certificate_id, {})
        return ended

    async def _tell(self, earned: Earned) -> None:
        """Ask for the message, with the link of the newest registration that has hours in it."""
        registration_id = max(earned.registration_ids)
        message = NotificationRequested(
            aggregate_id=registration_id,
            aggregate_version=0,
            template=Template.CERTIFICATE_READY,
            person_id=earned.person_id,
            event_id=self.event.id,
            registration_id=registration_id,
            data={"minutes": earned.minutes},
            sealed=seal_link(self.vault, registration_id, "request"),
        )
        await publish(self.session, message)

    async def _log(self, action: str, certificate_id: UUID, after: Details) -> None:
        await record(
            self.session,
            action,
            person_id=self.person_id,
            organisation_id=self.event.organisation_id,
            event_id=self.event.id,
            subject_id=certificate_id,
            after=after,
        )


def _figures(content: Content) -> Details:
    return {"minutes": content.minutes, "shifts": content.shifts}


async def issue_all(
    database: Database, vault: Vault, person_id: UUID, event: EventState, earned: Sequence[Earned], now: datetime
) -> int:
    """Issue a first certificate to everybody who gave a name, some at a time; returns to how many.

    Who has had one, also one that was revoked, gets none by this. Sent twice, it goes on where it was.
    """
    named = [(one, one.name) for one in earned if one.name]
    issued = 0
    for start in range(0, len(named), AT_ONCE):
        async with database.begin() as session:
            issuer = Issuer(session, vault, person_id, event, now)
            some = named[start : start + AT_ONCE]
            had = await _had_one(session, event.id, [one.person_id for one, _ in some])
            for one, name in some:
                if one.person_id not in had:
                    issued += await _issued_now(issuer, one, name)
    return issued


async def _issued_now(issuer: Issuer, earned: Earned, name: str) -> bool:
    """Whether this made it; somebody else may have issued one meanwhile, in whatever name."""
    try:
        row = await issuer.issue(earned, name)
    except DiffersError:
        return False
    return row.issued_at == issuer.now and row.issued_by == issuer.person_id


async def _had_one(session: WriteSession, event_id: UUID, people: Sequence[UUID]) -> set[UUID]:
    query = select(CertificateRow.person_id).where(
        col(CertificateRow.event_id) == event_id, col(CertificateRow.person_id).in_(people)
    )
    return set((await session.execute(query)).scalars())
