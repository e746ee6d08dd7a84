"""HTML as the plain text that an event holds."""

import re
from html.parser import HTMLParser

_LOOKS_LIKE_HTML = re.compile(
    r"</?(?:p|br|div|span|a|ul|ol|li|b|i|u|em|strong|h[1-6]|table|html|body)\b[^<>]*>", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:[a-z]{2,8}|#\d{1,6});", re.IGNORECASE)
_BLOCKS = {"p", "div", "br", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article"}
_PARAGRAPHS = {"p", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6"}
_SILENT = {"script", "style", "head", "title", "template"}
_BLANKS = re.compile(r"[ \t\xa0]*\n[ \t\xa0]*")
_EMPTY_LINES = re.compile(r"\n{3,}")


def plain_text(text: str) -> str:
    """The words, with paragraphs and lists as lines and links as addresses; text without markup stays as it is."""
    if not (_LOOKS_LIKE_HTML.search(text) or _ENTITY.search(text)):
        return text.strip()
    reader = _Words()
    # In text that only has entities, line breaks are the writer's own.
    reader.feed(text if _LOOKS_LIKE_HTML.search(text) is None else re.sub(r"\s+", " ", text))
    reader.close()
    return _EMPTY_LINES.sub("\n\n", _BLANKS.sub("\n", "".join(reader.parts))).strip()


class _Words(HTMLParser):
    """Collects what a reader of the page would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self._link, self._linked = "", 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A block begins on a line of its own."""
        if tag in _SILENT:
            self._silent += 1
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag in _PARAGRAPHS else "\n")
        elif tag == "a":
            self._link, self._linked = (dict(attrs).get("href") or "").strip(), len(self.parts)

    def handle_endtag(self, tag: str) -> None:
        """A link's address follows its words, where it says more than they do."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "a" and self._link:
            words = "".join(self.parts[self._linked :])
            if self._link.startswith(("http://", "https://")) and self._link not in words:
                self.parts.append(f" ({self._link})")
            self._link = ""
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Words."""
        if not self._silent:
            self.parts.append(data)
