"""What a text becomes on its way to a phone: GSM 03.38 septets or UCS-2 units, in one or more segments.

Sources: 3GPP TS 23.038 §6.2.1 (default alphabet and extension table), TS 23.040 §9.2.3.24.1 (the header of a
concatenated message takes 7 septets or 3 UCS-2 units from each segment).
"""

import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from shared.i18n.languages import direction

Encoding = Literal["GSM-7", "UCS-2"]

GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")

#: Invisible characters that our own texts never send: each costs a unit, and some phones show it as a box.
FORBIDDEN: Final = frozenset(
    map(chr, (0x00AD, 0x061C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF))
)
_ZERO_WIDTH_NON_JOINER: Final = "\u200c"
_SPACES: Final = (0x00A0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)

_INVISIBLE: Final = str.maketrans(dict.fromkeys(FORBIDDEN, ""))
_PLAIN: Final = _INVISIBLE | str.maketrans(
    dict.fromkeys("„“”‟«»″", '"')
    | dict.fromkeys("‘’‚‛‹›′ʼ", "'")
    | dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys(map(chr, _SPACES), " ")
    | dict.fromkeys("•·", "*")
    | {"…": "..."}
)

_SINGLE: Final[dict[Encoding, int]] = {"GSM-7": 160, "UCS-2": 70}
_CONCATENATED: Final[dict[Encoding, int]] = {"GSM-7": 153, "UCS-2": 67}


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text costs: segments, septets or UCS-2 units, and how many of these are free in the last one."""

    count: int
    encoding: Encoding
    units: int
    units_left: int


def plain_typography(text: str) -> str:
    """The text with plain quotes, hyphens, spaces and dots and without invisible characters; letters stay."""
    return unicodedata.normalize("NFC", text).translate(_PLAIN)


def fold(text: str, language: str) -> str:
    """The text as we send it: in the GSM alphabet if plain typography is enough for that, else as it stands.

    Letters are never replaced: a Turkish ş or a Polish ł makes the message UCS-2, where typography costs
    nothing and stays. Invisible characters go in either case; the zero-width non-joiner, which parts words in
    Persian, becomes the space that people type in its place.
    """
    if direction(language) == "rtl":
        text = text.replace(_ZERO_WIDTH_NON_JOINER, " ")
    plain = plain_typography(text)
    return plain if encoding_of(plain) == "GSM-7" else unicodedata.normalize("NFC", text).translate(_INVISIBLE)


def encoding_of(text: str) -> Encoding:
    """GSM-7 if every character is in the default alphabet or its extension table, else UCS-2."""
    return "GSM-7" if GSM_BASIC.issuperset(set(text) - GSM_EXTENSION) else "UCS-2"


def _cost(character: str, encoding: Encoding) -> int:
    """The septets or UCS-2 units of one character, which must stay together."""
    return 2 if (character in GSM_EXTENSION if encoding == "GSM-7" else ord(character) > 0xFFFF) else 1


def split(text: str) -> list[str]:
    """The parts in which the text travels, none for an empty text; a phone shows them joined."""
    encoding = encoding_of(text)
    costs = [_cost(character, encoding) for character in text]
    if sum(costs) <= _SINGLE[encoding]:
        return [text] if text else []
    parts, used = [""], 0
    for character, cost in zip(text, costs, strict=True):
        if used + cost > _CONCATENATED[encoding]:
            parts.append("")
            used = 0
        parts[-1] += character
        used += cost
    return parts


def segments(text: str) -> Segments:
    """What sending exactly this text costs; fold it first. No extension or surrogate pair is ever split."""
    encoding, parts = encoding_of(text), split(text)
    units = [sum(_cost(character, encoding) for character in part) for part in parts]
    room = (_CONCATENATED if len(parts) > 1 else _SINGLE)[encoding]
    return Segments(len(parts), encoding, sum(units), room - (units[-1] if units else 0))
