"""From a template and its data to a PDF, by Typst: tagged, with title and language, in every script of ours.

What people wrote travels as JSON beside the template and never becomes part of its source, so a title that looks like
Typst is printed as it stands. Nothing is fetched, and nothing is read but templates below the project's own folder.
"""

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel
from typst import Compiler, TypstError

from shared.typesetting.fonts import fonts

ROOT: Final = Path(__file__).resolve().parents[2]
TEMPLATES: Final = Path(__file__).parent / "templates"

LARGEST_INPUT: Final = 2_000_000
"""Bytes of JSON: an attendance list of thousands. It bounds the time and memory that one sheet takes."""
LONGEST_WAIT: Final = 30.0
_AT_ONCE: Final = 2
_WAITING: Final = 16

_STANDARD: Final = ["ua-1"]
_REFUSED: Final = "PDF/UA-1 error"

Data = BaseModel | Mapping[str, Any]


class TypesettingError(RuntimeError):
    """A sheet could not be set. Only `detail` may quote what people wrote, so it goes into no log."""

    def __init__(self, template: str, detail: str = "") -> None:
        super().__init__(f"{template} could not be set")
        self.detail = detail


class TooLargeError(TypesettingError):
    """There is more to print than one file holds."""


class BusyError(TypesettingError):
    """Too many sheets are being set just now, or this one took too long."""


class Typesetter:
    """The threads that set sheets, so that the event loop goes on: Typst lets go of the interpreter while it works.

    At most `at_once` work and `waiting` wait; whoever comes then is told at once, instead of everybody waiting longer.
    """

    def __init__(self, at_once: int = _AT_ONCE, waiting: int = _WAITING, longest_wait: float = LONGEST_WAIT) -> None:
        self._threads = ThreadPoolExecutor(at_once, "typesetting")
        self._most = at_once + waiting
        self._longest_wait = longest_wait
        self._now = 0

    async def typeset(self, template: Path, data: Data) -> bytes:
        """The PDF of a template. Raises TooLargeError, BusyError, TypesettingError."""
        if self._now >= self._most:
            raise BusyError(template.name)
        self._now += 1
        work = asyncio.get_running_loop().run_in_executor(self._threads, compiled, template, data)
        work.add_done_callback(self._one_less)
        try:
            return await asyncio.wait_for(work, self._longest_wait)
        except TimeoutError:
            raise BusyError(template.name) from None

    def _one_less(self, work: "asyncio.Future[bytes]") -> None:
        self._now -= 1
        if not work.cancelled():
            work.exception()  # who waited has heard of it, or has gone


_typesetter: Final = Typesetter()


async def typeset(template: Path, data: Data) -> bytes:
    """The PDF of a template (`<noun>/templates/….typ`), set in a thread of its own.

    It is PDF/UA-1, for screen readers. Only where a letter has no glyph in our fonts, which then shows as an empty
    box, is that claim left out; the tags stay.

    Raises:
        TooLargeError: the data are more than one file holds.
        BusyError: too many sheets at once; come again later.
        TypesettingError: the template and the data do not fit together.
        AssetsError: the fonts have not been fetched.
    """
    return await _typesetter.typeset(template, data)


def compiled(template: Path, data: Data) -> bytes:
    """The PDF of a template, in this thread. Raises as `typeset` does, but for BusyError."""
    compiler = _compiler(template, data)
    try:
        return _only(_run(template, compiler, "pdf", _STANDARD))
    except TypesettingError as error:
        if not error.detail.startswith(_REFUSED):
            raise
    return _only(_run(template, compiler, "pdf", []))


def pictures(template: Path, data: Data, dots_per_inch: int = 80) -> list[bytes]:
    """Each page as PNG, to be looked at. Raises as `compiled` does."""
    made = _run(template, _compiler(template, data), "png", [], dots_per_inch)
    return [made] if isinstance(made, bytes) else made


def _compiler(template: Path, data: Data) -> Compiler:
    text = data.model_dump_json() if isinstance(data, BaseModel) else json.dumps(data)
    if len(text) > LARGEST_INPUT:
        raise TooLargeError(template.name)
    return Compiler(template, root=ROOT, font_paths=fonts(), sys_inputs={"data": text})


def _run(
    template: Path, compiler: Compiler, kind: Literal["pdf", "png"], standards: list[Any], dots: float | None = None
) -> bytes | list[bytes]:
    try:
        made = compiler.compile(format=kind, pdf_standards=standards, ppi=dots)
    except TypstError as error:
        raise TypesettingError(template.name, error.message) from None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of the compiler is no Exception, and ours to answer for
        raise TypesettingError(template.name, type(error).__name__) from None
    if made is None:
        raise TypesettingError(template.name)
    return made


def _only(made: bytes | list[bytes]) -> bytes:
    return made if isinstance(made, bytes) else b"".join(made)
