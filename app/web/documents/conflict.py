"""Conflicts side by side in the form: the same item changed by somebody else meanwhile (U-10).

rows of {item, base, theirs, mine}: chosen per item, or written anew for texts
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from app.design import Form, Item
from app.web.context import label
from app.web.documents.display import Shower
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
