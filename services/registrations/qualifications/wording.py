"""What the pages of qualifications say in words."""

from shared.i18n.catalogues import N_

BAD_DAY = N_("Choose a day, or leave the field empty.")
OVER = N_("This day is over. Choose the last day on which the document counts.")
