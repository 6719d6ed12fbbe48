"""A view's values as the screen says them, for files: labels of keywords, names of persons, titles of linked documents.

Numbers, truth values and single dates stay what they are, so that a spreadsheet can count with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.access import Database
from app.design import Column
from app.forms.fields import Field, field_of
from app.transfer.exporting import Exporter, plain

if TYPE_CHECKING:
    from app.node import Node

RAW = {"number", "integer", "money", "date", "datetime", "boolean"}


def exporter(node: Node, database: Database, language: str) -> Exporter:
    """An exporter that writes what the person would see in this language."""
    around = node.rules.around(database.identity, language, titles=True)
    fields: dict[str, Field | None] = {}
    shown: dict[tuple[str, str], str] = {}

    def show(column: Column, value: Any, language: str) -> Any:
        if value is None or (column.type in RAW and isinstance(value, int | float | str)):
            return value
        if column.name not in fields:
            fields[column.name] = field_of(column.item, database.design) if column.item else None
        field = fields[column.name]
        if field is None:
            return plain(column, value, language)
        if not isinstance(value, str) or column.type not in ("keyword", "names", "link"):
            return field.display(value, around)
        key = (column.name, value)
        if key not in shown:
            if len(shown) > 50_000:
                shown.clear()
            shown[key] = field.display(value, around)
        return shown[key]

    return Exporter(node.views, show)
