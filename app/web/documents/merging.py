"""Two edits of one document, item by item: what merges by itself and what a person must settle.

The form was opened on `base`; meanwhile somebody saved `theirs`; the person now saves `mine`:

    base ──────────▶ theirs     (in the database)
      └────────────▶ mine       (in the form)

    mine == base                 nobody here touched it: theirs stands
    theirs == base, mine differs mine is written
    mine == theirs               the same change twice: nothing to do
    lists, all different         three-way set merge: what either added is in, what either removed is out
    otherwise                    clash: shown side by side, nothing is lost

Rules: requirements/access "Conflicts and deletion". Pure functions, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from app.access.merging import empty, merge_sets, same

MISSING_BASE: Mapping[str, Any] = {}


class Clash(NamedTuple):
    """An item both changed: what it was, what is saved now, what the person wants."""

    name: str
    base: Any
    theirs: Any
    mine: Any


class Merge(NamedTuple):
    """What to write onto the current revision, and what must be asked first."""

    items: dict[str, Any]
    clashes: list[Clash]


def changed(base: Mapping[str, Any], mine: Mapping[str, Any]) -> dict[str, Any]:
    """The items of `mine` that differ from `base`."""
    return {name: value for name, value in mine.items() if not same(base.get(name), value)}


def three_way(
    base: Mapping[str, Any] | None,
    theirs: Mapping[str, Any],
    mine: Mapping[str, Any],
    *,
    sets: Iterable[str] = (),
) -> Merge:
    """Merge the person's items with what was saved meanwhile; `sets` names list items whose order does not matter.

    Without `base` (its body is no longer kept) every item that differs from theirs is asked.
    """
    unordered = frozenset(sets)
    items: dict[str, Any] = {}
    clashes: list[Clash] = []
    for name, value in mine.items():
        there = theirs.get(name)
        before = there if base is None else base.get(name)
        if same(value, there) or (base is not None and same(value, before)):
            continue
        if base is not None and same(there, before):
            items[name] = value
        elif base is not None and name in unordered and isinstance(there or [], list) and isinstance(value or [], list):
            items[name] = merge_sets(before or [], there or [], value or [])
        else:
            clashes.append(Clash(name, None if base is None else before, there, value))
    return Merge(items, clashes)


__all__ = ["Clash", "Merge", "changed", "empty", "merge_sets", "same", "three_way"]
