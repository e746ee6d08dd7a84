"""The attendance list of one session: who is expected, and room for a signature."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.events import EventState, Session
from shared.i18n.formats import format_number
from shared.i18n.languages import direction
from shared.typesetting.compiling import TEMPLATES, TooLargeError, typeset
from shared.typesetting.event_facts import date_of, place_of, title_of
from shared.typesetting.said import Said, tag, written
from shared.typesetting.words import Words

MOST_PARTIES: Final = 2_500
"""What one file holds; it takes about 300 MB and two seconds. Who has more asks for the rest with `first_number`."""
_TEMPLATE: Final = TEMPLATES / "attendance.typ"


@dataclass(frozen=True, slots=True)
class Attending:
    """A party: the name if one was given, how many people they are, and the code they say at the door."""

    name: str
    party_size: int
    code: str


class AttendanceRow(BaseModel):
    """One line of the list."""

    model_config = ConfigDict(frozen=True)

    number: str
    name: Said
    named: bool
    party_size: str
    code: str


class AttendanceList(BaseModel):
    """The whole list. `page` is the sentence with `{page}` and `{pages}` in it."""

    model_config = ConfigDict(frozen=True)

    language: str
    direction: Literal["ltr", "rtl"]
    heading: Said
    title: Said
    lines: list[Said]
    columns: list[Said]
    rows: list[AttendanceRow]
    nobody: Said
    page: Said


def attendance_list(
    event: EventState, session: Session, parties: Iterable[Attending], language: str, *, first_number: int = 1
) -> AttendanceList:
    """What the list says, in the order of the parties. Raises TooLargeError past MOST_PARTIES."""
    words = Words(language)
    unnamed = words.gettext("no name given")
    rows = [_row(number, party, unnamed, language) for number, party in enumerate(parties, first_number)]
    if len(rows) > MOST_PARTIES:
        raise TooLargeError(_TEMPLATE.name)
    people = sum(int(row.party_size) for row in rows)
    counted = words.ngettext("%(count)s person is registered.", "%(count)s people are registered.", people)
    return AttendanceList(
        language=tag(language),
        direction=direction(language),
        heading=words.gettext("Attendance list"),
        title=title_of(event, language),
        lines=[date_of(event, session, language), *place_of(event, language), counted],
        columns=[
            words.gettext("No."),
            words.gettext("Name"),
            words.gettext("People"),
            words.gettext("Code"),
            words.gettext("Signature"),
        ],
        rows=rows,
        nobody=words.gettext("Nobody is registered."),
        page=words.gettext("Page %(page)s of %(pages)s", page="{page}", pages="{pages}"),
    )


def _row(number: int, party: Attending, unnamed: Said, language: str) -> AttendanceRow:
    named = bool(party.name.strip())
    return AttendanceRow(
        number=format_number(number, language),
        name=written(party.name, language) if named else unnamed,
        named=named,
        party_size=str(party.party_size),
        code=party.code,
    )


async def attendance_pdf(
    event: EventState, session: Session, parties: Iterable[Attending], language: str, *, first_number: int = 1
) -> bytes:
    """The list as PDF. Raises as `shared.typesetting.compiling.typeset` does."""
    return await typeset(_TEMPLATE, attendance_list(event, session, parties, language, first_number=first_number))
