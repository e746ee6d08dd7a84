"""Settings that every service shares. Environment variables: `TEILHABE_…`; durations are ISO 8601, `PT6S` say."""

from base64 import urlsafe_b64decode
from datetime import timedelta
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_NO_LIMIT = 1e6
DEVELOPMENT_SECRET = "development"  # noqa: S105 - the marker that production refuses


def goes_in_clear(url: str) -> bool:
    """Whether what people send there can be read on the way; on this machine itself there is no way."""
    parts = urlsplit(url)
    return parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}


class Settings(BaseSettings):
    """What a service needs to know of its surroundings. Production refuses to start on a development default."""

    model_config = SettingsConfigDict(env_prefix="TEILHABE_", frozen=True, extra="ignore")

    environment: Literal["development", "test", "production"] = "production"
    kafka: str = Field(description="bootstrap servers, host:port[,host:port]")
    events_url: str = "http://127.0.0.1:8710"
    registrations_url: str = "http://127.0.0.1:8720"
    notifications_url: str = "http://127.0.0.1:8730"
    contact_keys: SecretStr = Field(
        description="AES-256 keys for personal data, newest first: `id:base64url,id:base64url`"
    )
    link_key: SecretStr = Field(description="key of the links and number hashes, at least 32 characters")
    token_public_key: str = Field(description="Ed25519 public key in PEM by which sign-in tokens are checked")
    sms_number: str = Field("+493023125000", description="the number that residents text to, E.164")
    replay_window: timedelta = timedelta(days=3)
    early_limit: timedelta = timedelta(hours=24)
    stop_limit: timedelta = timedelta(seconds=20)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    database_connections: int = Field(default=20, ge=2)
    trusted_proxies: int = Field(
        default=0, ge=0, description="reverse proxies in front, each of which adds to X-Forwarded-For"
    )
    limit_factor: float = Field(
        default_factory=lambda given: _NO_LIMIT if given.get("environment") == "test" else 1.0,
        gt=0,
        description="what each limit on tries is multiplied by; under load tests (`test`) nothing reaches a limit",
    )

    @model_validator(mode="after")
    def _refuse_unsafe(self) -> Self:
        secrets = (self.contact_keys.get_secret_value(), self.link_key.get_secret_value())
        if self.environment == "production" and any(DEVELOPMENT_SECRET in secret for secret in secrets):
            raise ValueError("production needs keys of its own: set TEILHABE_CONTACT_KEYS and TEILHABE_LINK_KEY")
        urls = (self.events_url, self.registrations_url, self.notifications_url)
        if self.environment == "production" and any(map(goes_in_clear, urls)):
            raise ValueError("production needs https:// addresses: TEILHABE_EVENTS_URL and the two like it")
        if len(secrets[1]) < 32:
            raise ValueError("TEILHABE_LINK_KEY needs at least 32 characters")
        if any(len(key) != 32 for key in self.contact_key_bytes().values()):
            raise ValueError("each key of TEILHABE_CONTACT_KEYS is 32 bytes in base64url")
        return self

    @property
    def secure(self) -> bool:
        """Whether browsers reach the services over https, so that cookies are for https alone."""
        return self.events_url.startswith("https://")

    def contact_key_bytes(self) -> dict[str, bytes]:
        """Key id to key, the newest first. Raises ValueError where the setting is not `id:base64url`."""
        pairs = (part.split(":", 1) for part in self.contact_keys.get_secret_value().split(","))
        return {key_id: urlsafe_b64decode(key) for key_id, key in pairs}
