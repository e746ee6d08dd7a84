"""Why somebody does not get a role: what a coordinator chooses from, and what the person reads."""

from shared.contracts.registrations import DeclineReason
from shared.i18n.catalogues import N_

SENTENCES = {
    DeclineReason.OTHERS: N_("Others were chosen for this role this time."),
    DeclineReason.CERTIFICATE: N_("A certificate that this role needs is missing."),
    DeclineReason.LANGUAGE: N_("This role needs another language."),
    DeclineReason.AGE: N_("This role is for older people."),
    DeclineReason.CHANGED: N_("This role is not needed any more."),
    DeclineReason.ASK: N_("Please ask us: we would like to tell you ourselves."),
    DeclineReason.NO_ANSWER: N_("We are sorry: nobody answered you in time."),
}
REASONS = {reason: sentence for reason, sentence in SENTENCES.items() if reason is not DeclineReason.NO_ANSWER}
"""What a coordinator can say."""


def why(reason: str | None) -> str:
    """The sentence for a reason as it is kept; empty for none."""
    return SENTENCES[DeclineReason(reason)] if reason else ""
