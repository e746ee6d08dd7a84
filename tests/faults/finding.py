"""What the checker found wrong."""

from typing import NamedTuple


class Finding(NamedTuple):
    """`rule` is what was broken, in a word or two; `what` says by which registration, message or row."""

    rule: str
    what: str
