"""What actions are called, what is said before them, and what came of them: in English, for the catalogues."""

from services.registrations.actions.model import Action, Outcome
from shared.i18n.catalogues import N_

ACTIONS = {
    Action.MOVE_UP: N_("Give a place"),
    Action.PARTY: N_("Change the number of people"),
    Action.NOTE: N_("Write a note"),
    Action.MARK: N_("Mark"),
    Action.UNMARK: N_("Take the mark away"),
    Action.DECLINE: N_("Decline"),
    Action.CANCEL: N_("Cancel the registration"),
}
EXPLANATIONS = {
    Action.MOVE_UP: N_(
        "Who waits gets a place where one is free; who was offered one, or waits for your answer, has it for good."
        " Each person gets a message."
    ),
    Action.PARTY: N_("Each party then has this many people. Each person gets a message."),
    Action.NOTE: N_("Only your organisation's desk and organisers see notes. Nobody gets a message."),
    Action.MARK: N_("Nobody gets a message."),
    Action.UNMARK: N_("Nobody gets a message."),
    Action.DECLINE: N_("For who waits for your answer. Each person gets a message in their language that says why."),
    Action.CANCEL: N_("Each person gets a message. Places that become free are offered to those who wait."),
}
OUTCOMES = {
    Outcome.DONE: N_("Done"),
    Outcome.UNCHANGED: N_("It was so already"),
    Outcome.NO_ROOM: N_("There is no room for the whole party"),
    Outcome.TOO_LARGE: N_("There is no room for so many people"),
    Outcome.ENDED: N_("The registration has ended"),
    Outcome.NOT_ANSWERED: N_("The owner of the number has not answered yet"),
    Outcome.DECIDED: N_("The registration does not wait for your answer"),
    Outcome.NOTE_TOO_LONG: N_("With what stands there, the note would be too long"),
    Outcome.UNKNOWN: N_("This registration is not here"),
}
EMPTY_CHOICE = N_("Tick at least one registration.")
NO_ACTION = N_("Choose one of the answers.")
TOO_LONG = N_("This text is too long. At most %(max_length)s characters fit.")
