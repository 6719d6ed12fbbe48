"""The value an item had in some revision: from the kept body, else from the history around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.access.model import MISSING
from app.errors import NotFound

if TYPE_CHECKING:
    from app.access.database import Database


def value_at(database: Database, id: str, rev: str, item: str) -> Any:
    """What `item` held in `rev`; None when it was absent. NotFound when the document never had that
    revision."""
    if item.startswith("_"):
        raise NotFound(MISSING)
    try:
        return database.get(id, rev).get(item)
    except NotFound:
        pass
    current = database.get(id)
    entries = database.history(id)
    place = next((place for place, entry in enumerate(entries) if entry.rev == rev), None)
    if place is None:
        raise NotFound(MISSING)
    for entry in entries[place:]:  # the last change up to the revision said what it became
        if item in entry.items:
            return entry.items[item][1]
    for entry in reversed(entries[:place]):  # else the first change after it says what it was
        if item in entry.items:
            return entry.items[item][0]
    return current.get(item)
