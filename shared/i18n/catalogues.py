"""The translations of our own texts, whose source is English: each is known by its English wording.

Catalogues are `catalogues/<language>.po`, edited by people; `python -m shared.i18n` keeps them in step.
"""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared.i18n.languages import CATALOGUE_FOLDER, LANGUAGES, fallback_chain


def N_(text: str) -> str:  # noqa: N802 (gettext's own name for it, which extraction knows)
    """Marks a text for translation where it is defined; it is translated where it is shown."""
    return text


def translations(language: str) -> NullTranslations:
    """The texts of a language, with `gettext` and `ngettext`; German's for a code we do not know.

    A text, or a whole catalogue, that the language lacks comes from the next language of its chain, and at
    last from the English source. Each language is read once per process; after that it is a look-up.
    """
    return _chained(fallback_chain(language if language in LANGUAGES else "de"))


@cache
def _chained(chain: tuple[str, ...]) -> NullTranslations:
    code, *rest = chain
    if code == "en":
        return NullTranslations()
    following = _chained(tuple(rest)) if rest else NullTranslations()
    path = CATALOGUE_FOLDER / f"{code}.po"
    if not path.is_file():
        return following
    texts = load(path)
    texts.add_fallback(following)
    return texts


def load(path: Path) -> GNUTranslations:
    """The texts of one .po file: from the .mo beside it if that is as new, else compiled in memory.

    Raises FileNotFoundError without the .po, PoFileError if it is broken.
    """
    compiled = path.with_suffix(".mo")
    if compiled.is_file() and compiled.stat().st_mtime >= path.stat().st_mtime:
        return GNUTranslations(BytesIO(compiled.read_bytes()))
    return GNUTranslations(BytesIO(compile_catalogue(path)))


def compile_catalogue(path: Path) -> bytes:
    """The .mo form of a .po file, without fuzzy guesses. Raises PoFileError if the file is broken."""
    with path.open("rb") as source:
        catalogue = read_po(source, abort_invalid=True)
    binary = BytesIO()
    write_mo(binary, catalogue)
    return binary.getvalue()
