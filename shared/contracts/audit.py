"""Topic `teilhabe.audit.v1`: what a member changed, for the one log that the events service keeps.

Keyed by what was changed: an event, or an organisation. Nothing personal travels: people are named by id, and of a
text that may be about a person it is said that it changed, not what it says.
"""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.contracts.base import Message

Action = Annotated[str, StringConstraints(pattern=r"^[a-z]+([.-][a-z]+)*$")]
"""A noun and what was done to it, such as `registration.cancelled`."""
Detail = str | int | bool | None


class ChangeRecorded(Message):
    """`person_id` acted for the organisation `organisation_id`; nobody is named where an operator did it by command.

    `subject_id` is what was changed within the aggregate.

    `before` and `after` hold the fields that differ, by name.
    """

    topic: ClassVar[str] = "teilhabe.audit.v1"
    type: Literal["ChangeRecorded"] = "ChangeRecorded"
    action: Action
    person_id: UUID | None = None
    organisation_id: UUID
    event_id: UUID | None = None
    subject_id: UUID | None = None
    before: dict[str, Detail] = Field(default_factory=dict)
    after: dict[str, Detail] = Field(default_factory=dict)


AuditMessage = ChangeRecorded
