"""What the events service needs to know of its surroundings."""

from datetime import timedelta
from functools import cache
from typing import Self

from pydantic import Field, SecretStr, model_validator

from shared.auth.tokens import private_key, public_key
from shared.settings import Settings


class EventsSettings(Settings):
    """Environment variables as in `shared.settings`, and these. Durations are ISO 8601."""

    database: str = Field(validation_alias="TEILHABE_DATABASE_EVENTS")
    token_private_key: SecretStr = Field(description="Ed25519 private key in PEM that signs the sign-in tokens")

    privacy_url: str = ""

    link_lifetime: timedelta = Field(default=timedelta(minutes=15), description="how long a sign-in link is good")
    invitation_lifetime: timedelta = Field(default=timedelta(days=7), description="how long an invitation is good")
    session_lifetime: timedelta = Field(default=timedelta(hours=12), description="from the last time it was used")
    session_longest: timedelta = Field(default=timedelta(days=30), description="from the sign-in, however it is used")
    sign_in_window: timedelta = Field(default=timedelta(minutes=15), description="the time that the limits are for")
    sign_ins_per_address: int = Field(default=5, ge=1)
    sign_ins_per_client: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _refuse_another_pair(self) -> Self:
        ours = private_key(self.token_private_key.get_secret_value()).public_key()
        if ours != public_key(self.token_public_key):
            raise ValueError("TEILHABE_TOKEN_PUBLIC_KEY has to be the public part of TEILHABE_TOKEN_PRIVATE_KEY")
        return self


@cache
def load() -> EventsSettings:
    """The settings of this process, from its environment. Raises pydantic.ValidationError."""
    return EventsSettings()
