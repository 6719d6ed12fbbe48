"""A document computed anew because the one above it changed its readers: by the node itself, as a revision of its own.

Rights and lists are the door's as in every change; only the form's other rules are not asked, so that a document which
is incomplete today does not stay open to whom it no longer belongs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.access.database import Database
from app.access.model import Saved
from app.access.opened import Opened
from app.access.writer import Writer

ACTION = "inherit"  # how the history calls it


def write(database: Database, id: str, changed: Mapping[str, Any]) -> Saved:
    """Put what a document takes from above into it (None removes an item). NotFound, Forbidden."""
    opened, writer = parts(database)
    with writer.transaction():
        old = opened.find(id)
        items = {name: value for name, value in {**old.body, **changed}.items() if value is not None}
        return writer.put_settled(old, items, ACTION)


def parts(database: Database) -> tuple[Opened, Writer]:
    """The parts of an open database, within this package."""
    return database._opened, database._writer
