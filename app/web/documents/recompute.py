"""What a form looks like after a change: computed values, what is hidden, required, offered.

The server runs the same rules as at save (`rules.preview`), so that what the page shows is what will be stored.

    {computed: {name: text}, tables: {name: [{cell: text}]}, hidden: {name: bool}, hidden_sections: {name: bool},
     required: {name: bool}, readonly: {name: bool}, choices: {name: [{value, label, retired}]},
     pulled: {name: {value, label}}, defaults: {name: {value, label}}}

A default that depends on other items (the probability of a stage) follows them until the first save, unless the
person typed something else: the form holds beside such a field what the default was (`_default.<item>`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.design import Form, Item
from app.errors import NotFound
from app.web.context import node, open_database
from app.web.documents.display import Shower
from app.web.documents.formdata import Values, read_value
from app.web.documents.layout import fixed, hidden, holds, names_of
from app.web.documents.widgets import Editor, keyword_options

if TYPE_CHECKING:
    from app.access import Database


def answer(
    database: Database,
    form: Form,
    items: dict[str, Any],
    *,
    old: Mapping[str, Any] | None,
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """What the page should show for `items`; `before` are the items with computed ones filled in by the rules."""
    names = names_of(database, before, old=old)
    shower = Shower(database.design, form, before)
    told: dict[str, Any] = {
        "computed": {},
        "tables": {},
        "hidden": {},
        "hidden_sections": {
            section.name: holds(section.hide_when, names) for section in form.sections if section.hide_when
        },
        "required": {},
        "readonly": {},
        "choices": {},
        "pulled": pulled(database, form, items, old),
        "defaults": defaults(database, form, items) if old is None else {},
    }
    for name, item in form.items.items():
        if item.computed is not None:
            told["computed"][name] = shower.text(item, before.get(name))
        if item.type == "table":
            told["tables"][name] = _lines(shower, item, before.get(name))
        if item.visible_when is not None or item.hide_when is not None:
            told["hidden"][name] = hidden(item, names)
        if item.required_when is not None:
            told["required"][name] = item.required or holds(item.required_when, names)
        if item.readonly_when is not None:
            told["readonly"][name] = fixed(item, names)
        if item.depends_on and item.type == "keyword":
            told["choices"][name] = _choices(database, form, item, before)
    return told


def _lines(shower: Shower, item: Item, rows: Any) -> list[dict[str, str]]:
    cells = [cell for cell in item.items if cell.computed is not None]
    if not cells or not isinstance(rows, list):
        return []
    return [
        {cell.name: shower.text(cell, row.get(cell.name)) for cell in cells} for row in rows if isinstance(row, dict)
    ]


def _choices(database: Database, form: Form, item: Item, items: Mapping[str, Any]) -> list[dict[str, Any]]:
    value = items.get(item.name)
    chosen = [str(entry) for entry in (value if isinstance(value, list) else [value]) if entry not in (None, "")]
    return [
        {"value": option.value, "label": option.label, "retired": option.retired}
        for option in keyword_options(database, form, item, items, chosen)
        if not option.retired
    ]


def pulled(
    database: Database, form: Form, items: Mapping[str, Any], old: Mapping[str, Any] | None
) -> dict[str, dict[str, str]]:
    """Items to fill at once because a link was chosen: only those whose link differs from what is saved."""
    found: dict[str, dict[str, str]] = {}
    for item in form.items.values():
        target = items.get(item.name)
        if item.type != "link" or not item.pull or not isinstance(target, str) or (old or {}).get(item.name) == target:
            continue
        try:
            source = open_database(item.database or database.name).get(target)
        except NotFound:
            continue
        for name, from_item in item.pull.items():
            mine = form.items.get(name)
            if mine is None:
                continue
            editor = Editor(database, form, {**items, name: source.get(from_item)}, old=old)
            field = editor.field(mine)
            shown = next((option.label for option in field.options if option.chosen), field.value)
            if field.fixed:
                shown = editor.shower.text(mine, source.get(from_item))
            found[name] = {"value": field.value, "label": shown}
    return found


def dependent(form: Form) -> list[Item]:
    """The items whose default depends on other items."""
    return [
        item
        for item in form.items.values()
        if item.default is not None
        and not item.many
        and item.type != "table"
        and item.default.names & form.items.keys()
    ]


def defaults(database: Database, form: Form, items: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What the dependent defaults of a new document are now, as its fields would show them."""
    following = dependent(form)
    if not following:
        return {}
    names = {item.name for item in following}
    others = {name: value for name, value in items.items() if name not in names}
    filled = node().rules.preview(database, None, {**others, "form": form.name}).items
    editor = Editor(database, form, filled, old=None)
    fields = {item.name: editor.field(item) for item in following}
    return {
        name: {"value": field.value, "label": next((one.label for one in field.options if one.chosen), field.value)}
        for name, field in fields.items()
        if not field.fixed
    }


def untouched(form: Form, items: Mapping[str, Any], sent: Values, zone: str) -> set[str]:
    """The items of a new document that still hold their dependent default as the page last showed it."""
    return {
        item.name
        for item in dependent(form)
        if (shown := sent.get(f"_default.{item.name}")) is not None
        and read_value(item, shown, zone) == items.get(item.name)
    }
