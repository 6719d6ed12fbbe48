"""Tables to the outside: xlsx written row by row in constant memory, csv as UTF-8 with the mark that
spreadsheets look for.

A text that a spreadsheet would run as a formula is neutralised: in xlsx it is written as a text cell, in
csv an apostrophe goes before it (`readers` takes it away again).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from app.clock import parse
from app.errors import BadRequest
from app.store.files import Place

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
LONGEST = 32_767  # characters a cell of a workbook holds
MOST_ROWS = 1_048_575


class Writer(Protocol):
    """A table being written: `begin` a sheet, then its rows."""

    def begin(self, sheet: str, header: Sequence[Any], kinds: Sequence[str] = ()) -> None:
        """A new sheet; `kinds` are item types of the columns, for widths and number formats."""

    def row(self, cells: Iterable[Any]) -> None:
        """One row."""

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def writer(
    path: Place,
    kind: str,
    *,
    zone: str = "Asia/Shanghai",
    encoding: str = "utf-8-sig",
    delimiter: str = ",",
) -> Writer:
    """A writer of `xlsx` or `csv`. BadRequest for anything else."""
    if kind == "xlsx":
        return WorkbookWriter(path, zone)
    if kind == "csv":
        return TextWriter(path, zone, encoding, delimiter)
    raise BadRequest("A view is written as xlsx or csv.")


def harmless(text: str) -> str:
    """A text that no spreadsheet runs: an apostrophe before what looks like a formula. Numbers stay
    numbers."""
    if not text.startswith(RISKY):
        return text
    try:
        float(text)
    except ValueError:
        return "'" + text
    return text


class WorkbookWriter:
    """xlsx. Rows go to the file as they come; memory does not grow with them."""

    def __init__(self, path: Place, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._target = None if isinstance(path, Path) else path.open("wb")
        import xlsxwriter  # a tenth of a second at every start of a node otherwise

        self._book = xlsxwriter.Workbook(
            self._target or str(path),
            {
                "constant_memory": isinstance(path, Path),  # rows wait in a file beside; a sealed one waits in memory
                "in_memory": not isinstance(path, Path),
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "nan_inf_to_errors": True,
                "default_date_format": "yyyy-mm-dd",
            },
        )
        self._bold = self._book.add_format({"bold": True, "bottom": 1})
        self._formats = {
            "date": self._book.add_format({"num_format": "yyyy-mm-dd"}),
            "datetime": self._book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            "money": self._book.add_format({"num_format": "#,##0.00"}),
        }
        self._kinds: Sequence[str] = ()
        self._sheet: Any = None
        self._row = 0

    def begin(self, sheet: str, header: Sequence[Any], kinds: Sequence[str] = ()) -> None:
        self._sheet = self._book.add_worksheet(_sheet_name(sheet))
        self._sheet.freeze_panes(1, 0)
        for index, kind in enumerate(kinds):
            self._sheet.set_column(index, index, 12 if kind in self._formats else 22)
        self._kinds = ()
        self._row = 0
        for index, text in enumerate(header):
            if text is not None:
                self._sheet.write_string(0, index, str(text), self._bold)
        self._row = 1
        self._kinds = kinds

    def row(self, cells: Iterable[Any]) -> None:
        if self._row > MOST_ROWS:
            raise BadRequest("A workbook holds 1,048,576 rows; choose csv for more.")
        for index, cell in enumerate(cells):
            if cell is not None and cell != "":
                self._cell(index, cell, self._kinds[index] if index < len(self._kinds) else "")
        self._row += 1

    def _cell(self, index: int, cell: Any, kind: str) -> None:
        if isinstance(cell, bool):
            self._sheet.write_boolean(self._row, index, cell)
        elif isinstance(cell, int | float):
            self._sheet.write_number(self._row, index, cell, self._formats.get(kind))
        else:
            moment = self._moment(cell, kind)
            if moment is None:
                self._sheet.write_string(self._row, index, str(cell)[:LONGEST])
            else:
                self._sheet.write_datetime(self._row, index, moment, self._formats[kind])

    def _moment(self, cell: Any, kind: str) -> date | datetime | None:
        try:
            if kind == "date":
                found = date.fromisoformat(cell)
                return found if found.year >= 1900 else None
            if kind == "datetime":
                return parse(cell).astimezone(self._zone).replace(tzinfo=None)
        except (ValueError, TypeError):
            return None
        return None

    def __enter__(self) -> WorkbookWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sheet is None:
            self._book.add_worksheet()
        self._book.close()
        if self._target is not None:
            self._target.close()


def _sheet_name(text: str) -> str:
    plain = "".join(character for character in text if character not in "[]:*?/\\'").strip()
    return plain[:31] or "Sheet1"


class TextWriter:
    """csv. Several sheets follow each other after an empty line."""

    def __init__(self, path: Place, zone: str, encoding: str, delimiter: str) -> None:
        self._zone = ZoneInfo(zone)
        self._file = path.open("w", encoding=encoding, newline="", errors="replace")
        self._writer = csv.writer(self._file, delimiter=delimiter, lineterminator="\r\n")
        self._kinds: Sequence[str] = ()
        self._begun = False

    def begin(self, sheet: str, header: Sequence[Any], kinds: Sequence[str] = ()) -> None:
        if self._begun:
            self._writer.writerow([])
        self._begun = True
        self._kinds = kinds
        self._writer.writerow(["" if text is None else harmless(str(text)) for text in header])

    def row(self, cells: Iterable[Any]) -> None:
        kinds = self._kinds
        self._writer.writerow(
            [self._cell(cell, kinds[index] if index < len(kinds) else "") for index, cell in enumerate(cells)]
        )

    def _cell(self, cell: Any, kind: str) -> Any:
        if cell is None:
            return ""
        if isinstance(cell, bool):
            return "true" if cell else "false"
        if isinstance(cell, int | float):
            return cell
        if kind == "datetime":
            try:
                return parse(cell).astimezone(self._zone).strftime("%Y-%m-%d %H:%M")
            except (ValueError, TypeError):
                pass
        return harmless(str(cell))

    def __enter__(self) -> TextWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
