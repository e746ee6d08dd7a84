"""What a resident meant who texted us, in any of the languages and whatever way they spell it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.i18n.folding import fold
from shared.sms.codes import CODE_ALPHABET, CodeProblem, code_problem, is_reserved, new_code
from shared.sms.reading import LARGEST_PARTY, Code, IsCode, Piece, read
from shared.sms.words import Intent, Role, word_for

__all__ = [
    "CODE_ALPHABET",
    "LARGEST_PARTY",
    "CodeProblem",
    "Intent",
    "Parsed",
    "PartySizeError",
    "code_problem",
    "fold",
    "is_reserved",
    "new_code",
    "parse",
    "word_for",
]

_LONGEST_TEXT: Final = 2000
_MOST_WORDS: Final = 30
_MOST_UNKNOWN: Final = 2
_SHORT_TEXT: Final = 3
_QUESTION: Final = re.compile("[?؟፧]")
_NEGATIVE: Final = re.compile(r"(?<!\S)[-\u2010-\u2015\u2212\uff0d]\d")
_ANSWER_A_QUESTION: Final = frozenset({Intent.HELP, Intent.STATUS, Intent.STOP})


class PartySizeError(StrEnum):
    """Why no number of people could be taken from a text that names one."""

    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text as we understood it; `rest` holds the folded words that mean nothing to us.

    With `party_size_error` the text names a number of people that cannot be taken: below one, above 99, or
    several different ones; `party_size` is None then.
    """

    intent: Intent
    code: str | None = None
    party_size: int | None = None
    party_size_error: PartySizeError | None = None
    language: str | None = None
    rest: str = ""


def parse(text: str, is_code: IsCode) -> Parsed:
    """What the text asks for. Never raises; reads the first 2,000 characters.

    `is_code` tells whether a code in capital letters belongs to an event. STOP goes before all else: as the
    first or last word but for courtesies, or anywhere in up to three words. Any other keyword counts at either
    end of the text and beside two unknown words at most; so does a code without a keyword, which registers.
    A question does neither: to mistake one for an order costs more than to ask back.
    """
    text = text[:_LONGEST_TEXT]
    words = fold(text).split()
    question = bool(_QUESTION.search(text))
    if not words:
        return Parsed(Intent.HELP if question else Intent.UNKNOWN)
    stop = _says_stop(words)
    if len(words) > _MOST_WORDS:
        return Parsed(Intent.STOP if stop else Intent.UNKNOWN, rest=" ".join(words))
    pieces = list(read(words, is_code))
    unknown = [piece.text for piece in pieces if piece.meaning is None]
    size, error = _party_size(pieces, negative=bool(_NEGATIVE.search(text)))
    return Parsed(
        Intent.STOP if stop else _intent(pieces, question=question),
        code=_only(_codes(pieces)),
        party_size=size,
        party_size_error=error,
        language=_only(_languages(pieces, weak=not unknown)),
        rest=" ".join(unknown),
    )


def _says_stop(words: list[str]) -> bool:
    """Whether STOP stands at either end of the text, courtesies aside, or anywhere in a short one."""
    pieces = [piece for piece in read(words, lambda _code: False) if piece.meaning is not Role.POLITE]
    stops = [piece.meaning is Intent.STOP and not piece.weak for piece in pieces]
    return any(stops) and (stops[0] or stops[-1] or len(words) <= _SHORT_TEXT)


def _intent(pieces: list[Piece], *, question: bool) -> Intent:
    unknown = sum(piece.meaning is None for piece in pieces)
    if unknown > _MOST_UNKNOWN or len(_codes(pieces)) > 1:
        return Intent.UNKNOWN
    strong, weak = _intents(pieces, weak=False), _intents(pieces, weak=True)
    if strong or weak:
        intent = _said(strong, weak, alone=not unknown) if _is_said(pieces, strong | weak) else Intent.UNKNOWN
        return Intent.UNKNOWN if question and intent not in _ANSWER_A_QUESTION else intent
    if _codes(pieces):
        return Intent.UNKNOWN if question or _is_negated(pieces) else Intent.REGISTER
    return Intent.LANGUAGE if not unknown and _only(_languages(pieces, weak=True)) else Intent.UNKNOWN


def _said(strong: set[Intent], weak: set[Intent], *, alone: bool) -> Intent:
    """The one intent of the keywords, or UNKNOWN; `alone` if nothing unknown stands beside them."""
    if not alone and weak - strong:
        return Intent.UNKNOWN
    said = strong | weak
    if Intent.STOP in said:
        return Intent.STOP if alone and (Intent.STOP in strong or len(said) == 1) else Intent.UNKNOWN
    if Intent.CANCEL in said and (said == {Intent.CANCEL, Intent.YES} or strong == {Intent.CANCEL, Intent.NO}):
        return Intent.CANCEL
    if said == {Intent.START, Intent.YES}:
        return Intent.START
    return next(iter(said)) if len(said) == 1 else Intent.UNKNOWN


def _is_said(pieces: list[Piece], intents: set[Intent]) -> bool:
    """Whether a keyword stands at an end of what the text says, and no "not" turns it round."""
    if _is_negated(pieces) and intents != {Intent.NO}:
        return False
    said = [piece.meaning for piece in pieces if piece.meaning is None or isinstance(piece.meaning, Intent)]
    return isinstance(said[0], Intent) or isinstance(said[-1], Intent)


def _is_negated(pieces: list[Piece]) -> bool:
    return any(piece.meaning is Role.NEGATION for piece in pieces)


def _intents(pieces: list[Piece], *, weak: bool) -> set[Intent]:
    return {piece.meaning for piece in pieces if isinstance(piece.meaning, Intent) and piece.weak is weak}


def _codes(pieces: list[Piece]) -> set[str]:
    return {piece.meaning.text for piece in pieces if isinstance(piece.meaning, Code)}


def _languages(pieces: list[Piece], *, weak: bool) -> set[str]:
    """The languages named; a short tag such as `es` or `de` is one only if `weak` words count."""
    return {piece.meaning for piece in pieces if type(piece.meaning) is str and (weak or not piece.weak)}


def _party_size(pieces: list[Piece], *, negative: bool) -> tuple[int | None, PartySizeError | None]:
    sizes = {piece.meaning for piece in pieces if isinstance(piece.meaning, int)}
    if not sizes:
        return None, None
    if len(sizes) > 1:
        return None, PartySizeError.UNCLEAR
    size = sizes.pop()
    if negative or size < 1:
        return None, PartySizeError.TOO_SMALL
    return (None, PartySizeError.TOO_LARGE) if size > LARGEST_PARTY else (size, None)


def _only(found: set[str]) -> str | None:
    """The one thing found; None for nothing or several."""
    return next(iter(found)) if len(found) == 1 else None
