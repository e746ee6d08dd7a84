"""What the fields, kinds and states of an event are called, in English; the catalogues hold the rest."""

from services.events.events.overview import Need, Show
from services.events.organisations.model import OrganisationKind
from shared.contracts.events import Kind
from shared.i18n.catalogues import N_
from shared.web.pages import endonym
from shared.web.reader import Reader

KINDS = {
    Kind.WORKSHOP: N_("Workshop"),
    Kind.COURSE: N_("Course"),
    Kind.PARTICIPATION: N_("Have your say"),
    Kind.VOLUNTEERING: N_("Volunteering"),
}
ORGANISATION_KINDS = {
    OrganisationKind.AUTHORITY: N_("Public office"),
    OrganisationKind.ASSOCIATION: N_("Welfare association"),
    OrganisationKind.SELF_ORGANISATION: N_("Migrant self-organisation"),
    OrganisationKind.INITIATIVE: N_("Volunteer initiative"),
}
STATES = {
    "draft": N_("Draft"),
    "published": N_("Published"),
    "postponed": N_("Postponed"),
    "cancelled": N_("Cancelled"),
}
BADGES = {"draft": "warning", "published": "success", "postponed": "warning", "cancelled": "danger"}
SHOWS = {
    Show.ALL: N_("All"),
    Show.NEED: N_("Need for action"),
    Show.UPCOMING: N_("To come"),
    Show.PAST: N_("Over"),
    Show.DRAFTS: N_("Drafts"),
}
NEEDS = {
    Need.DRAFT_OVER: N_("Not published, and its date is over"),
    Need.DRAFT_SOON: N_("Not published, and it begins soon"),
    Need.POSTPONED: N_("Postponed, without a new date"),
    Need.OVERBOOKED: N_("More people than places"),
    Need.WAITING: N_("People wait while places are free"),
}

FIELDS = {
    "title": N_("Title"),
    "text": N_("What happens at the event?"),
    "access_notes": N_("How do people get in?"),
    "contact_hours": N_("When can the contact be reached?"),
    "starts": N_("Start"),
    "ends": N_("End"),
    "reason": N_("Why does the event not take place?"),
    "postponed": N_("Why is the event postponed?"),
    "organisation": N_("Organisation"),
    "kind": N_("What is it?"),
    "main_language": N_("Main language"),
    "time_zone": N_("Time zone"),
    "venue_name": N_("Place"),
    "venue_address": N_("Address"),
    "online_link": N_("Online link"),
    "spoken_languages": N_("Which languages are spoken?"),
    "capacity": N_("How many people can come?"),
    "largest_party": N_("How many people can one person register at most?"),
    "registration_opens_at": N_("Registration begins"),
    "registration_closes_at": N_("Registration ends"),
    "contact_name": N_("Who answers questions?"),
    "contact_email": N_("E-mail of the contact"),
    "contact_phone": N_("Phone of the contact"),
    "contact_languages": N_("Which languages does the contact speak?"),
    "code": N_("Code for SMS"),
    "roles": N_("Roles"),
    "shifts": N_("Shifts"),
}


def field_label(field: str, reader: Reader) -> str:
    """What a field of the form is called; that of one language or date says which."""
    name, _, part = field.partition("-")
    label = reader.gettext(FIELDS.get(name, name))
    if not part:
        return label
    if part.isdecimal():
        return reader.gettext("Date %(number)s: %(field)s", number=part, field=label)
    return reader.gettext("%(field)s (%(language)s)", field=label, language=endonym(part))


def value_text(field: str, value: str, reader: Reader) -> str:
    """What a field of the form holds, as people read it: names for codes, and a space in dates."""
    if field == "kind" and value in KINDS:
        return reader.gettext(KINDS[Kind(value)])
    if field == "main_language" or field.endswith("_languages"):
        return ", ".join(map(endonym, value.split()))
    is_moment = field.startswith(("starts-", "ends-", "registration_"))
    return value.replace("T", " ") if is_moment else value
