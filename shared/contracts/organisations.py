"""Topic `teilhabe.organisations.v1`, published by events, compacted: an organisation and who belongs to it."""

from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.base import LanguageCode, LocalizedText, Message, Part
from shared.contracts.events import ContactPoint


class Role(StrEnum):
    """What a member is to the organisation; `shared.auth.rights` says what that allows."""

    OWNER = "owner"
    ORGANISER = "organiser"
    DESK = "desk"
    VIEWER = "viewer"


class Membership(Part):
    """One member, by id; the address travels on `contacts` alone."""

    person_id: UUID
    role: Role


class OrganisationChanged(Message):
    """The whole state: a member who is no longer listed has no access any more."""

    topic: ClassVar[str] = "teilhabe.organisations.v1"
    type: Literal["OrganisationChanged"] = "OrganisationChanged"
    name: LocalizedText
    members: list[Membership]
    kind: str | None = None
    description: LocalizedText = {}
    languages: list[LanguageCode] = []
    contact: ContactPoint | None = None
    website: str | None = None
    logo: str | None = None
    """Path of the logo at the events service; it changes when the picture does."""


OrganisationMessage = OrganisationChanged
