"""The certificate of volunteering: in German and, beside it, in the person's language; one page of A4."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.base import LocalizedText
from shared.i18n.formats import format_days, format_duration
from shared.i18n.languages import direction
from shared.typesetting.compiling import TEMPLATES, typeset
from shared.typesetting.qr import qr_svg
from shared.typesetting.said import Said, Section, as_it_is, chosen, composed, in_one_piece, tag, written
from shared.typesetting.words import Words

OFFICIAL: Final = "de"
"""The language that every certificate is in, for whoever it is shown to."""
LONGEST: Final = 120
LONGEST_ROLE: Final = 60
_TEMPLATE: Final = TEMPLATES / "certificate.typ"


@dataclass(frozen=True, slots=True)
class CertificateOf:
    """What was certified. `code` is as it is printed, `address` what the QR code leads to, `page` what people type.

    `picture` is the organisation's logo, a PNG; empty without one.
    """

    name: str
    organisation: LocalizedText
    event_title: LocalizedText
    roles: Sequence[LocalizedText]
    minutes: int
    shifts: int
    first_day: date
    last_day: date
    issued_on: date
    code: str
    address: str
    page: str
    picture: bytes = b""


class CertificateSide(BaseModel):
    """All of it in one language. `place` and `signature` stand below lines to write on."""

    model_config = ConfigDict(frozen=True)

    language: str
    direction: Literal["ltr", "rtl"]
    organisation: Said
    heading: Said
    opening: Said
    sections: list[Section]
    thanks: Said
    issued: Said
    place: Said
    signature: Said
    code_label: Said
    check: Said


class Certificate(BaseModel):
    """What the certificate says; the official side comes first. `picture` is the bytes of a PNG."""

    model_config = ConfigDict(frozen=True)

    name: Said
    sides: list[CertificateSide]
    code: str
    qr: str
    qr_alt: str
    picture: list[int]


def certificate(known: CertificateOf, language: str) -> Certificate:
    """What it says for a person who reads this language; German alone where that is what we write to them in."""
    readers = [OFFICIAL] if tag(Words(language).spoken) == OFFICIAL else [OFFICIAL, language]
    return Certificate(
        name=written(known.name, language, LONGEST),
        sides=[_side(known, reader) for reader in readers],
        code=known.code,
        qr=qr_svg(known.address),
        qr_alt=Words(OFFICIAL).gettext("QR code of the page that checks this certificate").text,
        picture=list(known.picture),
    )


def _side(known: CertificateOf, reader: str) -> CertificateSide:
    words = Words(reader)
    organisation = chosen(known.organisation, reader, LONGEST) or written("", reader)
    issued = in_one_piece(format_days(known.issued_on, known.issued_on, words.spoken))
    return CertificateSide(
        language=tag(words.spoken),
        direction=direction(words.spoken),
        organisation=organisation,
        heading=words.gettext("Certificate of volunteering"),
        opening=words.gettext("We certify that this person has volunteered with us."),
        sections=_sections(known, words),
        thanks=words.gettext("We thank them for their time and their help."),
        issued=composed(issued, words.spoken),
        place=words.gettext("Place and date"),
        signature=words.gettext("Signature and stamp"),
        code_label=words.gettext("Code of the certificate"),
        check=words.gettext(
            "Anyone can check with code, name and hours whether this certificate is genuine: %(address)s",
            address=as_it_is(known.page),
        ),
    )


def _sections(known: CertificateOf, words: Words) -> list[Section]:
    """The facts under their labels."""
    days = in_one_piece(format_days(known.first_day, known.last_day, words.spoken))
    duration = format_duration(known.minutes, words.spoken).replace(" ", "\u00a0")
    shifts = words.ngettext("in %(count)s shift", "in %(count)s shifts", known.shifts)
    facts: list[tuple[Said, list[Said | None]]] = [
        (words.gettext("Hours"), [composed(duration, words.spoken), shifts]),
        (words.gettext("Period"), [composed(days, words.spoken)]),
        (words.gettext("Tasks"), [chosen(role, words.language, LONGEST_ROLE) for role in known.roles]),
        (words.gettext("Event"), [chosen(known.event_title, words.language, LONGEST)]),
    ]
    filled = [(label, [line for line in lines if line]) for label, lines in facts]
    return [Section(label=label, lines=lines) for label, lines in filled if lines]


async def certificate_pdf(known: CertificateOf, language: str) -> bytes:
    """The certificate as PDF. Raises as `shared.typesetting.compiling.typeset` does."""
    return await typeset(_TEMPLATE, certificate(known, language))
