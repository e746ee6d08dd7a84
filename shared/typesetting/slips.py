"""The slip of paper for somebody without phone and mail: where they stand, where to go, whom to ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.base import LocalizedText
from shared.contracts.events import EventState
from shared.i18n.formats import format_date_time, format_number
from shared.i18n.languages import direction
from shared.typesetting.compiling import TEMPLATES, typeset
from shared.typesetting.event_facts import contact_of, dates_of, place_of, title_of
from shared.typesetting.qr import qr_svg
from shared.typesetting.said import Said, Section, chosen, in_one_piece, on_its_own, tag
from shared.typesetting.words import Words

MOST_DATES: Final = 6
MOST_ACCESS: Final = 400
MOST_NAME: Final = 100
_TEMPLATE: Final = TEMPLATES / "slip.typ"


class Standing(StrEnum):
    """Where a registration stands; another one has no slip."""

    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    OFFERED = "offered"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class SlipOf:
    """A registration as its slip needs it. `address` is the person's own page.

    `code` is what the person says at the door; without one the slip has the event's. `expires_at` is until when an
    offer is good, or by when the organisation answers; `position` goes with the waitlist. `told_by_desk` is that the
    desk comes to the person with what is new. `co_hosts` is who hosts the event with the organisation, by name.
    """

    standing: Standing
    party_size: int
    code: str
    address: str
    position: int | None = None
    expires_at: datetime | None = None
    told_by_desk: bool = False
    co_hosts: Sequence[LocalizedText] = ()


class Slip(BaseModel):
    """What the slip says. `office` is the same in the event's main language, small, for whoever is at the desk."""

    model_config = ConfigDict(frozen=True)

    language: str
    direction: Literal["ltr", "rtl"]
    title: Said
    standing: Said
    more: list[Said]
    sections: list[Section]
    code_label: Said
    code: str
    qr: str
    qr_alt: str
    page: Said
    contact: Section
    office: list[Said]


def slip(event: EventState, registration: SlipOf, language: str, main_language: str) -> Slip:
    """What the slip says in the person's language."""
    words = Words(language)
    place = [*place_of(event, language), *_access(event, language)]
    when = Section(label=words.gettext("When?"), lines=_dates(event, words))
    where = [Section(label=words.gettext("Where?"), lines=place)] if place else []
    return Slip(
        language=tag(language),
        direction=direction(language),
        title=title_of(event, language),
        standing=_standing(registration.standing, words),
        more=[_people(registration, words), *_what_next(event, registration, words)],
        sections=[when, *where, *_together(registration, words)],
        code_label=words.gettext("Your code") if registration.code else words.gettext("Code of the event"),
        code=registration.code or event.code,
        qr=qr_svg(registration.address),
        qr_alt=words.gettext("QR code of your own page").text,
        page=words.gettext("With any phone that reads the QR code you see and change your registration."),
        contact=contact_of(event, language),
        office=[] if tag(main_language) == tag(language) else _for_the_office(event, registration, main_language),
    )


def _dates(event: EventState, words: Words) -> list[Said]:
    """The dates, and whether they hold."""
    dates = dates_of(event, words.language, MOST_DATES)
    if event.status == "postponed":
        return [words.gettext("The new date is not known yet. The event was planned for:"), *dates]
    if not event.previous_starts:
        return dates
    before = in_one_piece(format_date_time(event.previous_starts[-1], words.spoken, event.time_zone))
    moved = words.gettext("This is a new date. The event was planned for %(when)s.", when=on_its_own(before))
    return [*dates, moved]


def _together(registration: SlipOf, words: Words) -> list[Section]:
    names = [chosen(name, words.language, MOST_NAME) for name in registration.co_hosts]
    found = [name for name in names if name]
    return [Section(label=words.gettext("Hosted together with"), lines=found)] if found else []


def _access(event: EventState, language: str) -> list[Said]:
    notes = chosen(event.venue.access_notes, language, MOST_ACCESS) if event.venue else None
    return [notes] if notes else []


def _standing(standing: Standing, words: Words) -> Said:
    if standing == Standing.CONFIRMED:
        return words.gettext("You have a place")
    if standing == Standing.OFFERED:
        return words.gettext("A place is free for you")
    if standing == Standing.PENDING:
        return words.gettext("We keep a place for you")
    return words.gettext("You are on the waitlist")


def _people(registration: SlipOf, words: Words) -> Said:
    size = registration.party_size
    if registration.standing in (Standing.CONFIRMED, Standing.PENDING):
        return words.ngettext("%(count)s person is registered.", "%(count)s people are registered.", size)
    if registration.standing == Standing.OFFERED:
        return words.ngettext("%(count)s person can come.", "%(count)s people can come.", size)
    return words.ngettext("%(count)s person waits.", "%(count)s people wait together.", size)


def _what_next(event: EventState, registration: SlipOf, words: Words) -> list[Said]:
    if registration.standing == Standing.CONFIRMED:
        return [words.gettext("If you cannot come, please tell us, so that someone else can come.")]
    if registration.standing == Standing.OFFERED:
        return [
            _how_long(event, registration, words),
            words.gettext("Call us or come by, and say whether you take it."),
        ]
    if registration.standing == Standing.PENDING:
        return [_decided_by(event, registration, words)]
    if registration.told_by_desk:
        what = words.gettext("When a place is free, we tell you. You need not do anything.")
    else:
        what = words.gettext("Call us or come by, and ask whether a place has become free.")
    if registration.position is None:
        return [what]
    position = format_number(registration.position, words.spoken)
    return [words.gettext("You are number %(position)s on the waitlist.", position=position), what]


def _decided_by(event: EventState, registration: SlipOf, words: Words) -> Said:
    if registration.expires_at is None:
        return words.gettext("The organisation decides, and tells you.")
    until = in_one_piece(format_date_time(registration.expires_at, words.spoken, event.time_zone))
    return words.gettext(
        "The organisation decides who gets this role. It answers you by %(when)s. You need not do anything.",
        when=on_its_own(until),
    )


def _how_long(event: EventState, registration: SlipOf, words: Words) -> Said:
    if event.status == "postponed" or registration.expires_at is None:
        return words.gettext("We keep it for you. You have time to answer until after the new date is known.")
    until = in_one_piece(format_date_time(registration.expires_at, words.spoken, event.time_zone))
    return words.gettext("We keep it for you until %(when)s. Then it goes to the next one.", when=on_its_own(until))


def _for_the_office(event: EventState, registration: SlipOf, main_language: str) -> list[Said]:
    words = Words(main_language)
    return [
        title_of(event, main_language),
        *dates_of(event, main_language, 2),
        _standing(registration.standing, words),
        _people(registration, words),
    ]


async def slip_pdf(event: EventState, registration: SlipOf, language: str, main_language: str) -> bytes:
    """The slip as PDF of one page of A5. Raises as `shared.typesetting.compiling.typeset` does."""
    return await typeset(_TEMPLATE, slip(event, registration, language, main_language))
