"""Settings of the registrations service."""

from datetime import timedelta
from functools import lru_cache

from pydantic import Field

from shared.settings import Settings


class RegistrationsSettings(Settings):
    """What this service needs besides the shared settings."""

    database: str = Field(validation_alias="TEILHABE_DATABASE_REGISTRATIONS")
    offer_time: timedelta = Field(timedelta(hours=24), description="longest time to answer an offer")
    hold_time: timedelta = Field(timedelta(hours=2), description="time for a phone's owner to answer")
    reminder_time: timedelta = Field(timedelta(hours=36), description="time before a shift to ask who comes")
    default_language: str = "de"
    default_region: str = Field("DE", description="region of phone numbers typed without a country code")
    privacy_url: str = ""
    consent_version: str = "2026-11"
    live_time: timedelta = Field(timedelta(minutes=10), description="time after which an open list connects anew")


@lru_cache
def load() -> RegistrationsSettings:
    """The settings of this process, from the environment."""
    return RegistrationsSettings()
