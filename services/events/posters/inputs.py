"""What a poster or a hand-out of an event says, in one language or in two side by side."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.events.events.queries import WholeEvent
from services.events.programme.queries import Registration, registration_state
from shared.i18n.formats import format_date_time, format_range
from shared.i18n.languages import LANGUAGES, direction
from shared.typesetting.contact import contact_section, readable_number
from shared.typesetting.qr import qr_svg
from shared.typesetting.said import (
    Said,
    Section,
    as_it_is,
    chosen,
    composed,
    endonyms,
    in_one_piece,
    on_its_own,
    paragraphs,
    tag,
    written,
)
from shared.typesetting.words import Words
from shared.web.shown import pick

MOST_DATES = 6
MOST_HOSTS = 6
_MOST_ACCESS = 320


class Format(StrEnum):
    """What is printed. Hand-outs are cut from a page of A4: two of A5, four of A6."""

    POSTER_A4 = "poster-a4"
    POSTER_A3 = "poster-a3"
    HANDOUT_A5 = "handout-a5"
    HANDOUT_A6 = "handout-a6"


class Column(BaseModel):
    """All that is said in one language. `call` is the sentence with the code for SMS."""

    model_config = ConfigDict(frozen=True)

    language: str
    direction: Literal["ltr", "rtl"]
    title: Said
    when: Section
    facts: list[Section]
    call: Said
    how: list[Said]
    contact: Section
    hosts: Section
    address_alt: str


class Poster(BaseModel):
    """One or two columns, from left to right where they are written so. `title`, `language` are the document's."""

    model_config = ConfigDict(frozen=True)

    format: Format
    title: str
    language: str
    direction: Literal["ltr", "rtl"]
    columns: list[Column]
    qr: str


def languages_of(event: WholeEvent) -> list[str]:
    """The languages that the event can be printed in: those that have its title, its main language first."""
    return [code for code in event.texts("title") if code in LANGUAGES]


def poster(
    event: WholeEvent,
    kind: Format,
    languages: Sequence[str],
    *,
    url: str,
    sms_number: str,
    now: datetime,
) -> Poster:
    """What a sheet of the event says. `languages` are one or two, `url` is the event's page."""
    ordered = _from_the_left(languages)
    columns = [_column(event, language, url=url, sms_number=sms_number, now=now) for language in ordered]
    first = languages[0]
    return Poster(
        format=kind,
        title=pick(event.texts("title"), first).text,
        language=tag(first),
        direction=direction(ordered[0]),
        columns=columns,
        qr=qr_svg(url),
    )


def _from_the_left(languages: Sequence[str]) -> list[str]:
    """Of two languages the one that is written from the right stands on the right, for each to begin at its edge."""
    if len({direction(code) for code in languages}) == 1:
        return list(languages)
    return sorted(languages, key=lambda code: direction(code) == "rtl")


def _column(event: WholeEvent, language: str, *, url: str, sms_number: str, now: datetime) -> Column:
    row, words = event.row, Words(language)
    title = chosen(event.texts("title"), language, 120)
    number = as_it_is(readable_number(sms_number))
    names = [event.organisation.name, *(co_host.organisation.name for co_host in event.co_hosts)][:MOST_HOSTS]
    return Column(
        language=tag(language),
        direction=direction(language),
        title=title or written(row.code, language),
        when=Section(label=words.gettext("When?"), lines=_dates(event, words)),
        facts=_facts(event, words),
        call=words.gettext("Text %(code)s to %(number)s", code=as_it_is(row.code), number=number),
        how=_how(event, words, now),
        contact=contact_section(
            language,
            name=row.contact_name,
            phone=row.contact_phone,
            email=row.contact_email,
            languages=row.contact_languages,
            hours=event.texts("contact_hours"),
        ),
        hosts=Section(
            label=words.gettext("Organised by"),
            lines=[found for name in names if (found := chosen(name, language, 100))],
        ),
        address_alt=words.gettext("QR code of the page %(address)s", address=url).text,
    )


def _dates(event: WholeEvent, words: Words) -> list[Said]:
    zone, sessions = event.row.time_zone, event.sessions
    shown = sessions if len(sessions) <= MOST_DATES else sessions[: MOST_DATES - 1]
    lines = [
        composed(in_one_piece(format_range(session.starts_at, session.ends_at, words.language, zone)), words.language)
        for session in shown
    ]
    if more := len(sessions) - len(shown):
        lines.append(words.ngettext("and %(count)s more date", "and %(count)s more dates", more))
    return lines


def _facts(event: WholeEvent, words: Words) -> list[Section]:
    row, language = event.row, words.language
    place = [written(part, language, 200) for part in (row.venue_name, row.venue_address) if part]
    if row.online_link:
        place.append(words.gettext("Online. You get the link after you have registered."))
    access = paragraphs(event.texts("access_notes"), language, _MOST_ACCESS)
    spoken = endonyms(row.spoken_languages)
    facts = [
        (words.gettext("Where?"), place),
        (words.gettext("How do you get in?"), access if row.venue_name or row.venue_address else []),
        (words.gettext("Which languages are spoken?"), [composed(spoken, language)] if spoken else []),
    ]
    return [Section(label=label, lines=lines) for label, lines in facts if lines]


def _how(event: WholeEvent, words: Words, now: datetime) -> list[Said]:
    """How and until when people register; the code for SMS stands above it."""
    row, zone, spoken = event.row, event.row.time_zone, words.spoken
    lines = [words.gettext("Or scan the code with your phone and register there.")]
    if row.registration_opens_at and registration_state(event, now) == Registration.NOT_YET:
        when = on_its_own(in_one_piece(format_date_time(row.registration_opens_at, spoken, zone)))
        lines.append(words.gettext("You can register from %(when)s.", when=when))
    if row.registration_closes_at:
        when = on_its_own(in_one_piece(format_date_time(row.registration_closes_at, spoken, zone)))
        lines.append(words.gettext("You can register until %(when)s.", when=when))
    lines.append(words.gettext("It costs nothing, and you need no account."))
    return lines
