"""What the pages of shifts say in words."""

from shared.i18n.catalogues import N_

LABELS = {
    "name": N_("What is the role called?"),
    "notes": N_("What is good to know?"),
    "certificate": N_("Which certificate is needed?"),
    "qualification": N_("What will you look at?"),
    "languages": N_("Which languages does one have to speak?"),
    "least_age": N_("How old does one have to be?"),
    "answer_within": N_("Who decides who gets the role?"),
    "starts_at": N_("Start"),
    "ends_at": N_("End"),
    "place": N_("Where, if not simply at the event's place?"),
    "least": N_("At least"),
    "wanted": N_("Wanted"),
    "most": N_("At most"),
}
HOURS = (24, 48, 72, 120, 168, 336)
"""What a coordinator can promise, from a day to two weeks."""
MEANWHILE = N_("Somebody changed this a moment ago. Look at it as it is now, then do this again.")
FIXED = N_("The event is published, and people may have signed up. Set “at most” to 0 to take nobody any more.")
PAST = N_("This would be in the past. Choose a time that is still to come.")
CANCELLED = N_("A cancelled event cannot be changed any more.")
NO_DATES = N_("The first shift must not be over.")
