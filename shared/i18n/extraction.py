"""From the code to the catalogues: the texts marked in it, and the .po files that people translate."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import PoFileParser, write_po

from shared.i18n.languages import LANGUAGES

ROOT: Final = Path(__file__).parents[2]
TEMPLATE: Final = Path(__file__).parent / "messages.pot"

REVIEWED_HEADER: Final = "X-Reviewed-By-Native-Speaker"

_HEADERS: Final = {
    "Project-Id-Version",
    "Language",
    "Plural-Forms",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
}
_METHODS: Final = [("**/templates/**.html", "jinja2"), ("**/templates/**.txt", "jinja2"), ("**.py", "python")]
# As `shared.web` and the notifications render them; a text that is trimmed otherwise would not be found.
_JINJA: Final = {
    "trimmed": "1",
    "newstyle_gettext": "1",
    "trim_blocks": "1",
    "lstrip_blocks": "1",
    "silent": "0",
}
_OPTIONS: Final = {pattern: _JINJA for pattern, method in _METHODS if method == "jinja2"}


class Catalogue(Catalog):
    """Babel's catalogue with the headers that say something here, and without dates that change for nothing.

    `reviewed` tells whether a native speaker has read it through: `yes` or `no`.
    """

    def __init__(self, language: str = "") -> None:
        super().__init__(
            locale=LANGUAGES[language].locale if language else None,
            project="teilhabe",
            version="1",
            header_comment="# Texts of Teilhabe. The English wording (msgid) comes from the code.",
            fuzzy=False,
        )
        self.language = language
        self.reviewed = "no"

    def texts(self) -> Iterator[Message]:
        """The entries without the header, which gettext keeps under the empty text."""
        return (message for message in self if message.id)

    def _headers(self) -> list[tuple[str, str]]:
        kept = [(name, value) for name, value in super()._get_mime_headers() if name in _HEADERS]
        return [*kept, (REVIEWED_HEADER, f"{self.reviewed}\n")]

    def _read_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        given = dict(headers)
        super()._set_mime_headers(given.items())
        self.reviewed = given.get(REVIEWED_HEADER, "").strip()

    mime_headers = property(_headers, _read_headers)


def extract(root: Path = ROOT) -> Catalogue:
    """The texts marked in the code and the templates below `services` and `shared`.

    Raises jinja2.TemplateSyntaxError for a template that cannot be read.
    """
    found = Catalogue()
    for name, message, comments, context in _marked(root):
        found.add(message, None, [(name, 0)], auto_comments=comments, context=context)
    return found


def _marked(root: Path) -> Iterator[tuple[str, str | tuple[str, ...], list[str], str | None]]:
    for part in ("services", "shared"):
        for name, _line, message, comments, context in extract_from_dir(
            root / part, _METHODS, _OPTIONS, comment_tags=("Translators:",), strip_comment_tags=True
        ):
            yield f"{part}/{name}", message, comments, context


def read(path: Path, language: str = "") -> Catalogue:
    """A .po or .pot file. Raises FileNotFoundError, and PoFileError if it is broken."""
    catalogue = Catalogue(language)
    with path.open("rb") as source:
        PoFileParser(catalogue, abort_invalid=True).parse(source)
    return catalogue


def write(path: Path, catalogue: Catalogue, *, prune: bool = False) -> None:
    """Writes a .po or .pot file, its entries in the order of their sources; `prune` drops obsolete ones."""
    with path.open("wb") as target:
        write_po(target, catalogue, width=100, sort_by_file=True, ignore_obsolete=prune, include_lineno=False)


def merge(path: Path, language: str, template: Catalogue, *, prune: bool = False) -> None:
    """Brings a .po file in step with the template, creating it if need be.

    A new text comes in empty, never with a guess; a text that is gone is kept as obsolete unless pruned.
    """
    catalogue = read(path, language) if path.is_file() else Catalogue(language)
    catalogue.update(template, no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    write(path, catalogue, prune=prune)


def differs(extracted: Catalogue, stored: Catalogue) -> bool:
    """Whether a stored template is out of date: other texts, contexts or notes to translators."""
    return _content(extracted) != _content(stored)


def _content(catalogue: Catalogue) -> set[tuple[object, ...]]:
    return {(message.id, message.context, *message.auto_comments) for message in catalogue.texts()}
