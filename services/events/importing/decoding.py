"""Bytes of a file as text, whichever program wrote them."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

from services.events.importing.found import SourceError
from shared.i18n.catalogues import N_

EMPTY = N_("There is nothing in it.")
NOT_TEXT = N_("This is no text. Save the list as CSV, or the calendar as .ics, and choose that file.")

_MARKS = ((BOM_UTF8, "utf-8"), (BOM_UTF16_LE, "utf-16-le"), (BOM_UTF16_BE, "utf-16-be"))
_NO_TEXT = (b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\xff\xd8\xff", b"\x1f\x8b")
_LOOK_AT = 4000


def text_of(content: bytes) -> str:
    """The text: UTF-8 and UTF-16 with or without a mark, else Windows-1252, which takes ISO 8859-1 with it.

    Raises SourceError for what is empty or no text at all.
    """
    if content.startswith(_NO_TEXT):
        raise SourceError(NOT_TEXT)
    text = _decoded(content)
    if not text.strip("\ufeff \t\r\n"):
        raise SourceError(EMPTY)
    if "\x00" in text:
        raise SourceError(NOT_TEXT)
    return text


def _decoded(content: bytes) -> str:
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(codec, errors="replace")
    if codec := _unmarked_utf16(content[:_LOOK_AT]):
        return content.decode(codec, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # ISO 8859-1 has a character for each byte; Windows-1252 lacks five of them.
        return "".join(_windows(byte) for byte in content)


def _windows(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


def _unmarked_utf16(start: bytes) -> str:
    """Half the bytes of Latin text in UTF-16 are zero, all on one side."""
    if len(start) < 8:
        return ""
    high, low = start[::2].count(0), start[1::2].count(0)
    if low > len(start) * 0.3 and high == 0:
        return "utf-16-le"
    return "utf-16-be" if high > len(start) * 0.3 and low == 0 else ""
