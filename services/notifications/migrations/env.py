import services.notifications.contacts.model
import services.notifications.deliveries.model
import services.notifications.events.model
import services.notifications.mailbox.model
import services.notifications.optouts.model
import services.notifications.sms.model  # noqa: F401 - importing a model declares its tables
from services.notifications.metadata import metadata
from shared.database.migrations import run_environment

run_environment(metadata)
