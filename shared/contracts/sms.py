"""Topic `teilhabe.sms-received.v1`, published by notifications, kept for 24 hours: what people text to us."""

from typing import ClassVar, Literal

from shared.contracts.base import Message, Part


class Sms(Part):
    """What `SmsReceived.sealed` holds: JSON, sealed for `sms:<message id>`. `number` is E.164."""

    number: str
    text: str


class SmsReceived(Message):
    """`aggregate_id` is a keyed hash of the number, so that one person's texts stay in order.

    STOP and START never travel here: notifications answers them itself.
    """

    topic: ClassVar[str] = "teilhabe.sms-received.v1"
    type: Literal["SmsReceived"] = "SmsReceived"
    sealed: str


SmsMessage = SmsReceived
