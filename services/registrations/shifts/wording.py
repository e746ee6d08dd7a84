"""What the pages of shifts say in words."""

from shared.i18n.catalogues import N_

COMING = {
    "comes": (N_("is coming"), "success"),
    "open": (N_("no answer yet"), "warning"),
    "not-asked": (N_("not asked"), "info"),
}
"""What the plan says of somebody's answer to the question before a shift."""
CHOOSE = N_("Choose at least one shift.")
TOO_MANY = N_("Choose at most %(most)s shifts at once. You can sign up for more afterwards.")
AT_ONE_TIME = N_("These two are at the same time: %(one)s; %(other)s. Choose one of them.")
NOT_FREE = N_("There is no place left: %(what)s. Choose another one, or take the shifts that are free.")
NOT_ALL = N_("Not all of these shifts can be taken together. Choose other ones, or take those that are free.")
NOT_OPEN = N_("Nobody can sign up for this shift any more: %(what)s.")
ELSEWHERE = N_("You have another shift at this time: %(what)s. We have written to you which one.")
