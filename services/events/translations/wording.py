"""What the pages of translations say in words."""

from services.events.translations.model import State
from shared.i18n.catalogues import N_

STATES = {
    State.OPEN: (N_("Waits for the host"), "info"),
    State.APPROVED: (N_("Approved"), "success"),
    State.DECLINED: (N_("Declined"), "warning"),
}
HOST_STATES = STATES | {State.OPEN: (N_("Waits for you"), "warning")}
"""The same, as the host reads it."""
TAKEN = N_("Another organisation's translation into this language waits already. You can read it through.")
MEANWHILE = N_("Somebody changed this a moment ago. Look at it as it is now, then do this again.")
SAME_WORDS = N_("The event says this already. Change something, or leave it as it is.")
OWN_WORDS = N_("Somebody else has to read through what you wrote yourself.")
NOT_OPEN = N_("No translation waits here any more.")
NOT_COMPLETE = N_("Something is missing in the event. Edit it first, then approve the translation.")
CANCELLED = N_("A cancelled event cannot be changed any more.")
