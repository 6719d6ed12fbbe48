"""A document as its page shows it: sections of rows, what is hidden left out, tables and long texts over both columns.

A database without designs, or a document whose form is gone, still shows: its items stand in one section, as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from flask_babel import gettext
from markupsafe import Markup

from app import clock
from app.design import Design, Expression, ExpressionError, Form, Item, Label
from app.web.context import label
from app.web.documents.display import WIDE, Shower
from app.web.documents.merging import empty

if TYPE_CHECKING:
    from app.access import Database

STAMPS = ("form", "created_by", "created_at", "changed_by", "changed_at", "readers", "authors", "parent")
log = logging.getLogger(__name__)


class Row(NamedTuple):
    """One item as the page shows it."""

    name: str
    label: str
    help: str
    html: Markup
    empty: bool
    wide: bool
    editable: bool
    type: str


class Block(NamedTuple):
    """A section with the rows to show; `filled` is false when all are empty."""

    name: str
    label: str
    icon: str | None
    rows: list[Row]
    filled: bool
    collapsed: bool


def names_of(
    database: Database, document: Mapping[str, Any], *, old: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The names an expression of the design may use: items and who asks."""
    return {
        **document,
        "person": database.identity.key,
        "principals": sorted(database.principals),
        "level": int(database.rights.level),
        "now": clock.now(),
        "today": clock.today().isoformat(),
        "old": dict(old or {}),
        "is_new": old is None,
    }


def holds(expression: Expression | None, names: Mapping[str, Any]) -> bool:
    """Whether a condition of the design holds; one that fails to run does not."""
    if expression is None:
        return False
    try:
        return bool(expression.evaluate(names))
    except ExpressionError as problem:
        log.info("The expression %s failed: %s", expression.source, problem)
        return False


def hidden(item: Item, names: Mapping[str, Any]) -> bool:
    """Whether an item is hidden by its own conditions."""
    if holds(item.hide_when, names):
        return True
    return item.visible_when is not None and not holds(item.visible_when, names)


def fixed(item: Item, names: Mapping[str, Any]) -> bool:
    """Whether the person may not change an item: computed, drawn from a series, fixed by the design or by level."""
    return (
        item.readonly
        or item.computed is not None
        or item.type in ("readers", "authors")
        or (item.type == "code" and item.series is not None)
        or holds(item.readonly_when, names)
        or int(names.get("level", 0)) < item.min_level
    )


def blocks(database: Database, form: Form | None, document: Mapping[str, Any], *, editable: bool) -> list[Block]:
    """The sections of a document, hidden ones and hidden items left out."""
    shower = Shower(database.design, form, document)
    if form is None:
        return [_bare(shower, document)]
    names = names_of(database, document, old=document)
    found = []
    for section in form.sections:
        if holds(section.hide_when, names):
            continue
        rows = [
            _row(shower, item, document.get(item.name), editable and not fixed(item, names))
            for item in section.items
            if item.type != "attachment" and item.name not in STAMPS and not hidden(item, names)
        ]
        if rows:
            filled = any(not row.empty for row in rows)
            found.append(Block(section.name, label(section.label), section.icon, rows, filled, section.collapsed))
    return found


def _row(shower: Shower, item: Item, value: Any, editable: bool) -> Row:
    wide = item.width == "full" or (
        item.width is None and (item.type in WIDE or item.lines > 1 or (isinstance(value, str) and "\n" in value))
    )
    return Row(
        item.name,
        label(item.label),
        label(item.help),
        shower.html(item, value),
        empty(value),
        wide,
        editable,
        item.type,
    )


def _bare(shower: Shower, document: Mapping[str, Any]) -> Block:
    rows = [
        _row(shower, plain_item(name, value), value, False)
        for name, value in document.items()
        if not name.startswith("_") and name not in STAMPS
    ]
    return Block("items", gettext("Items"), None, rows, bool(rows), False)


def plain_item(name: str, value: Any) -> Item:
    """An item for a value that no design describes."""
    kind = "boolean" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"
    return Item(name=name, type=kind, label=Label({"en": name.replace("_", " ").capitalize()}))


def item_of(form: Form | None, design: Design | None, name: str, value: Any = None) -> Item:
    """The item of a form by name, or a plain one for a name the form does not know."""
    known = form.items.get(name) if form else None
    return known or SYSTEM.get(name) or plain_item(name, value)


def _system(name: str, kind: str, english: str, chinese: str, multiple: bool = False) -> Item:
    return Item(name=name, type=kind, label=Label({"en": english, "zh": chinese}), multiple=multiple)


SYSTEM = {
    item.name: item
    for item in (
        _system("created_by", "names", "Created by", "添加人"),
        _system("created_at", "datetime", "Created", "添加时间"),
        _system("changed_by", "names", "Changed by", "修改人"),
        _system("changed_at", "datetime", "Changed", "修改时间"),
        _system("readers", "readers", "Readers", "读者", True),
        _system("authors", "authors", "Authors", "作者", True),
        _system("remarks", "text", "Remarks", "备注"),
        _system("form", "text", "Form", "表单"),
        _system("parent", "link", "Response to", "回应"),
    )
}


def action_word(action: str | None) -> str:
    """What a revision did, in words; the name of a workflow's action as it is."""
    if not action:
        return ""
    known = {
        "attach": gettext("Attached"),
        "detach": gettext("Attachment removed"),
        "restore": gettext("Restored"),
        "restore_item": gettext("Put back"),
        "settle_conflict": gettext("Versions settled"),
        "correct": gettext("Corrected"),
        "merge": gettext("Merged"),
        "delete": gettext("Deleted"),
        "keep": gettext("Kept"),
        "inherit": gettext("Follows the readers of the document above it"),
    }
    return str(known.get(action) or action.replace("_", " ").capitalize())
