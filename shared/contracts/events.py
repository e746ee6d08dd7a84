"""Topic `teilhabe.events.v1`, published by events: the whole public state of an event in each message.

The topic is compacted: a consumer may see only the last message of an event. It therefore compares the
state with its own projection to learn what changed, and never relies on having seen each type.
"""

from enum import StrEnum
from functools import cache
from typing import Annotated, ClassVar, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AwareDatetime, Field

from shared.contracts.base import LanguageCode, LocalizedText, Message, Part


class Kind(StrEnum):
    """What people sign up for."""

    WORKSHOP = "workshop"
    COURSE = "course"
    PARTICIPATION = "participation"
    VOLUNTEERING = "volunteering"


class Status(StrEnum):
    """A draft is nobody's business but its organiser's and never travels."""

    PUBLISHED = "published"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"


class Session(Part):
    """One date of an event."""

    id: UUID
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class Venue(Part):
    """Where an event takes place, and how to get in with a pram, a wheelchair or bad eyes."""

    name: str
    address: str
    access_notes: LocalizedText = {}


class ContactPoint(Part):
    """Whom to ask: a role or an office, public with the event (docs/decisions/0004)."""

    name: str
    email: str | None = None
    phone: str | None = None
    languages: list[LanguageCode] = []
    hours: LocalizedText = {}


class Places(Part):
    """A named pool of capacity; an event has at least one."""

    id: UUID
    name: LocalizedText = {}
    capacity: int = Field(ge=0)


class Qualification(StrEnum):
    """What a volunteer can have to show, so that the organisation knows until when it counts."""

    GOOD_CONDUCT = "good-conduct"
    FIRST_AID = "first-aid"
    FOOD_HYGIENE = "food-hygiene"
    YOUTH_LEADER = "youth-leader"
    LIFEGUARD = "lifeguard"
    DRIVING_LICENCE = "driving-licence"


class Role(Part):
    """What volunteers do in a shift, and what that takes: all of `languages`, a `certificate`, an age in years.

    `qualification`: the organisation looks at it, and notes until when it counts; `certificate` is what people read.
    `answer_within`: the organisation decides who gets the role, and promises an answer in so many hours; without it
    whoever signs up has it.
    """

    id: UUID
    name: LocalizedText
    notes: LocalizedText = {}
    languages: list[LanguageCode] = []
    certificate: LocalizedText = {}
    qualification: Qualification | None = None
    least_age: int | None = Field(default=None, ge=0)
    answer_within: int | None = Field(default=None, ge=1)


class Staffing(Part):
    """How many people a role takes in a shift. The most of them is the capacity of its pool of places.

    `number` is what people text behind the event's code; it is given to nothing else.
    """

    places_id: UUID
    role_id: UUID
    number: int = Field(ge=1)
    least: int = Field(ge=0)
    wanted: int = Field(ge=0)


class Shift(Part):
    """A session in which volunteers work, each in a role; `place` where it is not the event's."""

    session_id: UUID
    place: str = ""
    staffing: list[Staffing]


class CoHostRole(StrEnum):
    """What a co-host does for the event; readers see it beside the name."""

    PARTNER = "partner"
    SUPPORTER = "supporter"
    VENUE = "venue"
    INTERPRETING = "interpreting"


class Scope(StrEnum):
    """What of the participants a host offers a co-host to see, from the least to the most.

    Of each participant it sees no more than that participant agreed to.
    """

    NOTHING = "nothing"
    COUNTS = "counts"
    NAMES = "names"
    CONTACT = "contact"


class CoHost(Part):
    """An organisation that accepted the host's invitation; what it is called stands in `organisations`."""

    organisation_id: UUID
    role: CoHostRole
    scope: Scope


class EventState(Part):
    """Everything that anyone outside the events service may know of an event.

    The sessions of a postponed event are the ones that do not take place. `previous_starts` are the times at which the
    event was to begin before it was moved, the latest last.
    """

    id: UUID
    code: str
    organisation_id: UUID
    status: Status
    kind: Kind
    title: LocalizedText
    text: LocalizedText
    sessions: list[Session]
    time_zone: str
    venue: Venue | None = None
    online_link: str | None = None
    spoken_languages: list[LanguageCode] = []
    places: list[Places]
    largest_party: int = Field(ge=1)
    registration_opens_at: AwareDatetime | None = None
    registration_closes_at: AwareDatetime | None = None
    contact: ContactPoint
    cancellation_reason: LocalizedText = {}
    co_hosts: list[CoHost] = []
    postponement_reason: LocalizedText = {}
    previous_starts: list[AwareDatetime] = []
    roles: list[Role] = []
    shifts: list[Shift] = []


class _EventMessage(Message):
    topic: ClassVar[str] = "teilhabe.events.v1"
    event: EventState


class EventPublished(_EventMessage):
    """The event can be seen and registered for."""

    type: Literal["EventPublished"] = "EventPublished"


class EventChanged(_EventMessage):
    """Something other than the dates changed."""

    type: Literal["EventChanged"] = "EventChanged"


class EventRescheduled(_EventMessage):
    """The sessions moved."""

    type: Literal["EventRescheduled"] = "EventRescheduled"


class EventPostponed(_EventMessage):
    """The event does not take place on its dates, and the new ones are not known yet."""

    type: Literal["EventPostponed"] = "EventPostponed"


class EventCancelled(_EventMessage):
    """The event does not take place; `event.cancellation_reason` says why."""

    type: Literal["EventCancelled"] = "EventCancelled"


EventMessage = Annotated[
    EventPublished | EventChanged | EventRescheduled | EventPostponed | EventCancelled, Field(discriminator="type")
]


class ContradictoryEventError(ValueError):
    """A state that no event can be in: whoever kept it would fail at everyone who registers, and not at the message."""


def checked(message: EventMessage) -> EventState:
    """The event of a message, for whoever keeps it.

    Raises ContradictoryEventError where the event is another than the message's aggregate, has no places or no
    session, is in a time zone that there is not, or has a shift without a session, a role or places of its own.
    """
    event = message.event
    if event.id != message.aggregate_id or not event.places or not event.sessions:
        raise ContradictoryEventError
    if event.time_zone not in _time_zones():
        raise ContradictoryEventError
    if event.shifts and not _has_all_of_its_shifts(event):
        raise ContradictoryEventError
    return event


def _has_all_of_its_shifts(event: EventState) -> bool:
    staffing = [one for shift in event.shifts for one in shift.staffing]
    return (
        sorted(shift.session_id for shift in event.shifts) == sorted(session.id for session in event.sessions)
        and sorted(one.places_id for one in staffing) == sorted(places.id for places in event.places)
        and {one.role_id for one in staffing} <= {role.id for role in event.roles}
    )


@cache
def _time_zones() -> set[str]:
    return available_timezones()
