"""Files for spreadsheet programs: no text is ever a formula, in any disguise."""

import csv
import io
from datetime import UTC, datetime
from uuid import uuid4

import openpyxl
import pytest

from services.registrations.exports.columns import Column
from services.registrations.exports.spreadsheets import CsvTable, XlsxTable, harmless, separator
from services.registrations.registrations.listing import Line
from services.registrations.registrations.model import State

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u200b=1", "\ufeff@x", "\u202e=1")
WIDE = ("＝1+1", "＋1", "－1", "＠x", "﹣1", "−1")
COLUMNS = [
    Column("=Name", 10, lambda line: line.name or ""),
    Column("People", 5, lambda line: line.party_size),
    Column("When", 5, lambda line: line.created_at.replace(tzinfo=None)),
]


def line(name):
    when = datetime(2027, 4, 5, 8, 30, tzinfo=UTC)
    return Line(uuid4(), name, 3, State.CONFIRMED, "de", "web", "email", False, False, "", when, None, uuid4(), uuid4())


def rows_of(table, language):
    data = b"".join(table.finish())
    assert data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8-sig")
    assert "\r\n" in text
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator(language)))


@pytest.mark.parametrize("text", [*FORMULAS, *WIDE])
def test_a_formula_is_a_text_in_csv(text):
    """An apostrophe stands before whatever a program would calculate, after blanks and unseen letters too."""
    assert harmless(text) == f"'{text}"
    table = CsvTable(COLUMNS, "de")
    table.add([line(text)])
    assert rows_of(table, "de")[1][0] == f"'{text}"


@pytest.mark.parametrize("text", ["Ada", "Jean-Luc", "1-2", "a=b", "أحمد", "3 Kinder", "", "a@example.org", "'quoted'"])
def test_what_is_no_formula_stays_as_it_is(text):
    """Names with a hyphen, an address, a number: as they were typed."""
    assert harmless(text) == text


def test_separators_quotes_and_line_breaks_stay_in_their_cell():
    """RFC 4180, with the separator that the reader's Excel expects; heads are safe as well."""
    text = 'a;b,c"d\r\ne'
    for language, sign in (("de", ";"), ("tr", ";"), ("uk", ";"), ("en", ","), ("ar", ",")):
        assert separator(language) == sign
        table = CsvTable(COLUMNS, language)
        table.add([line(text)])
        table.add([line("Ada")])
        assert rows_of(table, language) == [
            ["'=Name", "People", "When"],
            [text, "3", "2027-04-05 08:30"],
            ["Ada", "3", "2027-04-05 08:30"],
        ]


@pytest.mark.parametrize("text", [*FORMULAS[:4], *WIDE, "https://example.org", "007", "a\x00\x0bb"])
def test_a_formula_is_a_text_in_xlsx(text):
    """Each text is a cell of text as it was typed; numbers are numbers, moments are moments."""
    table = XlsxTable(COLUMNS, "de")
    table.add([line(text)])
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(table.finish()))).active
    name, people, when = sheet[2]
    assert (name.value, name.data_type) == (text.replace("\x00\x0b", ""), "s")
    assert name.hyperlink is None
    assert (people.value, people.data_type) == (3, "n")
    assert when.value == datetime(2027, 4, 5, 8, 30)  # noqa: DTZ001 - a sheet knows no zones


def test_a_sheet_runs_as_its_reader_reads():
    """From right to left in Arabic."""
    for language, expected in (("ar", True), ("de", None)):
        sheet = openpyxl.load_workbook(io.BytesIO(b"".join(XlsxTable(COLUMNS, language).finish()))).active
        assert sheet.sheet_view.rightToLeft == expected
