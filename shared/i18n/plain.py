"""Text as people type and paste it, made fit to be kept, shown and sent.

What nobody sees goes: control characters, which PostgreSQL (NUL), XML and mail headers refuse, halves of surrogate
pairs, and marks that turn the direction of what stands beside them (Unicode TR 36 §2.2, TR 9 §2). The joiners U+200C
and U+200D stay: Persian, Kurdish and emoji are written with them.
"""

import re
import unicodedata
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

_LINE_ENDS: Final = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_BLANKS: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_JOINERS: Final = "\u200c\u200d"
_UNSEEN: Final = re.compile("[\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def lines(text: str) -> str:
    """The text with each line break as one line feed, without what is not seen, and without blanks around it."""
    if text.isascii() and text.isprintable():
        return text.strip()
    seen = _UNSEEN.sub("", _LINE_ENDS.sub("\n", text))
    kept = "".join(c for c in seen if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"}).strip()
    return kept if kept.strip(_JOINERS + " \t\n") else ""


def one_line(text: str) -> str:
    """The text on one line, with single blanks, without what is not seen."""
    return lines(_BLANKS.sub(" ", text))


def _lines_of(value: Any) -> Any:
    return lines(value) if isinstance(value, str) else value


def _line_of(value: Any) -> Any:
    return one_line(value) if isinstance(value, str) else value


AS_LINES: Final = BeforeValidator(_lines_of)
AS_ONE_LINE: Final = BeforeValidator(_line_of)
"""To stand behind the constraints of a field, which then see the text as it is kept, and speak of it as a text."""

Lines = Annotated[str, AS_LINES]
"""A field of a model that holds paragraphs."""

OneLine = Annotated[str, AS_ONE_LINE]
"""A field of a model that holds one line."""
