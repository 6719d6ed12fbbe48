"""Links to documents, files, and tables of sub-items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.design.expressions import ExpressionError
from app.design.model import Item
from app.forms.fields.base import PLAIN, Around, Field, FieldProblem, text_of

MAX_ROWS = 1_000


class Link(Field):
    """The id of a document in the item's database. That it exists for the person is checked when it is
    saved."""

    widget = "link"

    def read(self, raw: Any, around: Around) -> str | None:
        text = text_of(raw).strip()
        if len(text) > 500 or any(not c.isprintable() for c in text):
            raise FieldProblem("A document is expected here.")
        return text or None

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        title = around.title_of(self.item.database or "", value) if around.title_of else value
        return str(value) if title is None else title

    def edit(self, value: Any, around: Around) -> str:
        return str(value)


class Attachment(Field):
    """Names of the document's attachments; the files lie in `_attachments`."""

    widget = "file"

    def read(self, raw: Any, around: Around) -> str | None:
        name = text_of(raw).strip()
        if len(name) > 255 or name.startswith("_") or any(not c.isprintable() for c in name):
            raise FieldProblem("This is no name of a file.")
        return name or None


class Table(Field):
    """Rows of cells: `[{"product": "…", "quantity": 2, "amount": 19.9}]`. Computed cells are computed
    here."""

    widget = "table"

    def __init__(self, item: Item, cells: Mapping[str, Field]) -> None:
        super().__init__(item)
        self.cells = cells

    def parse(self, raw: Any, around: Around = PLAIN) -> Any:
        if raw is None or raw == "" or raw == []:
            return None
        if not isinstance(raw, list) or not all(isinstance(row, Mapping) for row in raw):
            raise FieldProblem("Rows are expected here.")
        if len(raw) > MAX_ROWS:
            raise FieldProblem("This is more than %(count)s entries.", count=MAX_ROWS)
        rows = [self._row(n, row, around) for n, row in enumerate(raw, 1)]
        return [row for row in rows if row] or None

    def _row(self, n: int, raw: Mapping[str, Any], around: Around) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, value in raw.items():
            cell = self.cells.get(name)
            if cell is None:
                raise FieldProblem("Row %(row)s: there is no cell “%(cell)s”.", row=n, cell=str(name)[:60])
            if cell.item.computed is not None and not cell.item.readonly:
                continue
            try:
                stored = cell.parse(value, around)
                cell.validate(stored)
            except FieldProblem as problem:
                raise _in_row(n, cell, problem) from None
            if stored is not None:
                row[name] = stored
        return row

    def complete(self, rows: list[dict[str, Any]], names: Mapping[str, Any], surroundings: Any) -> list[dict[str, Any]]:
        """The rows with defaults and computed cells. ExpressionError and FieldProblem say in which row."""
        done: list[dict[str, Any]] = []
        for n, given in enumerate(rows, 1):
            row = dict(given)
            for name, cell in self.cells.items():
                if cell.item.default is not None and name not in row:
                    value = cell.parse(cell.item.default.run({**names, **row, "row": row}, surroundings))
                    if value is not None:
                        row[name] = value
                if cell.item.computed is not None:
                    self._compute(n, name, cell, row, names, surroundings)
                if cell.item.required and name not in row:
                    raise _in_row(n, cell, FieldProblem("This must be filled in."))
            done.append(row)
        return done

    def _compute(
        self, n: int, name: str, cell: Field, row: dict[str, Any], names: Mapping[str, Any], surroundings: Any
    ) -> None:
        assert cell.item.computed is not None
        try:
            value = cell.parse(cell.item.computed.run({**names, **row, "row": row}, surroundings))
        except ExpressionError as problem:
            raise ExpressionError(f"row {n}, {name}: {problem}") from problem
        row.pop(name, None)
        if value is not None:
            row[name] = value

    def display(self, value: Any, around: Around = PLAIN, document: Mapping[str, Any] | None = None) -> str:
        if not isinstance(value, list):
            return ""
        return "\n".join(
            " · ".join(
                shown
                for name, cell in self.cells.items()
                if isinstance(row, Mapping) and (shown := cell.display(row.get(name), around, document))
            )
            for row in value
        )


def _in_row(n: int, cell: Field, problem: FieldProblem) -> FieldProblem:
    found = FieldProblem(
        "Row %(row)s, %(cell)s: %(problem)s", row=n, cell=cell.item.label.get("en"), problem=problem.message
    )
    return found
