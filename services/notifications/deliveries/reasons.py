"""Why deliveries fail, in words that help an organiser."""

from shared.i18n.catalogues import N_

REASONS = {
    "no-address": N_("There is no address for this person any more."),
    "address": N_("The address is not valid."),
    "seal-broken": N_("A secret could not be read. Please tell the operators."),
    "no-sms": N_("The number is not a mobile phone."),
    "not-connected": N_("The provider could not be reached. We try again."),
    "no-answer": N_("The provider did not answer. We find out whether it was sent."),
    "lease-lost": N_("Sending was interrupted. We find out whether it was sent."),
    "21211": N_("The number is not valid."),
    "21614": N_("The number is not a mobile phone."),
    "21610": N_("The person has told the provider to stop."),
    "30003": N_("The phone cannot be reached."),
    "30005": N_("The number does not exist."),
    "30006": N_("The number is a landline, or its network takes no SMS."),
    "smtp-550": N_("The mailbox does not exist, or refuses our mail."),
    "smtp-552": N_("The mailbox is full."),
    "smtp-553": N_("The address is not valid."),
}
OTHERWISE = N_("The provider refused it.")


def reason_text(code: str) -> str:
    """The sentence for a code, in English, to be translated where it is shown."""
    return REASONS.get(code, OTHERWISE)
