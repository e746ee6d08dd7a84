"""What an organiser writes about an event: validated, whether it came from a form, a program or the demo."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Self

import phonenumbers
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from services.events.events.model import LARGEST_CAPACITY, LARGEST_PARTY
from services.events.events.scheduling import TIME_MISSING, TIME_TWICE_OFFSET, known_zones, resolved
from shared.contracts.base import LanguageCode
from shared.contracts.events import Kind
from shared.i18n.catalogues import N_
from shared.i18n.languages import LANGUAGES
from shared.i18n.plain import AS_LINES, AS_ONE_LINE, Lines, OneLine
from shared.sms.keywords import CodeProblem, code_problem

MOST_SESSIONS = 60
HOME_REGION = "DE"
DEFAULT_ZONE = "Europe/Berlin"

UNKNOWN_LANGUAGE = N_("Choose one of the languages.")
UNKNOWN_ZONE = N_("Choose a time zone, for example Europe/Berlin.")
ENDS_TOO_EARLY = N_("The end has to be after the start.")
CLOSES_TOO_EARLY = N_("Registration has to end after it begins.")
NO_ADDRESS = N_("Write an e-mail address, for example office@example.org.")
NO_NUMBER = N_("Write a phone number, for example 030 1234567.")
NO_LINK = N_("Write a web address that begins with https://.")
NO_MAIN_TITLE = N_("Write a title in the main language.")
NO_NAME = N_("Write the name in each language in which there is a text.")
CODE_LENGTH = N_("Write 4 to 10 letters or digits.")
CODE_CHARACTERS = N_("Use other letters. I, L, O, S, B and Z, and the digits 0, 1, 2, 5 and 8, look too much alike.")
CODE_RESERVED = N_("This word already means something in an SMS. Choose another one.")
CODE_TEXTS = {
    CodeProblem.LENGTH: CODE_LENGTH,
    CodeProblem.CHARACTERS: CODE_CHARACTERS,
    CodeProblem.RESERVED: CODE_RESERVED,
}

MESSAGES = {
    "unknown_language": UNKNOWN_LANGUAGE,
    "unknown_zone": UNKNOWN_ZONE,
    "ends_too_early": ENDS_TOO_EARLY,
    "closes_too_early": CLOSES_TOO_EARLY,
    "no_address": NO_ADDRESS,
    "no_number": NO_NUMBER,
    "no_link": NO_LINK,
    "no_main_title": NO_MAIN_TITLE,
    "no_name": NO_NAME,
    "time_missing": TIME_MISSING,
    "time_twice": TIME_TWICE_OFFSET,
} | {f"code_{problem}": message for problem, message in CODE_TEXTS.items()}
"""What a reader is told of each kind of error that is raised here, for `shared.web.validation`."""

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,63}")
_LINK = re.compile(r"https?://[^\s/]+\.[^\s]+")


def refuse(kind: str) -> PydanticCustomError:
    """The error of this kind, which `MESSAGES` explains to the reader."""
    return PydanticCustomError(kind, MESSAGES[kind])


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise refuse("unknown_language")
    return code


def _in_order(codes: Iterable[str]) -> list[str]:
    chosen = set(codes)
    return [code for code in LANGUAGES if code in chosen]


Language = Annotated[str, Field(json_schema_extra={"enum": list(LANGUAGES)}), AfterValidator(_language)]
Languages = Annotated[list[Language], AfterValidator(_in_order)]
Line = Annotated[str, StringConstraints(max_length=200), AS_ONE_LINE]
Reason = Annotated[str, StringConstraints(max_length=1000), AS_LINES]


class Words(BaseModel):
    """An event's words in one language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: OneLine = Field(min_length=1, max_length=120, examples=["Gemeinsam gärtnern"])
    text: Lines = Field(default="", max_length=5000)
    access_notes: Lines = Field(default="", max_length=1000, description="how to get in, with a wheelchair or a pram")
    contact_hours: Lines = Field(default="", max_length=300, description="when the contact can be reached")


class Reasons(BaseModel):
    """Why an event is cancelled, by language."""

    reason: dict[LanguageCode, Reason] = Field(examples=[{"de": "Der Raum ist gesperrt."}])


class PostponementReasons(BaseModel):
    """Why an event is postponed, by language; it need not be said."""

    model_config = ConfigDict(extra="forbid")

    reason: dict[LanguageCode, Reason] = Field(default={}, examples=[{"de": "Der Raum ist gesperrt."}])


class SessionTimes(BaseModel):
    """One date. A time without an offset is local time in the event's zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts_at: datetime = Field(examples=["2027-05-08T10:00:00"])
    ends_at: datetime = Field(examples=["2027-05-08T12:30:00"])


def known_zone(zone: str) -> str:
    """The name, if there is such a zone. Raises PydanticCustomError otherwise."""
    if zone not in known_zones():
        raise refuse("unknown_zone")
    return zone


Zone = Annotated[str, AfterValidator(known_zone)]


def in_zone(sessions: Iterable[SessionTimes], zone: str) -> list[SessionTimes]:
    """The sessions as moments, first to last. Raises PydanticCustomError for a time that is none, or two."""
    moments = [SessionTimes(starts_at=resolved(s.starts_at, zone), ends_at=resolved(s.ends_at, zone)) for s in sessions]
    if any(session.ends_at <= session.starts_at for session in moments):
        raise refuse("ends_too_early")
    return sorted(moments, key=lambda session: (session.starts_at, session.ends_at))


class EventContent(BaseModel):
    """An event as its organiser writes it. A draft may lack most of it; `publishing.what_is_missing` says what.

    All moments are in UTC once it is made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    code: Annotated[str, StringConstraints(to_upper=True), AS_ONE_LINE] = Field(
        default="", description="the word people text; made up if empty; fixed once published", examples=["GARTEN"]
    )
    main_language: Language = "de"
    words: dict[Language, Words] = Field(min_length=1, description="by language code")
    time_zone: Zone = Field(default=DEFAULT_ZONE, description="IANA name")
    sessions: list[SessionTimes] = Field(default=[], max_length=MOST_SESSIONS)
    venue_name: Line = ""
    venue_address: Line = ""
    online_link: Annotated[str, StringConstraints(max_length=500), AS_ONE_LINE] = Field(
        default="", description="shown to registered people alone"
    )
    spoken_languages: Languages = []
    capacity: int | None = Field(default=None, ge=0, le=LARGEST_CAPACITY, description="people")
    largest_party: int = Field(default=5, ge=1, le=LARGEST_PARTY, description="people in one registration")
    registration_opens_at: datetime | None = None
    registration_closes_at: datetime | None = None
    contact_name: Line = Field(default="", description="a role or an office, not a person")
    contact_email: Line = ""
    contact_phone: Line = ""
    contact_languages: Languages = []

    @field_validator("code")
    @classmethod
    def _fitting_code(cls, code: str) -> str:
        if code and (problem := code_problem(code)):
            raise refuse(f"code_{problem}")
        return code

    @field_validator("words")
    @classmethod
    def _has_main_title(cls, words: dict[str, Words], info: ValidationInfo) -> dict[str, Words]:
        if info.data.get("main_language") not in {*words, None}:
            raise refuse("no_main_title")
        return {code: words[code] for code in _in_order(words)}

    @field_validator("sessions")
    @classmethod
    def _session_moments(cls, sessions: list[SessionTimes], info: ValidationInfo) -> list[SessionTimes]:
        return in_zone(sessions, info.data.get("time_zone", DEFAULT_ZONE))

    @field_validator("registration_opens_at", "registration_closes_at")
    @classmethod
    def _window_moment(cls, moment: datetime | None, info: ValidationInfo) -> datetime | None:
        return resolved(moment, info.data.get("time_zone", DEFAULT_ZONE)) if moment else None

    @field_validator("online_link")
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
    def _window_in_order(self) -> Self:
        opens, closes = self.registration_opens_at, self.registration_closes_at
        if opens and closes and closes <= opens:
            raise refuse("closes_too_early")
        return self

    def stored(self) -> dict[str, Any]:
        """As JSON for the table of versions."""
        return self.model_dump(mode="json")


def link_of(text: str) -> str:
    """A web address, or nothing. Raises PydanticCustomError."""
    if text and not _LINK.fullmatch(text):
        raise refuse("no_link")
    return text


def is_address(text: str) -> bool:
    """Whether this looks like an e-mail address."""
    return bool(_ADDRESS.fullmatch(text))


def address_of(text: str) -> str:
    """An e-mail address, or nothing. Raises PydanticCustomError."""
    if text and not is_address(text):
        raise refuse("no_address")
    return text


def international(number: str) -> str:
    """A phone number as it is written for readers everywhere: `+49 30 1234567`."""
    try:
        parsed = phonenumbers.parse(number, HOME_REGION)
    except phonenumbers.NumberParseException:
        raise refuse("no_number") from None
    if not phonenumbers.is_possible_number(parsed):
        raise refuse("no_number")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
