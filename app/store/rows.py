"""Rows of documents.db as Python values: the one place that knows the columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from app.store.model import Body, Revision, Stub
from app.store.tree import RevisionTree, load

COLUMNS = "doc, id, rev, deleted, seq, access, body, attachments, tree"
PER_QUERY = 500


class Row(NamedTuple):
    """A document as it lies in the file."""

    doc: int
    id: str
    rev: str
    deleted: int
    seq: int
    access: int
    body: bytes
    attachments: bytes | None
    tree: bytes

    def items(self) -> Body:
        """The winner's items."""
        return loads(self.body)

    def revisions(self) -> RevisionTree:
        """The parsed tree."""
        return load(self.tree)

    def revision(self) -> Revision:
        """The winner."""
        return Revision(
            self.id,
            self.rev,
            loads(self.body),
            bool(self.deleted),
            stubs(self.attachments),
            self.doc,
            self.seq,
            self.access,
        )


class Content(NamedTuple):
    """What one revision says, as stored."""

    body: bytes
    attachments: bytes | None


def loads(blob: bytes) -> Body:
    """A stored body."""
    body: Body = orjson.loads(blob)
    return body


def stubs(blob: bytes | None) -> dict[str, Stub]:
    """Stored stubs."""
    return {name: Stub(*fields) for name, fields in orjson.loads(blob).items()} if blob else {}


def dump_stubs(found: Mapping[str, Stub]) -> bytes | None:
    """Stubs as stored: NULL when there are none."""
    return orjson.dumps({name: list(stub) for name, stub in found.items()}) if found else None


def find(connection: sqlite3.Connection, db: int, document: str) -> Row | None:
    """One document by its id."""
    if not _storable(document):
        return None
    row = connection.execute(f"SELECT {COLUMNS} FROM documents WHERE db = ? AND id = ?", (db, document)).fetchone()
    return Row(*row) if row else None


def find_many(connection: sqlite3.Connection, db: int, ids: Iterable[str]) -> Iterator[Row]:
    """Documents by their ids, in no order; ids that are not there are left out."""
    wanted = [document for document in dict.fromkeys(ids) if _storable(document)]
    for start in range(0, len(wanted), PER_QUERY):
        chunk = orjson.dumps(wanted[start : start + PER_QUERY]).decode()
        for row in connection.execute(
            f"SELECT {', '.join('d.' + column for column in COLUMNS.split(', '))}"
            " FROM json_each(?) AS wanted CROSS JOIN documents AS d ON d.db = ? AND d.id = wanted.value",
            (chunk, db),
        ):
            yield Row(*row)


def _storable(document: object) -> bool:
    """Whether it can be an id at all; callers may ask for anything."""
    if not isinstance(document, str):
        return False
    try:
        return document.isascii() or bool(document.encode())
    except UnicodeEncodeError:
        return False


def content(connection: sqlite3.Connection, row: Row, rev: str) -> Content | None:
    """What a revision of a document says; None when its body is no longer kept."""
    if rev == row.rev:
        return Content(row.body, row.attachments)
    found: Any = connection.execute(
        "SELECT body, attachments FROM bodies WHERE doc = ? AND rev = ?", (row.doc, rev)
    ).fetchone()
    return Content(*found) if found else None
