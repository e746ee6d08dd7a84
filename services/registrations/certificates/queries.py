"""Reading certificates: who has earned one, which are out, and whether somebody's is genuine."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, text
from sqlmodel import col, select

from services.registrations.certificates.model import CertificateRow
from services.registrations.hours.queries import SignedHours, signed_hours
from services.registrations.people.model import PersonRow
from services.registrations.registrations.model import RegistrationRow
from shared.contracts.events import EventState
from shared.database.engine import ReadSession
from shared.i18n.folding import fold
from shared.shifts import post_of


class Content(NamedTuple):
    """What a certificate says of a person."""

    name: str
    language: str
    minutes: int
    roles: list[dict[str, str]]
    first_day: date
    last_day: date
    shifts: int


@dataclass(frozen=True)
class Earned:
    """What the host signed off for one person at one event. `registration_ids` are by the time of their shifts."""

    person_id: UUID
    registration_ids: Sequence[UUID]
    name: str | None
    language: str
    minutes: int
    roles: list[dict[str, str]]
    first_day: date
    last_day: date
    shifts: int

    def content(self, name: str) -> Content:
        """What a certificate in this name says."""
        return Content(name, self.language, self.minutes, self.roles, self.first_day, self.last_day, self.shifts)


class Standing(StrEnum):
    """How things stand with a person's certificate; `CHANGED` is one that would say something else now."""

    NONE = "none"
    ISSUED = "issued"
    CHANGED = "changed"
    REVOKED = "revoked"


class Volunteer(NamedTuple):
    """A person with what they have earned, and the newest certificate; one of both may be missing."""

    earned: Earned | None
    certificate: CertificateRow | None

    @property
    def registration_id(self) -> UUID:
        """One of the person's registrations, which stands for the person in the addresses of the console."""
        if self.earned:
            return self.earned.registration_ids[0]
        return self.known.registration_ids[0]

    @property
    def known(self) -> CertificateRow:
        """The certificate, where there is one for sure."""
        if self.certificate is None:
            raise LookupError("there is no certificate")
        return self.certificate

    @property
    def name(self) -> str:
        """As it stands on the paper, else as the person gave it; empty without one."""
        if self.certificate:
            return self.certificate.name
        return (self.earned.name if self.earned else None) or ""

    @property
    def standing(self) -> Standing:
        """How things stand with the certificate."""
        if self.certificate is None:
            return Standing.NONE
        if self.certificate.revoked_at:
            return Standing.REVOKED
        same = self.earned and self.earned.content(self.certificate.name) == content_of(self.certificate)
        return Standing.ISSUED if same else Standing.CHANGED


def content_of(row: CertificateRow) -> Content:
    """What a certificate says."""
    return Content(row.name, row.language, row.minutes, row.roles, row.first_day, row.last_day, row.shifts)


async def earned_at(session: ReadSession, event: EventState, person_id: UUID | None = None) -> list[Earned]:
    """What was signed off at an event, for each person or for this one, by name and those without one last."""
    hours = await signed_hours(session, event.organisation_id, event_id=event.id, person_id=person_id)
    people: dict[UUID, list[SignedHours]] = {}
    for one in hours:
        people.setdefault(one.person_id, []).append(one)
    query = select(PersonRow.id, PersonRow.language).where(col(PersonRow.id).in_(list(people)))
    languages = {row.id: row.language for row in await session.execute(query)} if people else {}
    found = [_earned(event, own, languages[id_]) for id_, own in people.items()]
    return sorted(found, key=lambda one: (one.name is None, fold(one.name or "")))


def _earned(event: EventState, hours: Sequence[SignedHours], language: str) -> Earned:
    zone = ZoneInfo(event.time_zone)
    posts = [post for one in hours if (post := post_of(event, one.places_id))]
    roles = {post.role.id: dict(post.role.name) for post in posts}
    days = [one.starts_at.astimezone(zone).date() for one in hours]
    return Earned(
        person_id=hours[0].person_id,
        registration_ids=[one.registration_id for one in hours],
        name=next((one.name for one in hours if one.name and fold(one.name)), None),
        language=language,
        minutes=sum(one.minutes for one in hours),
        roles=list(roles.values()),
        first_day=min(days),
        last_day=max(days),
        shifts=len(hours),
    )


async def volunteers_of(session: ReadSession, event: EventState) -> list[Volunteer]:
    """Everybody who has earned a certificate of an event or has one, by name."""
    query = select(CertificateRow).where(col(CertificateRow.event_id) == event.id).order_by(*_NEWEST_LAST)
    newest = {row.person_id: row for row in (await session.execute(query)).scalars()}
    found = [Volunteer(one, newest.pop(one.person_id, None)) for one in await earned_at(session, event)]
    return [*found, *(Volunteer(None, row) for row in newest.values())]


async def volunteer_of(session: ReadSession, event: EventState, registration_id: UUID) -> Volunteer | None:
    """The person whom a registration for the event is of; None where they have nothing of both."""
    person_id = (await session.execute(_PERSON, {"id": registration_id, "event": event.id})).scalar_one_or_none()
    if person_id is None:
        return None
    earned = await earned_at(session, event, person_id)
    certificate = await newest_of(session, event.id, person_id)
    return Volunteer(earned[0] if earned else None, certificate) if earned or certificate else None


_PERSON = text("SELECT person_id FROM registrations WHERE id = :id AND event_id = :event")
_NEWEST_LAST = (col(CertificateRow.revoked_at).asc().nulls_last(), col(CertificateRow.issued_at))


async def newest_of(session: ReadSession, event_id: UUID, person_id: UUID) -> CertificateRow | None:
    """The person's certificate of the event that is good, else the one that was revoked last."""
    query = select(CertificateRow).where(
        col(CertificateRow.event_id) == event_id, col(CertificateRow.person_id) == person_id
    )
    as_it_is = query.order_by(*_NEWEST_LAST).execution_options(populate_existing=True)
    found = (await session.execute(as_it_is)).scalars().all()
    return found[-1] if found else None


async def behind_link(session: ReadSession, registration_id: UUID) -> CertificateRow | None:
    """The certificate that is good and has the hours of this registration in it."""
    of_person = and_(
        col(RegistrationRow.person_id) == col(CertificateRow.person_id),
        col(RegistrationRow.event_id) == col(CertificateRow.event_id),
    )
    query = (
        select(CertificateRow)
        .join(RegistrationRow, of_person)
        .where(
            col(RegistrationRow.id) == registration_id,
            col(CertificateRow.revoked_at).is_(None),
            col(CertificateRow.registration_ids).contains([registration_id]),
        )
    )
    return (await session.execute(query)).scalar_one_or_none()


class Verdict(StrEnum):
    """What the check page says; whatever does not fit gets the same answer."""

    GENUINE = "genuine"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


async def verdict(session: ReadSession, code: str | None, name: str, minutes: int) -> Verdict:
    """Whether there is a certificate that says just this. Takes as long for a code that there is as for another."""
    query = select(CertificateRow).where(col(CertificateRow.code) == (code or ""))
    row = (await session.execute(query)).scalar_one_or_none()
    said = _digest(row.name, row.minutes) if row else _digest("", 0)
    fits = hmac.compare_digest(said, _digest(name, minutes))
    if row is None or not fits:
        return Verdict.UNKNOWN
    return Verdict.REVOKED if row.revoked_at else Verdict.GENUINE


def _digest(name: str, minutes: int) -> bytes:
    """The name in one spelling, however it is parted into words."""
    return sha256(f"{fold(name).replace(' ', '')}\0{minutes}".encode()).digest()
