"""What organisations, roles and co-hosts are called, for every page that names them."""

from shared.contracts.events import CoHostRole, Scope
from shared.contracts.organisations import Role
from shared.i18n.catalogues import N_

ROLES = {
    Role.OWNER.value: (N_("Owner"), N_("May do everything, and decides who belongs to the organisation.")),
    Role.ORGANISER.value: (N_("Organiser"), N_("Makes and runs events.")),
    Role.DESK.value: (N_("Desk"), N_("Registers people, checks them in, and sees who comes.")),
    Role.VIEWER.value: (N_("Viewer"), N_("Sees events and figures, no names.")),
}
CO_HOST_ROLES = {
    CoHostRole.PARTNER.value: N_("Partner"),
    CoHostRole.SUPPORTER.value: N_("Supporter"),
    CoHostRole.VENUE.value: N_("Gives the room"),
    CoHostRole.INTERPRETING.value: N_("Interprets"),
}
SCOPES = {
    Scope.NOTHING.value: (N_("Nothing"), N_("It sees nothing of the participants.")),
    Scope.COUNTS.value: (N_("Numbers"), N_("It sees how many people come, no names.")),
    Scope.NAMES.value: (N_("Names"), N_("It sees the names of those who agree to it.")),
    Scope.CONTACT.value: (
        N_("Names and how to reach people"),
        N_("It sees names and e-mail addresses or phone numbers of those who agree to it."),
    ),
}
