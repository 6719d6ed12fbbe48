"""Conflicts side by side: the same item changed twice, in the form (U-10) or on two replicas.

rows of {item, base, theirs, mine}: chosen per item, or written anew for texts
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from app.design import Form, Item
from app.web.context import label
from app.web.documents.display import Shower
from app.web.documents.merging import same
from app.web.documents.saving import Outcome

if TYPE_CHECKING:
    from app.access import Database

WRITTEN = ("text", "longtext", "richtext", "email", "phone", "url", "number", "integer", "money", "date")


class Line(NamedTuple):
    """One item of a conflict."""

    name: str
    label: str
    base: Markup
    theirs: Markup
    mine: Markup
    text: str | None  # what an input for another answer starts with; None where it cannot be written
    lines: int


def rows(database: Database, form: Form, outcome: Outcome) -> dict[str, Any]:
    """What the dialog shows for a save that met other people's changes."""
    shower = Shower(database.design, form, outcome.current)
    return {
        "rows": [
            _line(shower, form.items[clash.name], clash.base, clash.theirs, clash.mine) for clash in outcome.clashes
        ],
        "settled": outcome.current["_rev"],
        "by": outcome.current.get("changed_by"),
        "at": outcome.current.get("changed_at"),
    }


def _line(shower: Shower, item: Item, base: Any, theirs: Any, mine: Any) -> Line:
    written = item.type in WRITTEN and not item.many
    return Line(
        item.name,
        label(item.label),
        shower.html(item, base),
        shower.html(item, theirs),
        shower.html(item, mine),
        ("" if mine is None else str(mine)) if written else None,
        max(item.lines, 4 if item.type == "richtext" else 1),
    )


class Difference(NamedTuple):
    """An item in which branches differ: its label and the value in each."""

    name: str
    label: str
    values: list[Markup]


def differences(
    database: Database, form: Form | None, items: Mapping[str, Item], branches: Sequence[Mapping[str, Any]]
) -> list[Difference]:
    """Where conflict branches of a document differ, item by item."""
    found = []
    names = dict.fromkeys(name for branch in branches for name in branch if not name.startswith("_"))
    for name in names:
        if name in ("changed_at", "changed_by"):
            continue
        values = [branch.get(name) for branch in branches]
        if all(same(values[0], value) for value in values[1:]):
            continue
        item = items.get(name)
        if item is None:
            continue
        shown = [Shower(database.design, form, branch).html(item, branch.get(name)) for branch in branches]
        found.append(Difference(name, label(item.label), shown))
    return found
