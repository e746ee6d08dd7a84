"""Sentences of the pages of hours; they are translated where they are shown."""

from shared.i18n.catalogues import N_

NOT_HOURS = N_("Write hours and minutes, for example 3:30.")
SIGNED_OFF = N_("These hours were signed off already. If they are wrong, ask the organisation.")
NONE = N_("The hours of this shift cannot be written down now.")
