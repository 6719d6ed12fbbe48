"""`_local` documents: checkpoints and the like. Never replicated, not in the feed, no tree."""

from __future__ import annotations

import sqlite3

from app.errors import Conflict, NotFound
from app.store import validity
from app.store.model import Local
from app.store.rows import loads

PREFIX = "_local/"


def _id(document: str) -> str:
    return validity.document_id(PREFIX + document.removeprefix(PREFIX))


def get(connection: sqlite3.Connection, db: int, document: str) -> Local:
    """The document. NotFound."""
    row = connection.execute(
        "SELECT rev, body FROM local_documents WHERE db = ? AND id = ?", (db, _id(document))
    ).fetchone()
    if row is None:
        raise NotFound("missing")
    return Local(row[0], loads(row[1]))


def put(connection: sqlite3.Connection, db: int, document: str, body: bytes, rev: str | None) -> str:
    """Write it; its revision `0-<n>`. Conflict when `rev` is given and another is current."""
    row = connection.execute("SELECT rev FROM local_documents WHERE db = ? AND id = ?", (db, _id(document))).fetchone()
    if rev is not None and (row is None or row[0] != rev):
        raise Conflict
    name = f"0-{int(row[0].partition('-')[2]) + 1 if row else 1}"
    connection.execute(
        "INSERT OR REPLACE INTO local_documents (db, id, rev, body) VALUES (?, ?, ?, ?)",
        (db, _id(document), name, body),
    )
    return name


def delete(connection: sqlite3.Connection, db: int, document: str) -> None:
    """Remove it. NotFound."""
    found = connection.execute("DELETE FROM local_documents WHERE db = ? AND id = ?", (db, _id(document)))
    if not found.rowcount:
        raise NotFound("missing")
