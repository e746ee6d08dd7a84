"""What the events service needs to know of its surroundings."""

from datetime import timedelta
from functools import cache
from typing import Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from shared.auth.tokens import private_key, public_key
from shared.contracts.organisations import Role
from shared.settings import Settings, goes_in_clear
from shared.web.shown import pick


class EventsSettings(Settings):
    """Environment variables as in `shared.settings`, and these. Durations are ISO 8601."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

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

    import_from_here: bool = Field(default=False, description="calendars of this machine may be imported; for tests")
    series_ahead: timedelta = Field(default=timedelta(weeks=8), description="how far ahead a series has its events")
    series_at_least: int = Field(default=3, ge=1, le=50, description="so many of them, however far apart they are")

    openid_issuer: str = Field(default="", description="issuer of the OpenID Connect provider; empty: links alone")
    openid_client_id: str = Field(default="", description="what the provider knows this installation by")
    openid_client_secret: SecretStr = Field(default=SecretStr(""), description="empty for a public client")
    openid_label: dict[str, str] | str = Field(
        default="OpenID Connect", description="the provider's name on the button: a text, or JSON of language to text"
    )
    openid_scopes: str = Field(default="openid email", description="what is asked for; roles may need one more")
    openid_address_claim: str = Field(default="email", description="where the e-mail address stands")
    openid_addresses_are_verified: bool = Field(
        default=False, description="whether the provider hands out checked addresses alone and no `email_verified`"
    )
    openid_roles_claim: str = Field(default="", description="path of the claim with roles: `realm_access.roles`, say")
    openid_roles: dict[str, dict[UUID, Role]] = Field(
        default={}, description='JSON, what a value of that claim gives: {"<value>": {"<organisation id>": "<role>"}}'
    )
    openid_hosts: str = Field(
        default="", description="further hosts of the provider's endpoints beside the issuer's, parted by commas"
    )
    openid_session_longest: timedelta = Field(
        default=timedelta(days=1), description="from a sign-in there, however the session is used, until the next one"
    )
    openid_timeout: timedelta = Field(default=timedelta(seconds=10), description="for all questions of one sign-in")

    @property
    def openid(self) -> bool:
        """Whether members can sign in at an identity provider, too."""
        return bool(self.openid_issuer)

    def openid_name(self, language: str) -> str:
        """What the provider is called, in the reader's language where it has a name there."""
        label = self.openid_label
        return label if isinstance(label, str) else pick(label, language).text

    @model_validator(mode="after")
    def _refuse_half_a_provider(self) -> Self:
        if not self.openid:
            return self
        parts = urlsplit(self.openid_issuer)
        if goes_in_clear(self.openid_issuer) or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("TEILHABE_OPENID_ISSUER has to be an https:// address without query and fragment")
        if not self.openid_client_id:
            raise ValueError("TEILHABE_OPENID_ISSUER needs TEILHABE_OPENID_CLIENT_ID")
        if "openid" not in self.openid_scopes.split():
            raise ValueError("TEILHABE_OPENID_SCOPES has to have `openid` in it")
        names = [self.openid_label] if isinstance(self.openid_label, str) else self.openid_label.values()
        if not any(name.strip() for name in names):
            raise ValueError("TEILHABE_OPENID_LABEL needs a text")
        if bool(self.openid_roles_claim) != bool(self.openid_roles):
            raise ValueError("TEILHABE_OPENID_ROLES and TEILHABE_OPENID_ROLES_CLAIM need each other")
        return self

    @model_validator(mode="after")
    def _refuse_reaching_inside(self) -> Self:
        if self.import_from_here and self.environment != "test":
            raise ValueError("TEILHABE_IMPORT_FROM_HERE is for tests: it lets members reach what only we reach")
        return self

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
