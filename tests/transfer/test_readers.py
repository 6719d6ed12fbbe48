"""Tables in every encoding and shape people send."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from app.errors import BadRequest
from app.transfer.readers import Text, open_table
from app.transfer.tables import harmless, writer

TEXT = "名称,电话\r\n北风公司,020-1\r\n"


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8-sig"),
        ("utf-8-sig", "utf-8-sig"),
        ("gb18030", "gb18030"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_encodings_are_recognised(tmp_path: Path, encoding: str, found: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(TEXT.encode(encoding))
    table = open_table(path)
    assert isinstance(table, Text)
    assert table.encoding == found
    assert [row.cells for row in table.rows()] == [["名称", "电话"], ["北风公司", "020-1"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_recognised(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'name{delimiter}note\n"A{delimiter} B"{delimiter}"two\nlines"\n', encoding="utf-8")
    assert [row.cells for row in open_table(path).rows()] == [["name", "note"], [f"A{delimiter} B", "two\nlines"]]


def test_cells_of_a_workbook_are_plain_values(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("客户")
        sheet.write_row(2, 0, ["a", 13812345678.0, 2.5, True])
        sheet.write_datetime(4, 0, datetime(2026, 1, 5), book.add_format({"num_format": "yyyy-mm-dd"}))
    rows = list(open_table(path).rows("客户"))
    assert rows[0].number == 3
    assert rows[0].cells == ["a", 13812345678, 2.5, True]
    assert rows[1].cells[0] == "2026-01-05"


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.xlsx", b"not a workbook"), ("a.xlsx", b"PK\x03\x04broken"), ("a.csv", b""), ("a.pdf", b"%PDF-1.4")],
)
def test_what_is_no_table_is_refused_with_a_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadRequest):
        list(open_table(path).rows())


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-cmd", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_neutralised_and_come_back(tmp_path: Path, text: str) -> None:
    assert harmless(text) == "'" + text
    path = tmp_path / "a.csv"
    with writer(path, "csv") as table:
        table.begin("", ["x", "y"])
        table.row([text, "z"])
    assert b"\r\n=" not in path.read_bytes()
    assert [row.cells[0] for row in open_table(path).rows()][1].lstrip("'").strip() == text.strip()


def test_negative_numbers_stay_numbers() -> None:
    assert harmless("-12.5") == "-12.5"


def test_workbooks_hold_texts_not_formulas(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "a.xlsx"
    with writer(path, "xlsx") as table:
        table.begin("x", ["a"])
        table.row(['=HYPERLINK("http://evil.example")'])
    assert b"<f>" not in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")
