"""Alembic's environment of the registrations database."""

import services.registrations.actions.model
import services.registrations.asking.model
import services.registrations.certificates.model
import services.registrations.check_in.model
import services.registrations.consents.model
import services.registrations.events.model
import services.registrations.hours.model
import services.registrations.people.model
import services.registrations.qualifications.model
import services.registrations.registrations.model
import services.registrations.swaps.model  # noqa: F401 - declares its tables
from services.registrations.metadata import metadata
from shared.database.migrations import run_environment

run_environment(metadata)
