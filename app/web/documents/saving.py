"""Saving a form: what changed goes onto the current revision, what two people changed is asked, nothing is lost.

opened on `_rev` ── changed items ──┬─ nobody saved meanwhile ─────────────▶ written
                                    ├─ others changed other items ─────────▶ merged, written
                                    └─ others changed the same items ──────▶ Outcome.clashes: choose per item
`_settled` names the revision the choices (`_choose.<item>` = mine | theirs | base | edited) were made against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.design import Form
from app.errors import BadRequest, Conflict, NotFound
from app.ids import new_id
from app.web.documents import formdata
from app.web.documents.merging import Clash, three_way
from app.web.documents.sentfiles import Files

if TYPE_CHECKING:
    from app.access import Database

TRIES = 5  # how often somebody else may be quicker while we save
UNORDERED = ("keyword", "names", "readers", "authors", "link")


@dataclass
class Outcome:
    """What became of a save: saved (`id`, `rev`), or what stands in its way."""

    id: str = ""
    rev: str = ""
    warnings: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    clashes: list[Clash] = field(default_factory=list)
    current: dict[str, Any] = field(default_factory=dict)
    merged: bool = False  # somebody else's changes were kept beside ours
    gone: bool = False  # deleted meanwhile

    @property
    def saved(self) -> bool:
        """Whether it is written."""
        return bool(self.rev)


def create(database: Database, form: Form, items: Mapping[str, Any], files: Files) -> Outcome:
    """A new document from a form, with its files."""
    filled = {name: value for name, value in items.items() if value not in (None, "", [])}
    id = new_id()
    try:
        saved = database.create({**filled, **files.onto(id, {}, filled), "form": form.name}, id=id)
    except BadRequest as problem:
        return Outcome(errors=problem.fields, reason=problem.reason)
    return Outcome(id=saved.id, rev=saved.rev, warnings=list(saved.warnings))


def update(
    database: Database,
    form: Form,
    id: str,
    items: Mapping[str, Any],
    sent: formdata.Values,
    zone: str,
    files: Files | None = None,
) -> Outcome:
    """The person's items onto a document that may have changed since the form was opened."""
    opened = sent.get("_rev") or ""
    base = base_of(database, id, opened)
    for _ in range(TRIES):
        try:
            current = database.get(id)
        except NotFound:
            return Outcome(gone=True)
        outcome = _once(database, form, current, base, items, sent, zone, files)
        if outcome is not None:
            return outcome
    return Outcome(reason="busy")


def _once(
    database: Database,
    form: Form,
    current: Mapping[str, Any],
    base: Mapping[str, Any] | None,
    items: Mapping[str, Any],
    sent: formdata.Values,
    zone: str,
    files: Files | None,
) -> Outcome | None:
    untouched = base is not None and base.get("_rev") == current["_rev"]
    sets = {name for name, item in form.items.items() if item.many and item.type in UNORDERED}
    merge = three_way(current if untouched else base, current, items, sets=sets)
    wanted = dict(merge.items)
    clashes = merge.clashes
    if clashes and sent.get("_settled") == current["_rev"]:
        wanted, clashes = settle(form, clashes, wanted, sent, zone)
    if clashes:
        return Outcome(clashes=clashes, current=dict(current))
    if files is not None:
        wanted |= files.onto(current["_id"], current, wanted)
    if not wanted:
        return Outcome(id=current["_id"], rev=current["_rev"], merged=not untouched)
    try:
        saved = database.change(current["_id"], wanted, current["_rev"])
    except Conflict:
        return None
    except BadRequest as problem:
        return Outcome(errors=problem.fields, reason=problem.reason, current=dict(current))
    return Outcome(id=saved.id, rev=saved.rev, warnings=list(saved.warnings), merged=not untouched)


def settle(
    form: Form, clashes: list[Clash], items: dict[str, Any], sent: formdata.Values, zone: str
) -> tuple[dict[str, Any], list[Clash]]:
    """The person's choices applied; clashes without a choice remain."""
    wanted, left = dict(items), []
    for clash in clashes:
        choice = sent.get(f"_choose.{clash.name}")
        if choice == "edited":
            wanted[clash.name] = formdata.read_value(
                form.items[clash.name], sent.get(f"_edited.{clash.name}") or "", zone
            )
        elif choice in ("mine", "base"):
            wanted[clash.name] = clash.mine if choice == "mine" else clash.base
        elif choice != "theirs":
            left.append(clash)
    return wanted, left


def base_of(database: Database, id: str, rev: str) -> dict[str, Any] | None:
    """The document as the form was opened on it: kept by the store, or rebuilt backwards from the history."""
    if not rev:
        return None
    try:
        return dict(database.get(id, rev))
    except NotFound:
        pass
    try:
        found = dict(database.get(id))
        entries = database.history(id)
    except NotFound:
        return None
    for entry in entries:  # newest first
        if entry.rev == rev:
            return {**found, "_rev": rev}
        for name, (old, _new) in entry.items.items():
            if old is None:
                found.pop(name, None)
            else:
                found[name] = old
    return None


__all__ = ["Outcome", "base_of", "create", "settle", "update"]
