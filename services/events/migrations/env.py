import services.events.audit.model
import services.events.co_hosts.model
import services.events.events.model
import services.events.importing.model
import services.events.organisations.model
import services.events.programme.model
import services.events.series.model
import services.events.sign_in.model
import services.events.translations.model  # noqa: F401 - importing a model declares its tables
from services.events.metadata import metadata
from shared.database.migrations import run_environment

run_environment(metadata)
