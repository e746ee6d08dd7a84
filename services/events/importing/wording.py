"""What the steps of an import are called, in English; the catalogues hold the rest."""

from services.events.importing.planning import Step
from shared.i18n.catalogues import N_

STEPS = {
    Step.NEW: N_("Becomes a draft"),
    Step.CHANGED: N_("The draft is changed"),
    Step.SAME: N_("Is here already"),
    Step.KEPT: N_("Stays as it is here"),
    Step.REFUSED: N_("Is not imported"),
}
STEPS_DONE = {
    Step.NEW: N_("Draft made"),
    Step.CHANGED: N_("Draft changed"),
    Step.SAME: N_("Was here already"),
    Step.KEPT: N_("Left as it is here"),
    Step.REFUSED: N_("Not imported"),
}
BADGES = {
    Step.NEW: "success",
    Step.CHANGED: "success",
    Step.SAME: "info",
    Step.KEPT: "warning",
    Step.REFUSED: "danger",
}
