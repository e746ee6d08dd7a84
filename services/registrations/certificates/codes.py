"""The code of a certificate: twelve signs of Crockford's base32, in groups of four, none of which looks like another.

60 random bits: at the pace that the check page allows, nobody meets a code by guessing.
"""

import secrets
from typing import Final

from shared.i18n.folding import fold

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 12
_GROUP: Final = 4
_MEANT: Final = str.maketrans("OIL", "011")
_LONGEST: Final = 100


def new_code() -> str:
    """A code that nobody can foresee."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def grouped(code: str) -> str:
    """The code as it is printed: `7K4X-9TQM-2BWR`."""
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))


def read_code(text: str) -> str | None:
    """The code that somebody typed: in small letters, with blanks or hyphens, with O for 0, I or L for 1.

    None where it cannot be one.
    """
    typed = fold(text[:_LONGEST]).replace(" ", "").upper().translate(_MEANT)
    return typed if len(typed) == LENGTH and set(typed) <= set(ALPHABET) else None
