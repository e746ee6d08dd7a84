"""Topic `teilhabe.registrations.v1`, published by registrations, keyed by event id.

The aggregate is the event's pool of places: `aggregate_version` is the pool's version, and `counts` is the pool
as it stood in the transaction that decided.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.contracts.base import Message, Part


class Channel(StrEnum):
    """Where a registration came from."""

    WEB = "web"
    SMS = "sms"
    DESK = "desk"


class EndedBy(StrEnum):
    """Who or what ended a registration."""

    PERSON = "person"
    ORGANISER = "organiser"
    EVENT = "event"
    NO_ANSWER = "no-answer"


class DeclineReason(StrEnum):
    """Why somebody does not get a role that the organisation decides about."""

    CERTIFICATE = "certificate"
    LANGUAGE = "language"
    AGE = "age"
    OTHERS = "others"
    CHANGED = "changed"
    ASK = "ask"
    NO_ANSWER = "no-answer"


class PlacesCount(Part):
    """`taken` counts people confirmed, offered and held; `waiting` counts people on the waitlist."""

    places_id: UUID
    capacity: int
    taken: int
    waiting: int
    version: int


class _PlacesMessage(Message):
    topic: ClassVar[str] = "teilhabe.registrations.v1"
    counts: PlacesCount


class CapacityChanged(_PlacesMessage):
    """The pool was opened, enlarged or made smaller."""

    type: Literal["CapacityChanged"] = "CapacityChanged"


class _RegistrationMessage(_PlacesMessage):
    """`sealed` holds the secret of the person's link, sealed for `registration:<registration id>`.

    `contact_version` is the contact that was written with this decision: whoever tells the person waits for it.
    `told_by` is the member of the desk who did this while speaking with the person, who so knows of it already.
    """

    registration_id: UUID
    person_id: UUID
    party_size: int
    channel: Channel
    sealed: str
    contact_version: int | None = None
    told_by: UUID | None = None


class RegistrationHeld(_RegistrationMessage):
    """Waits for the owner of a phone number to say yes; `holds_places` says whether places are kept meanwhile."""

    type: Literal["RegistrationHeld"] = "RegistrationHeld"
    holds_places: bool
    expires_at: AwareDatetime


class RegistrationPending(_RegistrationMessage):
    """Places are kept while the organisation decides, which promised an answer by `answer_by`."""

    type: Literal["RegistrationPending"] = "RegistrationPending"
    answer_by: AwareDatetime


class RegistrationDeclined(_RegistrationMessage):
    """The organisation decided against it, or nobody answered before the shift began; the registration has ended."""

    type: Literal["RegistrationDeclined"] = "RegistrationDeclined"
    reason: DeclineReason


class RegistrationConfirmed(_RegistrationMessage):
    """The party has its places."""

    type: Literal["RegistrationConfirmed"] = "RegistrationConfirmed"


class RegistrationWaitlisted(_RegistrationMessage):
    """The party waits; `position` counts parties, first is 1."""

    type: Literal["RegistrationWaitlisted"] = "RegistrationWaitlisted"
    position: int


class PlaceOffered(_RegistrationMessage):
    """Freed places are kept for this party until `expires_at`."""

    type: Literal["PlaceOffered"] = "PlaceOffered"
    expires_at: AwareDatetime


class OfferExpired(_RegistrationMessage):
    """No answer came in time; the registration has ended."""

    type: Literal["OfferExpired"] = "OfferExpired"


class PartyChanged(_RegistrationMessage):
    """The party is another size and keeps its state; `waits` while it has no places yet."""

    type: Literal["PartyChanged"] = "PartyChanged"
    previous_size: int
    waits: bool = False


class RegistrationCancelled(_RegistrationMessage):
    """The registration has ended."""

    type: Literal["RegistrationCancelled"] = "RegistrationCancelled"
    by: EndedBy


RegistrationMessage = Annotated[
    CapacityChanged
    | RegistrationHeld
    | RegistrationPending
    | RegistrationDeclined
    | RegistrationConfirmed
    | RegistrationWaitlisted
    | PlaceOffered
    | OfferExpired
    | PartyChanged
    | RegistrationCancelled,
    Field(discriminator="type"),
]
