"""Content that people wrote in several languages: which of its texts a reader is shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.i18n.languages import LANGUAGES, direction, fallback_chain

LAST_RESORT = ("de", "en")


@dataclass(frozen=True)
class Shown:
    """A text as one reader sees it. `wanted` is the reader's own language."""

    text: str
    language: str
    direction: str
    is_fallback: bool
    wanted: str


def pick(texts: Mapping[str, str], language: str) -> Shown:
    """The text in the reader's language, else along its chain, else in German, in English, in any.

    Blank texts count as missing.

    Raises:
        ValueError: there is no text at all; content is checked for one before it is published.
    """
    present = {code: text for code, text in texts.items() if text.strip()}
    chain = fallback_chain(language) if language in LANGUAGES else ()
    order = (language, *chain, *LAST_RESORT, *sorted(present))
    code = next((candidate for candidate in order if candidate in present), None)
    if code is None:
        raise ValueError("There is no text in any language.")
    return Shown(present[code], code, direction(code), code != language, language)
