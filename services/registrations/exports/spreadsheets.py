"""Tables for spreadsheet programs: CSV (RFC 4180) and XLSX, in which no text is ever a formula.

In CSV a text that a program would take for a formula (OWASP, "CSV injection") gets an apostrophe before it; in XLSX
each text is written as a text, so it stands as it was typed.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

import xlsxwriter
from babel.numbers import get_decimal_symbol

from services.registrations.exports.columns import Cell, Column
from shared.i18n.languages import cldr_locale, direction

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_UNSEEN = "\\s\x00-\x1f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_FORMULA = re.compile(f"[{_UNSEEN}]*[=+\\-@＝＋－＠﹢﹣﹦﹫−]|[\t\r\n]")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_DATE = "yyyy-mm-dd hh:mm"


def harmless(text: str) -> str:
    """The text, with an apostrophe before it where a program would calculate it."""
    return f"'{text}" if _FORMULA.match(text) else text


def separator(language: str) -> str:
    """What Excel expects between cells: a semicolon where the comma is in numbers."""
    return ";" if get_decimal_symbol(cldr_locale(language), numbering_system="latn") == "," else ","


class Table(Protocol):
    """A file that grows batch by batch."""

    def add(self, lines: Iterable[Any]) -> None:
        """Some more of the list."""
        ...

    def finish(self) -> list[bytes]:
        """The file, in parts."""
        ...


class CsvTable:
    """A CSV file in UTF-8 with the mark by which Excel knows it; made batch by batch."""

    def __init__(self, columns: Sequence[Column], language: str) -> None:
        self._columns = columns
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, delimiter=separator(language), lineterminator="\r\n")
        self._parts: list[bytes] = ["\ufeff".encode()]
        self._keep([[harmless(column.head) for column in columns]])

    def add(self, lines: Iterable[Any]) -> None:
        """Some more of the list."""
        self._keep([_as_text(column.cell(line)) for column in self._columns] for line in lines)

    def finish(self) -> list[bytes]:
        """The file, in parts."""
        return self._parts

    def _keep(self, rows: Iterable[Sequence[str]]) -> None:
        self._writer.writerows(rows)
        self._parts.append(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()


def _as_text(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes")
    return harmless(cell) if isinstance(cell, str) else str(cell)


class XlsxTable:
    """A workbook with one sheet, in memory alone: nothing of it is ever on a disk."""

    def __init__(self, columns: Sequence[Column], language: str) -> None:
        self._columns = columns
        self._bytes = io.BytesIO()
        as_text = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self._book = xlsxwriter.Workbook(self._bytes, {"in_memory": True, **as_text})
        self._sheet = self._book.add_worksheet()
        self._date = self._book.add_format({"num_format": _DATE})
        self._text = self._book.add_format({"num_format": "@"})
        self._row = 0
        if direction(language) == "rtl":
            self._sheet.right_to_left()
        head = self._book.add_format({"bold": True, "num_format": "@"})
        for number, column in enumerate(columns):
            self._sheet.set_column(number, number, column.width)
            self._sheet.write_string(0, number, column.head, head)
        self._sheet.freeze_panes(1, 0)

    def add(self, lines: Iterable[Any]) -> None:
        """Some more of the list."""
        for line in lines:
            self._row += 1
            for number, column in enumerate(self._columns):
                self._write(number, column.cell(line))

    def finish(self) -> list[bytes]:
        """The file; this takes a moment, and no other part of the program meanwhile."""
        self._sheet.autofilter(0, 0, self._row, len(self._columns) - 1)
        self._book.close()
        return [self._bytes.getvalue()]

    def _write(self, number: int, cell: Cell) -> None:
        if isinstance(cell, datetime):
            self._sheet.write_datetime(self._row, number, cell, self._date)
        elif isinstance(cell, str):
            self._sheet.write_string(self._row, number, _NO_XML.sub("", cell), self._text)
        else:
            self._sheet.write_number(self._row, number, cell)
