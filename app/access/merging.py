"""Branches of one document made one again, item by item: pure, a function of the branches alone.

                  ┌─ leaf 1 (winner) ─┐
    ancestor ─────┼─ leaf 2 ──────────┼──▶ Merged: the winner's child    or    Unsettled: a person chooses
                  └─ leaf 3 ──────────┘

    one branch changed it, or several to the same          that value
    several changed a list without order, differently      what anybody added is in, what anybody removed is out
    several changed it differently                         unsettled
    `created_*`                                            the ancestor's
    `changed_at`                                           the latest, with the `changed_by` of that branch
    attachments                                            by name, as items are

No clock, no person, no other document is asked, so that two hubs make the same revision of the same branches.
Rules: requirements/access "Conflicts and deletion".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from app.access import rules
from app.store import Stub

CREATED = ("created_by", "created_at")
CHANGED = ("changed_by", "changed_at")
FILE = "_attachments/"  # before the name of an attachment, where it stands for an item
ACCESS = ("readers", "authors")
_EVERY_READER = (rules.EVERYBODY, rules.ALL_LEVELS)
_NOTHING: tuple[Any, ...] = (None, "", [], {})


class Leaf(NamedTuple):
    """A live branch: its newest revision. Leaves come in winner order."""

    rev: str
    body: Mapping[str, Any]
    attachments: Mapping[str, Stub] = {}


class Merged(NamedTuple):
    """What the merge revision says. It is the child of the winner; `merged` are the other leaves."""

    body: dict[str, Any]
    attachments: dict[str, Stub]
    merged: list[str]


class Unsettled(NamedTuple):
    """Items that branches changed differently: `{name: [value per leaf]}`; attachments as `_attachments/<name>`.

    Without an ancestor that is still kept, every item that differs. Empty when a rule of the form refuses the merge, or
    when it would be shown to somebody whom a branch does not admit.
    """

    items: dict[str, list[Any]]


def merge(
    leaves: Sequence[Leaf],
    ancestor: Leaf | None,
    *,
    sets: Collection[str] | None = None,
    derived: Collection[str] = (),
) -> Merged | Unsettled:
    """All these leaves at once, against their common ancestor.

    `sets`: items whose lists have no order (None: every list of different texts). `derived`: items the form computes;
    they are the winner's here, and computed anew by who writes the merge.
    """
    bodies = [leaf.body for leaf in leaves]
    names = _names([ancestor.body if ancestor else {}, *bodies])
    merged: dict[str, Any] = {}
    clashes: dict[str, list[Any]] = {}
    for name in names:
        if name in CREATED or name in CHANGED:
            continue
        values = [body.get(name) for body in bodies]
        if name in derived:
            _put(merged, name, bodies[0], values[0])
            continue
        found = _one(name, values, ancestor, sets)
        if found is None:
            clashes[name] = values
        else:
            _put(merged, name, next((b for b in bodies if same(b.get(name), found[0]) and name in b), {}), found[0])
    attachments, files = _attachments(leaves, ancestor)
    clashes |= files
    if clashes:
        return Unsettled(clashes)
    merged |= _stamps(leaves, ancestor)
    return Merged(merged, attachments, [leaf.rev for leaf in leaves[1:]])


def admits(merged: Mapping[str, Any], leaves: Iterable[Leaf], ancestor: Leaf | None) -> bool:
    """Whether nobody gets to see by the merge what a branch hid from them.

    A branch hides from those whom it took off the ancestor's readers; one that closed an open document, from all whom
    it does not name. Whom another branch added is admitted to all of the merge: an edit made a moment before or after
    that change would be shown to him as well.
    """
    readers = rules.readers_of(merged)
    before = rules.readers_of(ancestor.body) if ancestor else frozenset({rules.EVERYBODY})
    return all(_reveals_nothing(readers, before, rules.readers_of(leaf.body)) for leaf in leaves)


def _reveals_nothing(readers: frozenset[str], before: frozenset[str], admitted: frozenset[str]) -> bool:
    if not admitted.isdisjoint(_EVERY_READER):
        return rules.PUBLIC in admitted or rules.PUBLIC not in readers & before
    if not before.isdisjoint(_EVERY_READER):
        return readers <= admitted
    return readers.isdisjoint(_EVERY_READER) and readers.isdisjoint(before - admitted)


def _names(bodies: Iterable[Mapping[str, Any]]) -> dict[str, None]:
    return {name: None for body in bodies for name in body}


def _put(items: dict[str, Any], name: str, source: Mapping[str, Any], value: Any) -> None:
    """An item that its branch does not have at all stays absent."""
    if name in source:
        items[name] = source[name] if same(source[name], value) else value
    elif not empty(value):
        items[name] = value


def _one(name: str, values: list[Any], ancestor: Leaf | None, sets: Collection[str] | None) -> tuple[Any] | None:
    """The merged value, in a tuple; None when a person must choose."""
    if all(same(values[0], value) for value in values[1:]):
        return (values[0],)
    if ancestor is None:
        return None
    before = ancestor.body.get(name)
    changed = [value for value in values if not same(before, value)]
    if all(same(changed[0], value) for value in changed[1:]):
        return (changed[0],)
    if _is_set(name, [before, *values], sets):
        return (merge_sets(before or [], *(value or [] for value in values)),)
    return None


def _is_set(name: str, values: Sequence[Any], sets: Collection[str] | None) -> bool:
    if name in ACCESS or not all(value is None or value == "" or isinstance(value, list) for value in values):
        return False
    if sets is not None:
        return name in sets
    return all(
        all(isinstance(entry, str) for entry in value) and len(set(value)) == len(value) for value in values if value
    )


def merge_sets(base: Sequence[Any], *sides: Sequence[Any]) -> list[Any]:
    """Edits of a list without order: what is in the first side first, then what others added, less what any removed."""
    kept = [entry for entry in base if all(entry in side for side in sides)]
    merged: list[Any] = []
    for side in sides:
        for entry in side:
            if entry not in merged and (entry in kept or entry not in base):
                merged.append(entry)
    return merged


def _attachments(leaves: Sequence[Leaf], ancestor: Leaf | None) -> tuple[dict[str, Stub], dict[str, list[Any]]]:
    before = ancestor.attachments if ancestor else {}
    merged: dict[str, Stub] = {}
    clashes: dict[str, list[Any]] = {}
    for name in _names([before, *(leaf.attachments for leaf in leaves)]):
        stubs = [leaf.attachments.get(name) for leaf in leaves]
        said = [_said(stub) for stub in stubs]
        changed = [stub for stub, text in zip(stubs, said, strict=True) if text != _said(before.get(name))]
        if len(set(said)) == 1:
            chosen = stubs[0]
        elif len({_said(stub) for stub in changed}) == 1 and ancestor is not None:
            chosen = changed[0]
        else:
            clashes[FILE + name] = list(stubs)
            continue
        if chosen is not None:
            merged[name] = chosen
    return merged, clashes


def _said(stub: Stub | None) -> tuple[str, str] | None:
    return (stub.content_type, stub.digest) if stub else None


def _stamps(leaves: Sequence[Leaf], ancestor: Leaf | None) -> dict[str, Any]:
    latest = max(leaves, key=lambda leaf: str(leaf.body.get("changed_at") or ""))  # the first of equals: winner order
    created = (ancestor or leaves[0]).body
    sources = [(name, created) for name in CREATED] + [(name, latest.body) for name in CHANGED]
    return {name: body[name] for name, body in sources if name in body}


def same(one: Any, other: Any) -> bool:
    """Whether two values mean the same: an absent item, `None`, an empty text and an empty list all mean "nothing".
    1 is 1.0, but not true."""
    return (empty(one) and empty(other)) or (one == other and _alike(one, other))


def _alike(one: Any, other: Any) -> bool:
    """Of equal values: whether truth values stand at the same places."""
    if isinstance(one, list):
        return all(_alike(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, dict):
        return all(_alike(value, other[name]) for name, value in one.items())
    return isinstance(one, bool) == isinstance(other, bool)


def empty(value: Any) -> bool:
    """Whether a value says nothing (zero and False do say something)."""
    return value is None or (not isinstance(value, bool | int | float) and value in _NOTHING)


__all__ = ["FILE", "Leaf", "Merged", "Unsettled", "admits", "empty", "merge", "merge_sets", "same"]
