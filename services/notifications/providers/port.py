"""What the ledger asks of whoever brings a notification to a person, and how that may fail.

The taxonomy: what is not retryable ends the delivery; what is throttled waits before it is tried again; what is
retryable is tried again at once and then ever more rarely; of what is unknown nobody can say whether it went out.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Protocol
from uuid import UUID

from services.notifications.templates.mail import Mail


@dataclass(frozen=True)
class OutgoingSms:
    """One SMS. `key` is the same at each attempt."""

    key: UUID
    delivery_id: UUID
    number: str
    text: str


@dataclass(frozen=True)
class OutgoingMail:
    """One mail. `key` is the same at each attempt, and so is its Message-ID."""

    key: UUID
    delivery_id: UUID
    mail: Mail


@dataclass(frozen=True)
class Accepted:
    """The provider has it, under this id of its own."""

    provider_id: str | None = None


class DeliveryError(Exception):
    """It did not go out. `code` is the provider's or ours, and holds nothing personal."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NotRetryableError(DeliveryError):
    """It will never go out: the address is none, or the provider refuses it for good."""


class OptedOutError(NotRetryableError):
    """The provider knows that the person does not want to hear from us."""


class ThrottledError(DeliveryError):
    """Too much at once; `wait` is what the provider asks for, if it says so."""

    def __init__(self, code: str, wait: timedelta | None = None) -> None:
        super().__init__(code)
        self.wait = wait


class RetryableError(DeliveryError):
    """It did not go out, and may a moment later."""


class UnknownOutcomeError(DeliveryError):
    """It may have gone out: the answer is what was lost."""


class SmsProvider(Protocol):
    """Brings SMS to phones.

    A provider that is `idempotent` never sends twice under one key, so that an unknown outcome is settled by asking
    again; of any other we wait for the receipt first.
    """

    name: ClassVar[str]
    idempotent: ClassVar[bool]

    async def send(self, sms: OutgoingSms) -> Accepted:
        """Hand it over. Raises DeliveryError."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class MailProvider(Protocol):
    """Brings mails to mail servers. Receivers know a mail that comes twice by its Message-ID."""

    name: ClassVar[str]

    async def send(self, mail: OutgoingMail) -> Accepted:
        """Hand it over. Raises DeliveryError."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
