"""Topic `teilhabe.organisations.v1`, published by events, compacted: an organisation and who belongs to it."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import StringConstraints

from shared.contracts.base import LanguageCode, LocalizedText, Message, Part
from shared.contracts.events import ContactPoint

LARGEST_PICTURE = 12_000
"""Bytes of the picture that goes into mails; in base64 they are 16,000 characters."""
PicturePng = Annotated[
    str,
    StringConstraints(
        max_length=LARGEST_PICTURE // 3 * 4,
        pattern=r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2,3})?$",
    ),
]
"""A small PNG in base64 (RFC 4648, section 4), without the signs that fill it up."""


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
    picture: PicturePng | None = None
    """The logo again, small, for mails: they bring their pictures along, for nothing is fetched when they are read."""


OrganisationMessage = OrganisationChanged
