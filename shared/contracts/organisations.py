"""Topic `teilhabe.organisations.v1`, published by events, compacted: an organisation and who belongs to it."""

from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.base import LocalizedText, Message, Part


class Role(StrEnum):
    """What a member may do."""

    OWNER = "owner"
    ORGANISER = "organiser"


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


OrganisationMessage = OrganisationChanged
