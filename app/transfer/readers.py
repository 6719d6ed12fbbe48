"""Tables from outside, row by row: xlsx (and xls, xlsb, ods) by calamine, csv in UTF-8, UTF-16 or GB18030.

A `Table` names its sheets; `rows(sheet)` yields `Row(number, cells)` where `number` is the row as the
person sees it in the file, counted from 1. Cells are plain JSON values: dates become `2026-01-05`, whole
floats become integers, empty cells become `None`. A csv file is never held in memory whole.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from app.errors import BadRequest, Message
from app.store.files import Readable

WORKBOOKS = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
TEXTS = {".csv", ".tsv", ".txt"}
DELIMITERS = ",;\t|"
RISKY = {"=", "+", "-", "@"}
SAMPLE = 64 * 1024  # characters looked at for the delimiter
LONGEST_CELL = 8_000_000

csv.field_size_limit(LONGEST_CELL)


class Row(NamedTuple):
    """One row of a table: its number in the file (from 1) and its cells."""

    number: int
    cells: list[Any]


class Table(Protocol):
    """A file with one or more sheets."""

    @property
    def sheets(self) -> list[str]:
        """Names of the sheets; a csv file has one, the empty name."""

    @property
    def kind(self) -> str:
        """`xlsx` or `csv`: the error-rows file is written in the same."""

    def rows(self, sheet: str | None = None) -> Iterator[Row]:
        """The rows that hold anything, in order. BadRequest when there is no such sheet."""


def open_table(path: Readable, name: str | None = None) -> Table:
    """The table in a file; `name` is what the person called it. BadRequest when it is none."""
    with path.open("rb") as file:
        head = file.read(8)
    suffix = Path(name or path.name).suffix.lower()
    if not head:
        raise BadRequest("This file is empty.")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return Workbook(path)
    if suffix in WORKBOOKS:
        raise BadRequest("This is not a spreadsheet, though its name says so.")
    if suffix and suffix not in TEXTS:
        raise BadRequest("Only xlsx and csv files can be read here.")
    return Text(path)


class Workbook:
    """A spreadsheet file."""

    kind = "xlsx"

    def __init__(self, path: Readable) -> None:
        self._read: tuple[str, CalamineSheet] | None = None  # the sheet read last: an import goes over it again
        try:
            if isinstance(path, Path):
                self._book = CalamineWorkbook.from_path(str(path))
            else:
                with path.open("rb") as file:
                    self._book = CalamineWorkbook.from_filelike(io.BytesIO(file.read()))
        except PasswordError as problem:
            raise BadRequest("This workbook has a password; save it without one first.") from problem
        except (CalamineError, OSError) as problem:
            raise BadRequest(Message("This workbook cannot be read: %(problem)s", problem=problem)) from problem

    @property
    def sheets(self) -> list[str]:
        return list(self._book.sheet_names)

    def rows(self, sheet: str | None = None) -> Iterator[Row]:
        name = sheet or self._book.sheet_names[0]
        if name not in self._book.sheet_names:
            raise BadRequest(Message("There is no sheet %(name)s in this file.", name=name))
        try:
            if self._read is None or self._read[0] != name:
                self._read = (name, self._book.get_sheet_by_name(name))
            for number, cells in enumerate(self._read[1].iter_rows(), start=1):
                row = [cell.strip() or None if type(cell) is str else _plain(cell) for cell in cells]
                if any(cell is not None for cell in row):
                    yield Row(number, row)
        except CalamineError as problem:
            raise BadRequest(
                Message("Sheet %(name)s cannot be read: %(problem)s", name=name, problem=problem)
            ) from problem


class Text:
    """A csv file: encoding and delimiter are found out."""

    kind = "csv"

    def __init__(self, path: Readable) -> None:
        self._path = path
        self.encoding = find_encoding(path)
        with path.open(encoding=self.encoding, newline="") as file:
            self.delimiter = find_delimiter(file.read(SAMPLE))

    @property
    def sheets(self) -> list[str]:
        return [""]

    def rows(self, sheet: str | None = None) -> Iterator[Row]:
        if sheet:
            raise BadRequest(Message("There is no sheet %(sheet)s in this file.", sheet=sheet))
        with self._path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            try:
                for number, cells in enumerate(reader, start=1):
                    row = [_text(cell) for cell in cells]
                    if any(cell is not None for cell in row):
                        yield Row(number, row)
            except csv.Error as problem:
                raise BadRequest(
                    Message("Line %(line)s cannot be read: %(problem)s.", line=reader.line_num, problem=problem)
                ) from problem


def _text(cell: str) -> str | None:
    """A csv cell; the apostrophe that keeps a formula from running (see `tables.harmless`) goes."""
    text = cell.strip()
    return (text[1:] if text[:1] == "'" and text[1:2] in RISKY else text) or None


def find_encoding(path: Readable) -> str:
    """`utf-8-sig`, `utf-16`, `utf-16-le`, `utf-16-be` or `gb18030`: the first that fits the whole file."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _fits(path, "utf-16")
    if head.count(0) > len(head) // 8:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        return _fits(path, "utf-16-be" if even > odd else "utf-16-le")
    return _fits(path, "utf-8-sig", "gb18030")


def _fits(path: Readable, *encodings: str) -> str:
    for encoding in encodings:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise BadRequest("The characters of this file are neither UTF-8 nor UTF-16 nor GB18030; save it as CSV UTF-8.")


def find_delimiter(sample: str) -> str:
    """Comma, semicolon, tab or bar: the one that gives most lines the same number of columns, and most of
    them.
    """
    best, found = (0.0, 0), ","
    for delimiter in DELIMITERS:
        widths = _widths(sample, delimiter)
        if not widths:
            continue
        width, lines = Counter(widths).most_common(1)[0]
        score = (round(lines / len(widths), 1), width)
        if width > 1 and score > best:
            best, found = score, delimiter
    return found


def _widths(sample: str, delimiter: str) -> list[int]:
    lines = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    widths = []
    try:
        for cells in lines:
            if cells:
                widths.append(len(cells))
            if len(widths) == 50:
                break
    except csv.Error:
        return []
    return widths


def _plain(cell: Any) -> Any:
    """A cell of a workbook as a JSON value."""
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, bool) or cell is None:
        return cell
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) < 1e15 else cell
    if isinstance(cell, datetime):
        midnight = (cell.hour, cell.minute, cell.second, cell.microsecond) == (0, 0, 0, 0)
        return cell.date().isoformat() if midnight else cell.replace(microsecond=0).isoformat(" ")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, time):
        return cell.strftime("%H:%M")
    if isinstance(cell, timedelta):
        return str(cell)
    return cell


def head(rows: Iterable[Row], count: int) -> list[Row]:
    """The first rows, for a preview."""
    found = []
    for row in rows:
        found.append(row)
        if len(found) == count:
            break
    return found
