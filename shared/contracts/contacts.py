"""Topic `teilhabe.contacts.v1`, compacted: how to reach a person, encrypted, keyed by the person's id.

A record without a value is a tombstone: the person was erased.
"""

from typing import ClassVar, Literal

from shared.contracts.base import LanguageCode, Message, Part


class Contact(Part):
    """What `ContactChanged.sealed` holds: JSON, sealed for the purpose `contact:<person id>`.

    Who has neither `email` nor `phone` is told by the desk, which finds the person by `name` and `reach`: how to find
    them, in the desk's own words.
    """

    language: LanguageCode
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    reach: str | None = None


class ContactChanged(Message):
    """The person's newest contact; `aggregate_id` is the person's id."""

    topic: ClassVar[str] = "teilhabe.contacts.v1"
    type: Literal["ContactChanged"] = "ContactChanged"
    sealed: str


ContactMessage = ContactChanged
