"""Texts as sheets hold them: with language and direction, cleaned, and never longer than their place."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from shared.i18n.languages import LANGUAGES, direction
from shared.i18n.plain import lines, one_line
from shared.web.shown import pick

_LONG_WORD: Final = re.compile(r"\S{31,}")
_AFTER_MINUTES: Final = re.compile(r"(?<=:\d\d) (?=\S)")
_AFTER_DAY: Final = re.compile(r"(?<!\d)(\d{1,2}\.?) (?=[^\W\d])")
_PIECE: Final = 20
_MAY_BREAK: Final = "\u200b"
_JOINED: Final = {"Mn", "Mc", "Me", "Cf"}


class Said(BaseModel):
    """A text. `language` is for screen readers, a primary tag of BCP 47; `direction` is how it is written."""

    model_config = ConfigDict(frozen=True)

    text: str
    language: str
    direction: Literal["ltr", "rtl"]


class Section(BaseModel):
    """Lines under a label."""

    model_config = ConfigDict(frozen=True)

    label: Said
    lines: list[Said]


def said(text: str, language: str, most: int = 200) -> Said:
    """A text in a language that is known, on one line."""
    return Said(text=fitted(one_line(text), most), language=tag(language), direction=direction(language))


def composed(text: str, language: str) -> Said:
    """A text of our own making, whose parts are clean and marked by `as_it_is` and `on_its_own`."""
    return Said(text=text, language=tag(language), direction=direction(language))


def written(text: str, language: str, most: int = 80) -> Said:
    """A text whose language nobody knows, such as a name: written in the direction of its first letter."""
    strong = next((kind for kind in map(unicodedata.bidirectional, text) if kind in {"L", "R", "AL"}), None)
    towards: Literal["ltr", "rtl"] = direction(language) if strong is None else "ltr" if strong == "L" else "rtl"
    return Said(text=fitted(one_line(text), most), language=tag(language), direction=towards)


def chosen(texts: Mapping[str, str], language: str, most: int = 200) -> Said | None:
    """Of a text in several languages the one that fits a reader best; None if there is none."""
    if not any(text.strip() for text in texts.values()):
        return None
    shown = pick(texts, language)
    return said(shown.text, shown.language, most)


def paragraphs(texts: Mapping[str, str], language: str, most: int) -> list[Said]:
    """The same, line by line, and `most` letters in all."""
    if not any(text.strip() for text in texts.values()):
        return []
    shown = pick(texts, language)
    kept = fitted(lines(shown.text), most)
    return [said(line, shown.language, len(line)) for line in kept.split("\n") if line.strip()]


def tag(language: str) -> str:
    """What a screen reader knows the language by: Leichte Sprache is German to it."""
    return language.partition("-")[0]


def fitted(text: str, most: int) -> str:
    """The text, cut off visibly where it is too long; a word that fits no line may break."""
    return _LONG_WORD.sub(lambda word: _MAY_BREAK.join(_pieces(word[0])), _cut(text, most))


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    end = most - 1
    while end and unicodedata.category(text[end]) in _JOINED:
        end -= 1
    return text[: end or most - 1].rstrip() + "…"


def _pieces(word: str) -> Iterable[str]:
    return (word[start : start + _PIECE] for start in range(0, len(word), _PIECE))


def as_it_is(text: str) -> str:
    """What is written left to right, and on one line, in every sentence: a code, a number, an address."""
    joined = text.replace(" ", "\u00a0")
    return f"\u2066{joined}\u2069"


def in_one_piece(text: str) -> str:
    """Dates and times that no line ends within: at a dash, after the day, or between a time and its o'clock."""
    joined = _AFTER_MINUTES.sub("\u00a0", text.replace("–", "\u2060–\u2060"))
    return _AFTER_DAY.sub("\\1\u00a0", joined)


def on_its_own(text: str) -> str:
    """What has a direction of its own within a sentence: a name, a date."""
    return f"\u2068{text}\u2069"


def endonyms(codes: Iterable[str]) -> str:
    """Languages by their own names, for each reader finds their own."""
    return ", ".join(on_its_own(LANGUAGES[code].endonym) for code in codes if code in LANGUAGES)
