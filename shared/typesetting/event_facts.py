"""What the sheets of one event have in common: its title, its dates and its place."""

from collections.abc import Sequence

from shared.contracts.events import EventState, Session
from shared.i18n.formats import format_range
from shared.typesetting.contact import contact_section
from shared.typesetting.said import Said, Section, chosen, composed, in_one_piece, written
from shared.typesetting.words import Words


def title_of(event: EventState, language: str) -> Said:
    """The event's title for a reader of the language."""
    return chosen(event.title, language, 120) or written(event.code, language)


def date_of(event: EventState, session: Session, language: str) -> Said:
    """One date, from when to when, in the event's time zone."""
    text = format_range(session.starts_at, session.ends_at, language, event.time_zone)
    return composed(in_one_piece(text), language)


def dates_of(event: EventState, language: str, most: int) -> list[Said]:
    """The first dates, and how many more there are."""
    sessions: Sequence[Session] = event.sessions
    shown = sessions if len(sessions) <= most else sessions[: most - 1]
    lines = [date_of(event, session, language) for session in shown]
    if more := len(sessions) - len(shown):
        lines.append(Words(language).ngettext("and %(count)s more date", "and %(count)s more dates", more))
    return lines


def place_of(event: EventState, language: str) -> list[Said]:
    """Name and address of the place; for an online event that it is online."""
    parts = (event.venue.name, event.venue.address) if event.venue else ()
    lines = [written(part, language, 200) for part in parts if part]
    if event.online_link:
        lines.append(Words(language).gettext("Online"))
    return lines


def contact_of(event: EventState, language: str) -> Section:
    """Whom to ask."""
    contact = event.contact
    return contact_section(
        language,
        name=contact.name,
        phone=contact.phone or "",
        email=contact.email or "",
        languages=contact.languages,
        hours=contact.hours,
    )
