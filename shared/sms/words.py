"""The words of `keywords.toml`, folded, and what each means."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from shared.i18n.folding import fold
from shared.i18n.languages import LANGUAGES, fallback_chain, language_words

_TABLE: Final = Path(__file__).with_name("keywords.toml")


class Intent(StrEnum):
    """What someone wants who texts us; the first thirteen have words, the others follow from the whole text."""

    YES = "yes"
    NO = "no"
    CANCEL = "cancel"
    STATUS = "status"
    HELP = "help"
    STOP = "stop"
    START = "start"
    SHARE = "share"
    PRIVATE = "private"
    ARRIVED = "arrived"
    LEFT = "left"
    HOURS = "hours"
    SWAP = "swap"
    REGISTER = "register"
    LANGUAGE = "language"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """Words that are no intent by themselves."""

    NEGATION = "negation"
    POLITE = "polite"
    FILLER = "filler"


KEYWORD_INTENTS: Final = tuple(Intent)[:13]

#: An intent, a role, a number of people, or the code of a language.
Meaning = Intent | Role | int | str


@dataclass(frozen=True, slots=True)
class Word:
    """A folded word or phrase and its meaning; a weak one counts only where nothing unknown stands beside it."""

    meaning: Meaning
    weak: bool = False


@cache
def table() -> dict[str, Any]:
    """`keywords.toml` as it stands."""
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


@cache
def vocabulary() -> Mapping[str, Word]:
    """Every folded word and phrase that has a meaning; an intent goes before a number, a language, the rest."""
    weak = {fold(word) for word in table()["weak"]["words"]}
    words: dict[str, Word] = {}
    for text, meaning in _meanings():
        is_tag = not isinstance(meaning, Intent | Role | int) and len(text) <= 3
        words.setdefault(text, Word(meaning, weak=is_tag or text in weak))
    return words


@cache
def longest_phrase() -> int:
    """How many words the longest phrase has."""
    return max(len(text.split()) for text in vocabulary())


def intent_words() -> Iterator[tuple[Intent, str, str]]:
    """Each intent, language and folded word of the table."""
    for intent in KEYWORD_INTENTS:
        for language, words in table()[intent].items():
            yield from ((intent, language, fold(word)) for word in words)


def word_for(intent: Intent, language: str) -> str:
    """The word that our texts tell people to send (`STOP`, `СТОП`, `توقف`), from the language or its chain."""
    lists = table()[intent]
    code = next(code for code in fallback_chain(language if language in LANGUAGES else "de") if code in lists)
    return str(lists[code][0])


def _meanings() -> Iterator[tuple[str, Meaning]]:
    yield from ((text, intent) for intent, _language, text in intent_words())
    yield from _numbers()
    yield from language_words().items()
    yield from ((fold(word), Role.NEGATION) for word in table()["negation"]["words"])
    for role in (Role.POLITE, Role.FILLER):
        yield from ((fold(word), role) for word in _all(table()[role].values()))


def _numbers() -> Iterator[tuple[str, int]]:
    for words in table()["numbers"].values():
        for number, forms in enumerate(words, start=1):
            yield from ((fold(form), number) for form in forms.split("|") if form)


def _all(lists: Iterable[list[str]]) -> Iterator[str]:
    for words in lists:
        yield from words
