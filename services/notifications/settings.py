"""What the notifications service needs to know of its surroundings."""

from datetime import timedelta
from functools import cache
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.settings import Settings


class NotificationsSettings(Settings):
    """Environment variables as in `shared.settings`, and these. Durations are ISO 8601 or seconds."""

    database: str = Field(validation_alias="TEILHABE_DATABASE_NOTIFICATIONS")

    privacy_url: str = ""

    sms_provider: Literal["development", "twilio"] = "development"
    default_region: str = Field(default="DE", description="country of numbers that are written without one")
    twilio_url: str = "https://api.twilio.com"
    twilio_account: str = ""
    twilio_token: SecretStr = SecretStr("")
    twilio_sender: str = Field(default="", description="a number, or a messaging service (MG…); else `sms_number`")

    mail_provider: Literal["development", "smtp"] = "development"
    mail_from: str = Field(default="teilhabe@example.org", description="the address that mails come from")
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_connections: int = Field(default=8, ge=1, description="connections that a worker keeps")

    provider_timeout: timedelta = timedelta(seconds=15)
    send_batch: int = Field(default=200, ge=1, description="deliveries that a worker claims at once")
    send_concurrency: int = Field(default=32, ge=1, description="provider calls at the same time")
    lease: timedelta = Field(default=timedelta(minutes=2), description="how long a claimed delivery is the claimer's")
    sms_unknown_wait: timedelta = Field(default=timedelta(minutes=10), description="wait for a receipt that settles it")
    give_up_after: timedelta = timedelta(hours=48)

    keep_content: timedelta = Field(default=timedelta(days=30), description="link secrets and data of ended deliveries")
    keep_deliveries: timedelta = Field(default=timedelta(days=400), description="rows of ended deliveries")
    keep_inbound: timedelta = Field(default=timedelta(days=7), description="marks by which a repeated SMS is known")
    keep_development: timedelta = Field(default=timedelta(days=14), description="development phone and mailbox")

    @model_validator(mode="after")
    def _refuse_incomplete(self) -> Self:
        if self.environment == "production" and "development" in {self.sms_provider, self.mail_provider}:
            raise ValueError("production needs TEILHABE_SMS_PROVIDER=twilio and TEILHABE_MAIL_PROVIDER=smtp")
        if self.sms_provider == "twilio" and not (self.twilio_account and self.twilio_token.get_secret_value()):
            raise ValueError("the SMS provider needs TEILHABE_TWILIO_ACCOUNT and TEILHABE_TWILIO_TOKEN")
        if self.mail_provider == "smtp" and not self.smtp_host:
            raise ValueError("the mail provider needs TEILHABE_SMTP_HOST")
        if self.lease <= 2 * self.provider_timeout:
            raise ValueError("TEILHABE_LEASE must be longer than twice TEILHABE_PROVIDER_TIMEOUT")
        return self


@cache
def load() -> NotificationsSettings:
    """The settings of this process, from its environment. Raises pydantic.ValidationError."""
    return NotificationsSettings()
