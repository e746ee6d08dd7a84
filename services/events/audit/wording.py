"""What each kind of change is called. An action without words of its own is shown by its name: nothing is left out."""

from shared.i18n.catalogues import N_

ACTIONS = {
    "organisation.changed": N_("Changed what residents read of the organisation"),
    "organisation.logo-changed": N_("Changed the logo"),
    "member.invited": N_("Invited somebody"),
    "member.invitation-taken-back": N_("Took an invitation back"),
    "member.added": N_("Added a member"),
    "member.role-changed": N_("Changed a member's role"),
    "member.removed": N_("Removed a member"),
    "co-host.invited": N_("Invited an organisation to co-host"),
    "co-host.accepted": N_("Accepted to co-host"),
    "co-host.declined": N_("Declined to co-host"),
    "co-host.changed": N_("Changed what a co-host does or may see"),
    "co-host.left": N_("Left as a co-host"),
    "co-host.ended": N_("Ended a co-hosting"),
    "event.created": N_("Wrote a new event"),
    "event.changed": N_("Changed the event"),
    "event.published": N_("Published the event"),
    "event.postponed": N_("Postponed the event"),
    "event.rescheduled": N_("Gave the event new dates"),
    "event.cancelled": N_("Cancelled the event"),
    "series.begun": N_("Began a series"),
    "series.changed": N_("Changed the rule of a series"),
    "series.ended": N_("Ended a series"),
    "translation.proposed": N_("Proposed a translation"),
    "translation.approved": N_("Approved a translation"),
    "translation.declined": N_("Declined a translation"),
    "check-in.made": N_("Checked a party in"),
    "check-in.changed": N_("Changed how many of a party came"),
    "check-in.undone": N_("Took a check-in back"),
    "walk-ins.counted": N_("Counted people who came without registering"),
}
"""The services' own additions stand below, by noun."""
