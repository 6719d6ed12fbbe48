"""What a document takes anew from the one above it: items pulled or computed that decide who reads, and the lists.

Nothing else of the document is looked at: one that would not pass its form today still follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.access.model import Document
from app.design.inheriting import items_of_access
from app.forms.composing import Composing

if TYPE_CHECKING:
    from app.access.database import Database
    from app.forms.rules import FormRules

LISTS = frozenset({"readers", "authors"})


def inherited(rules: FormRules, database: Database, document: Document) -> dict[str, Any]:
    """The items of a document that are no longer as its form makes them; None for one that is to go."""
    plan = rules.plan_of(database, document)
    if plan is None:
        return {}
    deciding = items_of_access(plan.form)
    save = Composing(rules, database, plan, document, None)
    save.take({name: value for name, value in document.items() if name[:1] != "_"})
    save.fill({})
    for name, item in plan.links:
        target = _above(save, database, item.database, document.get(name))
        for own, source in item.pull.items():
            if own in deciding and target is not None:
                save.pull(own, target.get(source))
    save.compute()
    save.access()
    if not LISTS.isdisjoint(save.problems):  # an expression that fails opens nothing
        return {}
    names = (deciding & plan.derived) | LISTS
    return {name: save.items.get(name) for name in names if save.items.get(name) != document.get(name)}


def _above(save: Composing, database: Database, other: str | None, id: object) -> Mapping[str, Any] | None:
    return save.target(other or database.name, id) if isinstance(id, str) else None
