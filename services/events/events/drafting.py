"""What an organiser writes about an event: validated, whether it came from a form, a program or the demo."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

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

from services.events.events.fields import (
    Language,
    Languages,
    Line,
    address_of,
    in_order,
    international,
    link_of,
    refuse,
)
from services.events.events.model import LARGEST_CAPACITY, LARGEST_PARTY
from services.events.events.scheduling import known_zones, resolved
from services.events.shifts.drafting import (
    MOST_ROLES,
    MOST_SHIFTS,
    RoleContent,
    ShiftContent,
    StaffingContent,
    in_order_of_time,
    numbered,
    refuse_contradictions,
)
from shared.contracts.base import LanguageCode
from shared.contracts.events import Kind
from shared.i18n.plain import AS_LINES, AS_ONE_LINE, Lines, OneLine
from shared.sms.keywords import code_problem

MOST_SESSIONS = 60
DEFAULT_ZONE = "Europe/Berlin"

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
    roles: list[RoleContent] = Field(default=[], max_length=MOST_ROLES, description="of volunteers")
    shifts: list[ShiftContent] = Field(
        default=[],
        max_length=MOST_SHIFTS,
        validate_default=True,
        description="of volunteers; dates and places are theirs where there are any",
    )
    sessions: list[SessionTimes] = Field(default=[], max_length=MOST_SESSIONS, validate_default=True)
    venue_name: Line = ""
    venue_address: Line = ""
    online_link: Annotated[str, StringConstraints(max_length=500), AS_ONE_LINE] = Field(
        default="", description="shown to registered people alone"
    )
    spoken_languages: Languages = []
    capacity: int | None = Field(default=None, ge=0, le=LARGEST_CAPACITY, validate_default=True, description="people")
    largest_party: int = Field(
        default=5, ge=1, le=LARGEST_PARTY, validate_default=True, description="people in one registration"
    )
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
        return {code: words[code] for code in in_order(words)}

    @field_validator("roles")
    @classmethod
    def _named_roles(cls, roles: list[RoleContent], info: ValidationInfo) -> list[RoleContent]:
        if any(info.data.get("main_language") not in {*role.name, None} for role in roles):
            raise refuse("no_role_name")
        return roles

    @field_validator("shifts")
    @classmethod
    def _whole_shifts(cls, shifts: list[ShiftContent], info: ValidationInfo) -> list[ShiftContent]:
        if shifts and info.data.get("kind", Kind.VOLUNTEERING) != Kind.VOLUNTEERING:
            raise refuse("not_volunteering")
        refuse_contradictions(info.data.get("roles", []), shifts)
        return numbered(in_order_of_time(shifts, info.data.get("time_zone", DEFAULT_ZONE)))

    @field_validator("sessions")
    @classmethod
    def _session_moments(cls, sessions: list[SessionTimes], info: ValidationInfo) -> list[SessionTimes]:
        if shifts := info.data.get("shifts"):
            return [SessionTimes(starts_at=shift.starts_at, ends_at=shift.ends_at) for shift in shifts]
        return in_zone(sessions, info.data.get("time_zone", DEFAULT_ZONE))

    @field_validator("capacity")
    @classmethod
    def _places_of_shifts(cls, capacity: int | None, info: ValidationInfo) -> int | None:
        shifts = info.data.get("shifts")
        return sum(one.most for shift in shifts for one in shift.staffing) if shifts else capacity

    @field_validator("largest_party")
    @classmethod
    def _each_for_oneself(cls, largest_party: int, info: ValidationInfo) -> int:
        return 1 if info.data.get("shifts") else largest_party

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
    def _windowin_order(self) -> Self:
        opens, closes = self.registration_opens_at, self.registration_closes_at
        if opens and closes and closes <= opens:
            raise refuse("closes_too_early")
        return self

    @property
    def staffing(self) -> list[StaffingContent]:
        """Every role of every shift."""
        return [one for shift in self.shifts for one in shift.staffing]

    @property
    def ids(self) -> set[UUID]:
        """The ids of its roles, its shifts, and of the places in them."""
        return {*(role.id for role in self.roles), *(shift.id for shift in self.shifts), *(s.id for s in self.staffing)}

    def stored(self) -> dict[str, Any]:
        """As JSON for the table of versions."""
        return self.model_dump(mode="json")
