"""The slip of paper for somebody without phone and mail: where they stand, where to go, whom to ask."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.events import EventState
from shared.i18n.formats import format_date_time, format_number
from shared.i18n.languages import direction
from shared.typesetting.compiling import TEMPLATES, typeset
from shared.typesetting.event_facts import contact_of, dates_of, place_of, title_of
from shared.typesetting.qr import qr_svg
from shared.typesetting.said import Said, Section, in_one_piece, on_its_own, tag
from shared.typesetting.words import Words

MOST_DATES: Final = 6
_TEMPLATE: Final = TEMPLATES / "slip.typ"


class Standing(StrEnum):
    """Where a registration stands; another one has no slip."""

    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    OFFERED = "offered"


@dataclass(frozen=True, slots=True)
class SlipOf:
    """A registration as its slip needs it. `code` is what the person says at the door, `address` their own page.

    `expires_at` goes with an offer, `position` with the waitlist.
    """

    standing: Standing
    party_size: int
    code: str
    address: str
    position: int | None = None
    expires_at: datetime | None = None


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
    place = place_of(event, language)
    when = Section(label=words.gettext("When?"), lines=dates_of(event, language, MOST_DATES))
    where = [Section(label=words.gettext("Where?"), lines=place)] if place else []
    return Slip(
        language=tag(language),
        direction=direction(language),
        title=title_of(event, language),
        standing=_standing(registration.standing, words),
        more=[_people(registration, words), *_what_next(event, registration, words)],
        sections=[when, *where],
        code_label=words.gettext("Your code"),
        code=registration.code,
        qr=qr_svg(registration.address),
        qr_alt=words.gettext("QR code of your own page").text,
        page=words.gettext("With this you see and change your registration, on any phone or computer."),
        contact=contact_of(event, language),
        office=[] if tag(main_language) == tag(language) else _for_the_office(event, registration, main_language),
    )


def _standing(standing: Standing, words: Words) -> Said:
    if standing == Standing.CONFIRMED:
        return words.gettext("You have a place")
    if standing == Standing.OFFERED:
        return words.gettext("A place is free for you")
    return words.gettext("You are on the waitlist")


def _people(registration: SlipOf, words: Words) -> Said:
    size = registration.party_size
    if registration.standing == Standing.CONFIRMED:
        return words.ngettext("%(count)s person is registered.", "%(count)s people are registered.", size)
    if registration.standing == Standing.OFFERED:
        return words.ngettext("%(count)s person can come.", "%(count)s people can come.", size)
    return words.ngettext("%(count)s person waits.", "%(count)s people wait together.", size)


def _what_next(event: EventState, registration: SlipOf, words: Words) -> list[Said]:
    if registration.standing == Standing.CONFIRMED:
        return [words.gettext("If you cannot come, please tell us, so that someone else can come.")]
    if registration.standing == Standing.OFFERED and registration.expires_at:
        until = in_one_piece(format_date_time(registration.expires_at, words.spoken, event.time_zone))
        kept = words.gettext("We keep it for you until %(when)s. Then it goes to the next one.", when=on_its_own(until))
        return [kept, words.gettext("Call us or come by, and say whether you take it.")]
    asked = words.gettext("Call us or come by, and ask whether a place has become free.")
    if registration.position is None:
        return [asked]
    position = format_number(registration.position, words.spoken)
    return [words.gettext("You are number %(position)s on the waitlist.", position=position), asked]


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
