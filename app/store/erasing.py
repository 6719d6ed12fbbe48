"""Purging so that nothing is left: what a laptop owes for documents its person may no longer read.

    in one transaction   rows go, a row in `erasing` says what else is to follow
    then                 marks, drafts and job rows in node.db · hooks of derived data · attachment contents
    then                 both logs are copied and cut (secure_delete has overwritten the freed space), and copies that
                         SQLite left in its pages are cleared (scrubbing.py)
    with that            the row in `erasing` goes; until then `finish` repeats everything, also after a crash

A content is removed at once, without the grace time of `Blobs.collect`, unless a kept revision names it too.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import orjson

from app import clock
from app.store import compaction, purging, rows

if TYPE_CHECKING:
    from app.store.store import Store

_OF_DOCUMENT = ("marks_read", "drafts", "mine")  # in node.db, by database and id; `mine` notes what goes, so it is last
_OF_DATABASE = ("marks", "filters", "webhooks", "jobs", *_OF_DOCUMENT)


def purge(store: Store, name: str, db: int, ids: Sequence[str]) -> int:
    """Remove documents, inside a transaction; `finish` after it. How many."""
    with store.transaction() as connection:
        for row in rows.find_many(connection, db, ids):
            kept = connection.execute("SELECT attachments FROM bodies WHERE doc = ?", (row.doc,))
            addresses = _addresses([row.attachments, *(blob for (blob,) in kept)])
            _note(connection, name, row.id, row.doc, addresses)
        listed = orjson.dumps(list(ids)).decode()
        for table in ("missing_content", "unsent"):
            connection.execute(
                f"DELETE FROM {table} WHERE db = ? AND id IN (SELECT value FROM json_each(?))", (db, listed)
            )
        return purging.purge(store, db, ids, remember=False)


def drop(store: Store, name: str) -> None:
    """Remove a whole database, inside a transaction; `finish` after it."""
    with store.transaction() as connection:
        db = store.database(name).number
        stubs = connection.execute(
            "SELECT attachments FROM documents WHERE db = ?1 AND attachments IS NOT NULL UNION ALL"
            " SELECT b.attachments FROM bodies AS b JOIN documents AS d USING (doc)"
            " WHERE d.db = ?1 AND b.attachments IS NOT NULL",
            (db,),
        )
        _note(connection, name, None, None, _addresses(blob for (blob,) in stubs))
        store.drop(name)


def _addresses(stubs: Iterable[bytes | None]) -> list[str]:
    return sorted({stub.address for blob in stubs for stub in rows.stubs(blob).values()})


def _note(connection: sqlite3.Connection, name: str, id: str | None, doc: int | None, addresses: list[str]) -> None:
    connection.execute(
        "INSERT INTO erasing (database, id, doc, addresses) VALUES (?, ?, ?, ?)",
        (name, id, doc, orjson.dumps(addresses).decode()),
    )


def finish(store: Store) -> int:
    """Erase what purges have left, outside any transaction; how many purges that concerned. Unavailable."""
    with store.reading() as connection:
        waiting = connection.execute("SELECT n, database, id, addresses FROM erasing ORDER BY n").fetchall()
    if not waiting:
        return 0
    with store.transaction() as connection:  # what totals remember of categories nobody is in any more
        connection.execute("DELETE FROM totals WHERE count = 0")
        connection.execute("DELETE FROM totals_log")
        connection.execute("INSERT INTO totals_log (ord) VALUES (NULL)")
    by_database: dict[str, list[str] | None] = {}
    for _, name, id, _ in waiting:
        known = by_database.setdefault(name, [])
        if id is None or known is None:
            by_database[name] = None
        else:
            known.append(id)
    for name, ids in by_database.items():
        _erase_beside(store, name, ids)
        for hook in store.on_purge:
            hook(name, ids)
    _remove_contents(store, {address for row in waiting for address in orjson.loads(row[3])})
    with store.node.scrubbing() as connection:
        connection.execute("INSERT OR REPLACE INTO settings (name, value) VALUES ('erased_at', ?)", (clock.now(),))
    with store.documents.scrubbing() as connection:
        connection.executemany("DELETE FROM erasing WHERE n = ?", [(row[0],) for row in waiting])
    return len(waiting)


def _erase_beside(store: Store, name: str, ids: list[str] | None) -> None:
    """What node.db holds of them."""
    with store.node.transaction() as connection, _silently(connection):
        folds = f"folds:{name}/"  # which categories stand open: their names are contents of documents
        connection.execute("DELETE FROM preferences WHERE substr(name, 1, ?) = ?", (len(folds), folds))
        if ids is None:
            connection.execute("DELETE FROM job_rows WHERE job IN (SELECT id FROM jobs WHERE database = ?)", (name,))
            for table in _OF_DATABASE:
                connection.execute(f"DELETE FROM {table} WHERE database = ?", (name,))
            return
        listed = orjson.dumps(ids).decode()
        for table in _OF_DOCUMENT:
            connection.execute(
                f"DELETE FROM {table} WHERE database = ? AND id IN (SELECT value FROM json_each(?))", (name, listed)
            )
        for table, column in (("job_rows", "id"), ("deliveries", "document")):
            connection.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (listed,))


@contextlib.contextmanager
def _silently(connection: sqlite3.Connection) -> Iterator[None]:
    """What goes from this laptop stays on the person's other devices: no deletion is noted for them."""
    newest = connection.execute("SELECT coalesce(max(n), 0) FROM mine").fetchone()[0]
    yield
    connection.execute("DELETE FROM mine WHERE gone = 1 AND n > ?", (newest,))


def _remove_contents(store: Store, addresses: set[str]) -> None:
    if not addresses:
        return
    with store.transaction() as connection:  # nobody begins to name one of them meanwhile
        for address in addresses - compaction.named_blobs(connection):
            store.blobs.remove(address)


__all__ = ["drop", "finish", "purge"]
