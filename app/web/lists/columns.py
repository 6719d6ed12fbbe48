"""Which columns a person sees in a view, in which order, how wide: the design's choice, then the person's
own.

Kept as {"order": [names], "hidden": [names], "shown": [names], "widths": {name: pixels}}; columns the design
gains later appear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import escape

from app.design import Column, Design, Item, View
from app.web import context, preferences

NARROWEST, WIDEST = 40, 900
WIDTHS = {
    "money": 110,
    "number": 90,
    "integer": 80,
    "date": 116,
    "datetime": 130,
    "boolean": 70,
    "names": 110,
}
NOT_IN_CELLS = {"code", "richtext", "table", "attachment", "readers", "authors"}
LINKING = ("title", "name", "subject")


@dataclass(frozen=True)
class ShownColumn:
    """A column as it stands in the grid."""

    column: Column
    width: int
    linking: bool = False
    flexible: bool = False  # takes the width that is left over

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def item(self) -> Item | None:
        return self.column.item

    @property
    def fixed(self) -> bool:
        """Whether nobody changes it in a list: no item of its own, computed, or too large for a cell."""
        item = self.item
        return item is None or bool(item.computed) or item.readonly or item.type in NOT_IN_CELLS

    @property
    def right(self) -> bool:
        """Numbers stand on the right."""
        return self.column.type in ("money", "number", "integer")

    @cached_property
    def marked(self) -> str:
        """The attribute of its cells that names it."""
        return f' data-item="{escape(self.name)}"'

    @cached_property
    def opening(self) -> str:
        """The tag its cells begin with."""
        return f'<td class="number"{self.marked}>' if self.right else f"<td{self.marked}>"

    @cached_property
    def on_card(self) -> str:
        """The tag its value begins with on a card of a board."""
        strong = " strong" if self.right and self.column.total else ""
        return f'<span class="card-cell{strong}" title="{escape(context.label(self.column.label))}">'


def name_of(database: str, view: str) -> str:
    """The name of the preference."""
    return f"columns:{database}/{view}"


def chosen(view: View, kept: Mapping[str, Any], *, grouped: bool) -> list[ShownColumn]:
    """The columns to show; under categories the categories' own columns are left out."""
    order = {name: place for place, name in enumerate(kept.get("order") or [])}
    hidden, shown = set(kept.get("hidden") or []), set(kept.get("shown") or [])
    widths = kept.get("widths") or {}
    columns = sorted(view.columns, key=lambda column: order.get(column.name, len(order)))
    visible = [
        column
        for column in columns
        if column.name not in hidden
        and (not column.hidden or column.name in shown)
        and not (grouped and column.name in view.categories)
    ] or list(view.columns[:1])
    linking = next((c.name for name in LINKING for c in visible if c.name == name), None)
    if linking is None:
        linking = next((c.name for c in visible if c.type in ("text", "code")), visible[0].name if visible else "")
    flexible = _flexible(visible, linking, widths)
    return [
        ShownColumn(column, _width(widths.get(column.name), column), column.name == linking, column.name == flexible)
        for column in visible
    ]


def _flexible(visible: Sequence[Column], linking: str, widths: Mapping[str, Any]) -> str:
    """The column that takes the width left over: the one that names the document, else the last of words whose
    width the person did not set.
    """
    words = [c.name for c in visible if c.type in ("text", "longtext", "link") and c.name not in widths]
    return linking if linking in words else words[-1] if words else ""


def _width(kept: Any, column: Column) -> int:
    width = kept if isinstance(kept, int) else column.width or WIDTHS.get(column.type, 140)
    if column.type == "date" and not isinstance(kept, int):
        width = max(width, WIDTHS["date"])  # 2026年12月25日 has its place
    return max(NARROWEST, min(WIDEST, width))


def keep(database: str, view: View, sent: Mapping[str, Any]) -> None:
    """Keep what a person chose; names the view does not have and silly widths are dropped."""
    known = {column.name: column for column in view.columns}
    kept = preferences.read(name_of(database, view.name))
    if sent.get("reset"):
        preferences.write(name_of(database, view.name), {})
        return
    for key in ("order", "hidden", "shown"):
        if isinstance(sent.get(key), list):
            kept[key] = [name for name in sent[key] if name in known]
    if isinstance(sent.get("widths"), dict):
        widths = dict(kept.get("widths") or {})
        for name, width in sent["widths"].items():
            if name in known and isinstance(width, int) and not isinstance(width, bool):
                widths[name] = max(NARROWEST, min(WIDEST, width))
        kept["widths"] = widths
    preferences.write(name_of(database, view.name), kept)


def kinds_of(view: View, items: Mapping[str, Item]) -> dict[str, str]:
    """The type of every item and column of a view, and of the stamps that every document has."""
    stamps = {"created_at": "datetime", "changed_at": "datetime", "created_by": "names", "changed_by": "names"}
    columns = {column.name: column.type for column in view.columns}
    return {**stamps, **{name: item.type for name, item in items.items()}, **columns}


def items_of(design: Design | None, view: View) -> dict[str, Item]:
    """Every item of the view's forms, by name; what can be filtered by and changed in bulk."""
    found: dict[str, Item] = {}
    if design:
        for name in view.forms:
            form = design.forms.get(name)
            for item in form.items.values() if form else ():
                found.setdefault(item.name, item)
    for column in view.columns:
        if column.item is not None:
            found.setdefault(column.name, column.item)
    return found
