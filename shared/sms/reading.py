"""A folded text taken apart into words and phrases that mean something, numbers and event codes."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.sms.codes import CODE_ALPHABET, LONGEST_CODE, SHORTEST_CODE
from shared.sms.words import Meaning, Role, Word, longest_phrase, vocabulary

LARGEST_PARTY: Final = 99

_LONGEST_JOINED: Final = LONGEST_CODE + 12

IsCode = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Code:
    """An event's code found in the text, in capital letters."""

    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A word or phrase of the text; no meaning if we know none."""

    text: str
    meaning: Meaning | Code | None
    weak: bool = False


def read(words: list[str], is_code: IsCode) -> Iterator[Piece]:
    """The pieces of a text in order, each phrase as long as possible.

    A keyword, language or number word goes before a code, and a code before a courtesy.
    """
    start = 0
    while start < len(words):
        phrase, word = _phrase_at(words, start)
        start += len(phrase.split())
        if word and not isinstance(word.meaning, Role):
            yield Piece(phrase, word.meaning, word.weak)
        else:
            yield from _number_or_code(phrase, is_code) or [_plain(phrase, word)]


def _phrase_at(words: list[str], start: int) -> tuple[str, Word | None]:
    for length in range(longest_phrase(), 1, -1):
        phrase = " ".join(words[start : start + length])
        if phrase in vocabulary():
            return phrase, vocabulary()[phrase]
    return words[start], vocabulary().get(words[start])


def _plain(phrase: str, word: Word | None) -> Piece:
    """A piece of no consequence, or unknown; a symbol such as a flower is a courtesy."""
    if not any(character.isalnum() for character in phrase):
        return Piece(phrase, Role.POLITE)
    return Piece(phrase, word.meaning if word else None)


def _number_or_code(word: str, is_code: IsCode) -> list[Piece]:
    """The pieces of `3`, `x3`, `3TR`, `GARTEN`, `GARTEN3`, `GARTEN3TR` or `3GARTEN`; empty if it is none."""
    if _is_code(word, is_code):
        return [Piece(word, Code(word.upper()))]
    if counted := _counted(word.removeprefix("x")):
        return counted
    if len(word) > _LONGEST_JOINED:
        return []
    for cut in range(len(word) - 1, 0, -1):
        if _is_code(word[:cut], is_code) and (counted := _counted(word[cut:])):
            return [Piece(word[:cut], Code(word[:cut].upper())), *counted]
    number = re.match(r"\d*", word)
    after = word[number.end() :] if number else ""
    if after != word and _is_code(after, is_code):
        return [*_counted(word.removesuffix(after)), Piece(after, Code(after.upper()))]
    return []


def _counted(word: str) -> list[Piece]:
    """The pieces of a number, with a known word right behind it or none."""
    found = re.fullmatch(r"(\d+)(\D*)", word)
    if not found:
        return []
    number, tail = Piece(found[1], _number(found[1])), vocabulary().get(found[2])
    if not found[2]:
        return [number]
    return [number, Piece(found[2], tail.meaning, tail.weak)] if tail else []


def _is_code(word: str, is_code: IsCode) -> bool:
    code = word.upper()
    return SHORTEST_CODE <= len(code) <= LONGEST_CODE and set(CODE_ALPHABET).issuperset(code) and is_code(code)


def _number(digits: str) -> int:
    """The number that the digits write; any that is too large becomes one just too large."""
    return int(digits) if len(digits.lstrip("0")) <= 2 else LARGEST_PARTY + 1
