"""A wish for places as people type it and as programs send it, and how it becomes the engine's."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.registrations.consents.commands import answers, asking
from services.registrations.people.commands import Address
from services.registrations.people.model import Means
from services.registrations.registrations.admission import Wish
from services.registrations.settings import RegistrationsSettings
from shared.contracts.events import EventState, Scope
from shared.contracts.registrations import Channel
from shared.i18n.catalogues import N_
from shared.i18n.languages import LANGUAGES
from shared.i18n.plain import AS_ONE_LINE, one_line
from shared.sms.numbers import is_service

BAD_EMAIL = N_("This is not an e-mail address. It looks like this: name@example.org.")
BAD_PHONE = N_("This is not a phone number. Write it like this: +49 151 1234567.")
NO_SMS = N_("This number cannot get SMS. Write a mobile number, or choose e-mail.")
NO_CHANNEL = N_("Choose how we reach you.")
NO_CONSENT = N_("Without your agreement we may not keep your data, so we cannot register you.")
BAD_PARTY = N_("Write how many people come, for example 2.")


MOST_PEOPLE = 1000


def email_address(text: str) -> str:
    """The address in lower case, its domain as mail servers know it (RFC 5891). Raises a pydantic error.

    RFC 5321 leaves the case of the local part to its host; people do not care for it.
    """
    try:
        address = validate_email(text, check_deliverability=False)
        return (address.ascii_email or address.normalized).lower()
    except EmailNotValidError:
        raise PydanticCustomError("email", "not an e-mail address") from None


def phone_number(text: str, region: str) -> str:
    """The number in E.164. Raises a pydantic error of type `phone`, or `no-sms` for one that can never get an SMS."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise PydanticCustomError("phone", "not a phone number") from None
    if not phonenumbers.is_valid_number(number):
        raise PydanticCustomError("phone", "not a phone number")
    is_landline = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE
    if is_landline or is_service(number):
        raise PydanticCustomError("no-sms", "not a mobile phone number")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def party_size(text: str) -> int:
    """How many people a form says, in the digits of any script. Raises ValueError for what is no number above 0."""
    size = int(text) if text.isdecimal() else 0
    if size < 1:
        raise ValueError("not a number of people")
    return size


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not one_line(value) else value


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise PydanticCustomError("literal_error", "not one of the languages", {"expected": "a language"})
    return code


Language = Annotated[str, Field(json_schema_extra={"enum": sorted(LANGUAGES)}), AfterValidator(_language)]
EmailLine = Annotated[str, StringConstraints(max_length=254), AS_ONE_LINE]
PhoneLine = Annotated[str, StringConstraints(max_length=40), AS_ONE_LINE]
NameLine = Annotated[str, StringConstraints(max_length=120), AS_ONE_LINE]
Blank = BeforeValidator(_blank_is_none)


class RegistrationRequest(BaseModel):
    """One party that wants to come. Exactly one of `email` and `phone`; `consent` is to the privacy text."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    email: Annotated[EmailLine | None, Blank] = Field(None, examples=["name@example.org"])
    phone: Annotated[PhoneLine | None, Blank] = Field(None, examples=["+4915112345678"])
    name: Annotated[NameLine | None, Blank] = None
    language: Language = Field("de", examples=["tr"])
    party_size: int = Field(1, ge=1, le=MOST_PEOPLE, examples=[2])
    consent: Literal[True] = Field(examples=[True])
    places_id: UUID | None = Field(None, description="the role in the shift, of an event that has shifts")
    share_with: list[UUID] = Field(
        [], max_length=50, description="the co-hosts that may see what the event offers them of this party"
    )

    @model_validator(mode="after")
    def _one_contact(self) -> Self:
        if (self.email is None) == (self.phone is None):
            raise PydanticCustomError("contact", "exactly one of email and phone")
        return self

    def wish(self, settings: RegistrationsSettings, request_key: UUID | None, event: EventState | None = None) -> Wish:
        """What admission decides; `event` says which co-hosts there are to share with.

        Raises pydantic errors of type `email`, `phone` or `no-sms`.
        """
        if self.email is not None:
            address = Address(Means.EMAIL, email_address(self.email), self.language, by_owner=False)
        else:
            number = phone_number(self.phone or "", settings.default_region)
            address = Address(Means.PHONE, number, self.language, by_owner=False)
        return Wish(
            address=address,
            party_size=self.party_size,
            channel=Channel.WEB,
            consent=f"web-{settings.consent_version}",
            name=self.name,
            request_key=request_key,
            ask_owner=address.means is Means.PHONE,
            agreed=self._agreed(event) if event and event.co_hosts else {},
        )

    def _agreed(self, event: EventState) -> dict[UUID, Scope]:
        yes = set(self.share_with)
        return answers(event, {one.organisation_id: one.organisation_id in yes for one in asking(event)})
