"""A document computed anew because the one above it changed its readers: by the node itself, as a revision of its own.

Rights and lists are the door's as in every change; only the form's other rules are not asked, so that a document which
is incomplete today does not stay open to whom it no longer belongs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.access import explain
from app.access.database import Database
from app.access.opened import Opened
from app.access.writer import Writer
from app.store import Revision

ACTION = "inherit"  # how the history calls it


class Written(NamedTuple):
    """What was put, what was there, and who read that."""

    rev: str
    old: Revision
    people: list[str]


def write(database: Database, id: str, changed: Mapping[str, Any]) -> Written:
    """Put what a document takes from above into it (None removes an item). NotFound, Forbidden."""
    opened, writer = parts(database)
    with writer.transaction():
        old = opened.find(id)
        items = {name: value for name, value in {**old.body, **changed}.items() if value is not None}
        saved = writer.put_settled(old, items, ACTION)
        return Written(saved.rev, old, [person.key for person in explain.readers(opened, old)])


def parts(database: Database) -> tuple[Opened, Writer]:
    """The parts of an open database, within this package."""
    return database._opened, database._writer
