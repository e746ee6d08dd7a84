"""From a message to the delivery that it asks for. Nothing here reads or writes anything.

What each message of a registration becomes is `TEMPLATES`. Nobody is told of a held place that ran out: its number
never answered, and may be a stranger's.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.base import Message
from shared.contracts.deliveries import DeliveryChannel
from shared.contracts.notification_requests import NotificationRequested, Template
from shared.contracts.registrations import (
    Channel,
    EndedBy,
    OfferExpired,
    PartyChanged,
    PlaceOffered,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationDeclined,
    RegistrationHeld,
    RegistrationMessage,
    RegistrationPending,
    RegistrationWaitlisted,
)

TEMPLATES: dict[type[Message], str] = {
    RegistrationHeld: "confirm-number",
    RegistrationPending: "pending",
    RegistrationDeclined: "declined",
    RegistrationConfirmed: "confirmation",
    RegistrationWaitlisted: "waitlist",
    PlaceOffered: "offer",
    OfferExpired: "offer-expired",
    PartyChanged: "party-changed",
}
CANCELLED: dict[EndedBy, str] = {
    EndedBy.PERSON: "cancelled-by-person",
    EndedBy.EVENT: "cancelled",
    EndedBy.ORGANISER: "cancelled-by-organiser",
}


CO_HOSTING = (Template.CO_HOST_INVITED, Template.CO_HOST_CHANGED)
MAILS = (Template.SIGN_IN, Template.INVITATION, Template.ANSWERS_DUE, *CO_HOSTING)
"""What members get, who are known by their e-mail address alone."""


@dataclass(frozen=True)
class Draft:
    """A delivery before its channel is known. `only` forces a channel; `prefers` decides between two addresses.

    `told_by` is the member of the desk who was speaking with the person when it happened.
    """

    cause_id: UUID
    correlation_id: UUID
    template: str
    person_id: UUID | None = None
    event_id: UUID | None = None
    registration_id: UUID | None = None
    sealed: str | None = None
    purpose: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    only: DeliveryChannel | None = None
    prefers: DeliveryChannel = DeliveryChannel.EMAIL
    told_by: UUID | None = None


def draft_of_registration(message: RegistrationMessage) -> Draft | None:
    """What the person is told, if anything."""
    template = _template_of(message)
    if template is None or message.type == "CapacityChanged":
        return None
    return Draft(
        cause_id=message.message_id,
        correlation_id=message.correlation_id,
        template=template,
        person_id=message.person_id,
        event_id=message.aggregate_id,
        registration_id=message.registration_id,
        sealed=message.sealed,
        purpose=f"registration:{message.registration_id}",
        data=_data_of(message),
        expires_at=getattr(message, "expires_at", None),
        only=DeliveryChannel.SMS if isinstance(message, RegistrationHeld) else None,
        prefers=DeliveryChannel.SMS if message.channel is Channel.SMS else DeliveryChannel.EMAIL,
        told_by=message.told_by,
    )


def _template_of(message: RegistrationMessage) -> str | None:
    if isinstance(message, RegistrationCancelled):
        return CANCELLED.get(message.by)
    return TEMPLATES.get(type(message))


def _data_of(message: RegistrationMessage) -> dict[str, Any]:
    fields = {"position", "expires_at", "answer_by", "reason", "previous_size", "holds_places", "waits"}
    told = message.model_dump(mode="json", include=fields)
    names = {"expires_at": "until", "answer_by": "until", "reason": "declined_for"}
    names |= {"previous_size": "previous", "holds_places": "holds"}
    around = {"party": getattr(message, "party_size", 1), "places_id": str(message.counts.places_id)}
    return {names.get(name, name): value for name, value in told.items()} | around


def draft_of_request(message: NotificationRequested) -> Draft:
    """The delivery that a request asks for; `data["channel"] == "sms"` says that the person wrote by SMS."""
    by_sms = message.template.startswith("sms-") or message.data.get("channel") == DeliveryChannel.SMS
    return Draft(
        cause_id=message.message_id,
        correlation_id=message.correlation_id,
        template=message.template,
        person_id=message.person_id,
        event_id=message.event_id,
        registration_id=message.registration_id,
        sealed=message.sealed,
        purpose=f"request:{message.aggregate_id}" if message.sealed else None,
        data=dict(message.data) | ({"until": message.expires_at.isoformat()} if message.expires_at else {}),
        expires_at=message.expires_at,
        only=DeliveryChannel.SMS if by_sms else DeliveryChannel.EMAIL if message.template in MAILS else None,
    )


def needs_of_registration(message: RegistrationMessage) -> str | None:
    """`event:<id>:<condition> person:<id>`: what must be there before the person can be told."""
    draft = draft_of_registration(message)
    if draft is None:
        return None
    cancelled = isinstance(message, RegistrationCancelled) and message.by is EndedBy.EVENT
    contact = getattr(message, "contact_version", None)
    event = f"event:{draft.event_id}{':cancelled' if cancelled else ''}"
    return f"{event} person:{draft.person_id}{f':{contact}' if contact else ''}"


def needs_of_request(message: NotificationRequested) -> str | None:
    """The event (in the version that `data["event_version"]` names) and the person, as far as there are any.

    Raises ValueError for a version that is no number: parked, it would jam all that waits with it.
    """
    version = message.data.get("event_version")
    if version is not None and not isinstance(version, int):
        raise ValueError("a version is a number")
    event = f"event:{message.event_id}{f':{version}' if version else ''}" if message.event_id else ""
    person = f"person:{message.person_id}" if message.person_id else ""
    return " ".join(filter(None, (event, person))) or None
