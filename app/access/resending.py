"""The person's three choices for a rejected change: send again, save as a new document, discard.

Sending again is an edit like any other: what the person set, put into the document as it is now, judged by the door
here and by the hub at the next push. A change that cannot be made again stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.access import rejecting
from app.access.identity import Identity
from app.access.mirroring import Rejected
from app.access.model import Document, Saved, items_of
from app.errors import BadRequest, Forbidden, NotFound

if TYPE_CHECKING:
    from app.access.database import Database
    from app.access.databases import Databases

CHOICES = ("resend", "new", "discard")


def rejected(databases: Databases, identity: Identity, database: str | None = None) -> list[Rejected]:
    """The rejected changes of whoever asks: those of the laptop's own person, nobody else's."""
    return rejecting.every(databases.store, database) if _is_own(databases, identity) else []


def settle(databases: Databases, n: int, choice: str, identity: Identity) -> Saved | None:
    """Make a choice; what was saved. NotFound, Forbidden, BadRequest, Conflict: then the change stays."""
    if not _is_own(databases, identity):
        raise NotFound("missing")
    if choice not in CHOICES:
        raise BadRequest("Choose one of: send again, save as a new document, discard.")
    if not identity.scope.write:
        raise Forbidden("This token may only read.")
    with databases.store.transaction():
        row = rejecting.one(databases.store, n)
        saved = None if choice == "discard" else _save(databases, row, identity, as_new=choice == "new")
        rejecting.remove(databases.store, n)
    return saved


def _is_own(databases: Databases, identity: Identity) -> bool:
    return databases.laptop is not None and identity.key == databases.laptop.person


def _save(databases: Databases, row: Rejected, identity: Identity, *, as_new: bool) -> Saved:
    database = databases.open(row.database, identity)
    current = _current(database, row.id)
    if as_new or (current is None and row.new):
        return database.create(_as_new(database, row, as_new=as_new), id=None if as_new else row.id, action="resend")
    if current is None:
        raise NotFound(rejecting.LOST)
    if row.deleted:
        return database.delete(row.id)
    items = {**items_of(current), **{name: values[1] for name, values in row.items.items()}}
    changed: dict[str, Any] = {name: value for name, value in items.items() if value is not None}
    if row.attachments:
        kept = databases.store.database(row.database).get(row.id).attachments
        changed["_attachments"] = {**kept, **row.attachments}
    return database.update(row.id, changed, current["_rev"], action="resend")


def _current(database: Database, id: str) -> Document | None:
    try:
        return database.get(id)
    except NotFound:
        return None


def _as_new(database: Database, row: Rejected, *, as_new: bool) -> dict[str, Any]:
    """The items of a document that is made anew: forms compute the rest, and give another number."""
    design = database.design
    computed = rejecting.computed_by(design)
    form = design.forms.get(str(row.body.get("form"))) if design else None
    codes = {name for name, item in form.items.items() if item.type == "code"} if form and as_new else set()
    items = rejecting.own(row.body, computed)
    found: dict[str, Any] = {name: value for name, value in items.items() if name not in codes}
    if row.attachments:
        found["_attachments"] = dict(row.attachments)
    return found


__all__ = ["CHOICES", "rejected", "settle"]
