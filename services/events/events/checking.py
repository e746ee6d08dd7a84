"""What an event lacks before people can be invited to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from services.events.events.drafting import EventContent
from shared.i18n.catalogues import N_

TEXT = N_("Say what happens at the event, in the main language.")
SESSIONS = N_("Say when the event takes place.")
PAST = N_("The first date is over already.")
PLACE = N_("Say where the event takes place, or give an online link.")
ACCESS = N_("Say how people get in: steps, lift, toilet. Write it in the main language.")
SPOKEN = N_("Say which languages are spoken at the event.")
CAPACITY = N_("Say how many people can come.")
PARTY = N_("The largest group must not be larger than the number of places.")
CLOSED = N_("Registration ends in the past.")
STAFFING = N_("Say who is needed in each shift.")
CONTACT = N_("Name a contact: an office or a role.")
REACHED = N_("Give an e-mail address or a phone number of the contact.")
CONTACT_LANGUAGES = N_("Say which languages the contact speaks.")
HOURS = N_("Say when the contact can be reached, in the main language.")


@dataclass(frozen=True)
class Missing:
    """One thing that is missing: the field of the form, and an English sentence that the catalogues know."""

    field: str
    message: str


class IncompleteError(Exception):
    """The event cannot be public as it is."""

    def __init__(self, missing: list[Missing]) -> None:
        super().__init__(", ".join(part.field for part in missing))
        self.missing = missing


def what_is_missing(content: EventContent, now: datetime) -> list[Missing]:
    """Everything that keeps the event from being published now, in the order of the form."""
    return [*_lacking(content), *_too_late(content, now)]


def refuse_incomplete(content: EventContent) -> None:
    """Raises IncompleteError for what no public event may lack, whenever it takes place."""
    if missing := list(_lacking(content)):
        raise IncompleteError(missing)


def _lacking(content: EventContent) -> Iterator[Missing]:
    if any(not shift.staffing for shift in content.shifts):
        yield Missing("shifts", STAFFING)
    language = content.main_language
    words = content.words[language]
    has_venue = bool(content.venue_name or content.venue_address)
    wanted = (
        (words.text, f"text-{language}", TEXT),
        (content.sessions, "starts-1", SESSIONS),
        (has_venue or content.online_link, "venue_name", PLACE),
        (words.access_notes or not has_venue, f"access_notes-{language}", ACCESS),
        (content.spoken_languages, "spoken_languages", SPOKEN),
        (content.capacity is not None, "capacity", CAPACITY),
        (not content.capacity or content.largest_party <= content.capacity, "largest_party", PARTY),
        (content.contact_name, "contact_name", CONTACT),
        (content.contact_email or content.contact_phone, "contact_phone", REACHED),
        (content.contact_languages, "contact_languages", CONTACT_LANGUAGES),
        (words.contact_hours, f"contact_hours-{language}", HOURS),
    )
    yield from (Missing(field, message) for there, field, message in wanted if not there)


def _too_late(content: EventContent, now: datetime) -> Iterator[Missing]:
    if content.sessions and content.sessions[0].starts_at <= now:
        yield Missing("starts-1", PAST)
    if content.registration_closes_at and content.registration_closes_at <= now:
        yield Missing("registration_closes_at", CLOSED)
