"""What residents read of an organisation, as its owner writes it."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from services.events.events.fields import Language, Languages, Line, address_of, international, link_of, refuse
from services.events.organisations.model import OrganisationKind, OrganisationRow
from shared.contracts.events import ContactPoint
from shared.i18n.plain import AS_ONE_LINE, Lines, OneLine

Name = Annotated[OneLine, Field(min_length=1, max_length=120)]
Description = Annotated[Lines, Field(min_length=1, max_length=2000)]
Hours = Annotated[Lines, Field(min_length=1, max_length=300)]


class ProfileContent(BaseModel):
    """An organisation's names and descriptions by language, the languages that it speaks, and whom to ask there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: OrganisationKind
    name: dict[Language, Name] = Field(min_length=1)
    description: dict[Language, Description] = {}
    languages: Languages = []
    website: Annotated[str, StringConstraints(max_length=500), AS_ONE_LINE] = ""
    contact_name: Line = Field(default="", description="a role or an office, not a person")
    contact_email: Line = ""
    contact_phone: Line = ""
    contact_hours: dict[Language, Hours] = {}

    @field_validator("website")
    @classmethod
    def _is_link(cls, link: str) -> str:
        return link_of(link)

    @field_validator("contact_email")
    @classmethod
    def _is_address(cls, address: str) -> str:
        return address_of(address)

    @field_validator("contact_phone")
    @classmethod
    def _is_number(cls, number: str) -> str:
        return international(number) if number else ""

    @model_validator(mode="after")
    def _has_a_name_for_each_text(self) -> Self:
        if {*self.description, *self.contact_hours} - {*self.name}:
            raise refuse("no_name")
        return self

    @classmethod
    def of(cls, organisation: OrganisationRow) -> Self:
        """The profile that the organisation has."""
        contact = ContactPoint.model_validate(organisation.contact) if organisation.contact else ContactPoint(name="")
        return cls(
            kind=OrganisationKind(organisation.kind),
            name=organisation.name,
            description=organisation.description,
            languages=organisation.languages,
            website=organisation.website,
            contact_name=contact.name,
            contact_email=contact.email or "",
            contact_phone=contact.phone or "",
            contact_hours=contact.hours,
        )

    def write(self, organisation: OrganisationRow) -> None:
        """Put the profile into the row."""
        organisation.kind = self.kind.value
        organisation.name = dict(self.name)
        organisation.description = dict(self.description)
        organisation.languages = list(self.languages)
        organisation.website = self.website
        organisation.contact = self._contact()

    def _contact(self) -> dict[str, object] | None:
        if not (self.contact_name or self.contact_email or self.contact_phone):
            return None
        contact = ContactPoint(
            name=self.contact_name,
            email=self.contact_email or None,
            phone=self.contact_phone or None,
            languages=self.languages,
            hours=dict(self.contact_hours),
        )
        return contact.model_dump(mode="json")
