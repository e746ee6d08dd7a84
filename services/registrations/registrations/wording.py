"""What states, channels and ways of contact are called in the console, in English; the catalogues hold the rest."""

from services.registrations.people.model import Means
from services.registrations.registrations.model import State
from shared.contracts.registrations import Channel
from shared.i18n.catalogues import N_

STATES = {
    State.CONFIRMED: N_("Confirmed"),
    State.PENDING: N_("Waits for your answer"),
    State.OFFERED: N_("Place offered"),
    State.HELD: N_("Answer awaited"),
    State.WAITLISTED: N_("Waitlist"),
    State.CANCELLED: N_("Registration cancelled"),
    State.EXPIRED: N_("Not answered in time"),
}
OWN_STATES = STATES | {State.PENDING: N_("The organisation decides")}
"""What the person reads instead, who is not the one that others wait for."""
BADGES = {
    State.CONFIRMED: "success",
    State.PENDING: "warning",
    State.OFFERED: "info",
    State.HELD: "info",
    State.WAITLISTED: "warning",
    State.CANCELLED: "danger",
    State.EXPIRED: "danger",
}
CHANNELS = {Channel.WEB: N_("Web"), Channel.SMS: N_("SMS"), Channel.DESK: N_("Desk")}
MEANS = {Means.EMAIL: N_("E-mail"), Means.PHONE: N_("SMS"), Means.PAPER: N_("Desk")}
NOT_REACHED = N_("Not reached")
NO_NAME = N_("No name given")
