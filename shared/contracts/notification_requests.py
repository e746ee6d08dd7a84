"""Topic `teilhabe.notification-requests.v1`: please write to this person, with this template."""

from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.contracts.base import LanguageCode, LocalizedText, Message, Part


class Template(StrEnum):
    """The texts that can be asked for; those of a registration's state follow from its own messages."""

    SIGN_IN = "sign-in"
    INVITATION = "invitation"
    CO_HOST_INVITED = "co-host-invited"
    CO_HOST_CHANGED = "co-host-changed"
    RESCHEDULED = "rescheduled"
    POSTPONED = "postponed"
    CHANGED = "changed"
    ALREADY_REGISTERED = "already-registered"
    SHIFT_OVERLAPS = "shift-overlaps"
    SWAP_ASKED = "swap-asked"
    SWAPPED = "swapped"
    SWAP_ENDED = "swap-ended"
    HOURS_SIGNED = "hours-signed"
    ANSWERS_DUE = "answers-due"
    SHIFT_REMINDER = "shift-reminder"
    CERTIFICATE_READY = "certificate-ready"
    SHIFT_WANTED = "shift-wanted"
    QUALIFICATION_ENDS = "qualification-ends"
    SMS_HELP = "sms-help"
    SMS_NOT_UNDERSTOOD = "sms-not-understood"
    SMS_UNKNOWN_CODE = "sms-unknown-code"
    SMS_NOTHING_OPEN = "sms-nothing-open"
    SMS_WHICH_EVENT = "sms-which-event"
    SMS_STATUS = "sms-status"
    SMS_SHARE = "sms-share"
    SMS_SHIFTS = "sms-shifts"
    SMS_SWAP = "sms-swap"
    SMS_HOURS = "sms-hours"
    SMS_COMING = "sms-coming"
    SMS_LANGUAGE_SET = "sms-language-set"
    SMS_PARTY_SIZE = "sms-party-size"
    SMS_REGISTRATION_CLOSED = "sms-registration-closed"


class Recipient(Part):
    """An address that has no contact yet: in `sealed`, JSON, sealed for `request:<aggregate id>`."""

    language: LanguageCode
    email: str | None = None
    phone: str | None = None


class Secret(Part):
    """What `sealed` holds: the address if the person has no contact, and the secret part of a link."""

    recipient: Recipient | None = None
    token: str | None = None


class NotificationRequested(Message):
    """`person_id` names a contact; where it is missing, `sealed` carries the address.

    `data` holds what the template needs and nothing personal: codes, states, numbers, and public texts in several
    languages as `localized` writes them.
    After `expires_at` the notification is of no use and is not sent.
    """

    topic: ClassVar[str] = "teilhabe.notification-requests.v1"
    type: Literal["NotificationRequested"] = "NotificationRequested"
    template: Template
    person_id: UUID | None = None
    event_id: UUID | None = None
    registration_id: UUID | None = None
    data: dict[str, str | int | list[str]] = Field(default_factory=dict)
    sealed: str | None = None
    expires_at: AwareDatetime | None = None


NotificationRequestMessage = NotificationRequested


def localized(texts: LocalizedText) -> list[str]:
    """A public text for `data`, of which the reader gets the one of their language: `<language>|<text>` each."""
    return [f"{language}|{text}" for language, text in texts.items()]
