"""Sentences of the pages of swaps; they are translated where they are shown."""

from services.registrations.swaps.model import Outcome
from shared.i18n.catalogues import N_

OUTCOMES = {
    Outcome.DONE: N_("Swapped"),
    Outcome.DECLINED: N_("Declined"),
    Outcome.EXPIRED: N_("Not answered in time"),
    Outcome.IMPOSSIBLE: N_("Not possible any more"),
    Outcome.WITHDRAWN: N_("Taken back"),
}
BADGES = {
    Outcome.DONE: "success",
    Outcome.DECLINED: "danger",
    Outcome.EXPIRED: "danger",
    Outcome.IMPOSSIBLE: "danger",
    Outcome.WITHDRAWN: "info",
}
CHOOSE_TWO = N_("Choose two people in two different shifts that are still to come.")
CANNOT = N_(
    "These two cannot swap. One of them has another shift at that time, is asked about another swap,"
    " or can be reached on paper only."
)
