"""The short codes by which people name an event in an SMS."""

import secrets
from enum import StrEnum
from typing import Final

from shared.i18n.folding import fold
from shared.sms.words import vocabulary

#: Capital letters and digits without those that are taken for one another (I L 1, O 0, S 5, B 8, Z 2).
CODE_ALPHABET: Final = "ABCDEFGHJKMNPQRSTUVWXYZ34679"
SHORTEST_CODE: Final = 4
LONGEST_CODE: Final = 10

_GENERATED_LENGTH: Final = 5
# Without vowels no word comes about, least of all an unkind one; letters at both ends keep a number of people
# that is written right beside the code apart from it.
_CONSONANTS: Final = "BCDFGHJKMNPQRSTVWXZ"


class CodeProblem(StrEnum):
    """Why a code that an organiser chose cannot be used."""

    LENGTH = "length"
    CHARACTERS = "characters"
    RESERVED = "reserved"


def new_code() -> str:
    """A random code of five characters, beginning and ending with a letter; about five million exist."""
    middle = (secrets.choice(_CONSONANTS + "34679") for _ in range(_GENERATED_LENGTH - 2))
    return f"{secrets.choice(_CONSONANTS)}{''.join(middle)}{secrets.choice(_CONSONANTS)}"


def is_reserved(code: str) -> bool:
    """Whether a code would be read as something else: a number, a keyword, a language, a courtesy."""
    folded = fold(code)
    return folded.isdecimal() or folded in vocabulary()


def code_problem(code: str) -> CodeProblem | None:
    """What is wrong with a code in capital letters; None if it can be used."""
    if not SHORTEST_CODE <= len(code) <= LONGEST_CODE:
        return CodeProblem.LENGTH
    if not set(CODE_ALPHABET).issuperset(code):
        return CodeProblem.CHARACTERS
    return CodeProblem.RESERVED if is_reserved(code) else None
