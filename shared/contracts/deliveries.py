"""Topic `teilhabe.deliveries.v1`, published by notifications, keyed by delivery: how a delivery ended."""

from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.base import Message


class DeliveryChannel(StrEnum):
    """How a person is told. `desk`: somebody of the desk says it to a person who has neither phone nor mail."""

    EMAIL = "email"
    SMS = "sms"
    DESK = "desk"


class Outcome(StrEnum):
    """`sent`: the provider took it. `suppressed`: the person had asked us to stop."""

    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


class DeliveryEnded(Message):
    """`aggregate_id` is the delivery. A later message may correct an earlier one (sent, then failed)."""

    topic: ClassVar[str] = "teilhabe.deliveries.v1"
    type: Literal["DeliveryEnded"] = "DeliveryEnded"
    outcome: Outcome
    channel: DeliveryChannel
    template: str
    person_id: UUID | None = None
    event_id: UUID | None = None
    registration_id: UUID | None = None


DeliveryMessage = DeliveryEnded
