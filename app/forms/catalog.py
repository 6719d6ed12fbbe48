"""The design of each database, loaded from its documents and kept until one of them changes, in whatever
process.

A design is read beneath the door: the door itself needs it to judge. An element whose text has a mistake
(it came by replication, or an older version allowed it) is reported, and its last good text keeps working.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from app import jsonio
from app.design import Design, load_documents
from app.design.loader import Source
from app.errors import NotFound
from app.store import Changed, Store

LOOK_AGAIN = 0.02  # seconds for which a design is taken as current without asking the store


class _Known(NamedTuple):
    design: Design | None
    stamp: tuple[Any, ...]
    version: int


class Catalog:
    """Designs by database. Also an indexer of the store, so that this process sees its own changes at
    once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[str, _Known] = {}
        self._looked: dict[str, float] = {}
        self._texts: dict[tuple[str, str], str] = {}  # (database, id) → last good text
        self._own = threading.local()

    def design(self, database: str) -> Design | None:
        """The design of a database; None when it has none."""
        if self.store.documents.writing and getattr(self._own, "changed", False):
            return self._during_write(database)
        known = self._known.get(database)
        now = time.monotonic()
        if known is not None and now - self._looked.get(database, 0.0) < LOOK_AGAIN:
            return known.design
        version = self.store.data_version()
        if known is None or known.version != version:
            stamp = self._stamp(database)
            design = known.design if known is not None and known.stamp == stamp else self._load(database)
            known = _Known(design, stamp, version)
            self._known[database] = known
        self._looked[database] = now
        return known.design

    def __call__(self, connection: sqlite3.Connection, db: int, changes: Sequence[Changed], deferred: bool, /) -> None:
        """The indexer: a design document changed here."""
        if any(change.id.startswith("design:") for change in changes) and not getattr(self._own, "changed", False):
            self._own.changed = True
            self._own.held = {}
            self.store.documents.on_commit(self._settle)
            self.store.documents.on_rollback(self._settle)

    def _settle(self) -> None:
        self._own.changed = False
        self._looked.clear()
        self._known = {name: known._replace(version=-1) for name, known in self._known.items()}

    def _during_write(self, database: str) -> Design | None:
        held: dict[str, tuple[tuple[Any, ...], Design | None]] = self._own.held
        stamp = self._stamp(database)
        found = held.get(database)
        if found is None or found[0] != stamp:
            found = held[database] = (stamp, self._load(database))
        return found[1]

    def _stamp(self, database: str) -> tuple[Any, ...]:
        """Differs after any change of the database's design documents."""
        with self.store.reading() as connection:
            row = connection.execute(
                "SELECT b.db, b.incarnation, count(d.doc), sum(d.seq) FROM databases b LEFT JOIN documents d"
                " ON d.db = b.db AND d.id >= 'design:' AND d.id < 'design;' WHERE b.name = ?",
                (database,),
            ).fetchone()
        return tuple(row)

    def _load(self, database: str) -> Design | None:
        with self.store.reading() as connection:
            rows = connection.execute(
                "SELECT d.id, d.body FROM documents d JOIN databases b ON b.db = d.db WHERE b.name = ?"
                " AND d.id >= 'design:' AND d.id < 'design;' AND d.deleted = 0",
                (database,),
            ).fetchall()
        if not rows:
            return None
        documents = [{"_id": id, **jsonio.loads(body)} for id, body in rows]
        design = load_documents(database, documents, lambda source: self._earlier(database, source))
        wrong = {problem.file for problem in design.problems}
        for document in documents:
            if document["_id"] not in wrong and isinstance(document.get("text"), str):
                self._texts[database, document["_id"]] = document["text"]
        return design

    def _earlier(self, database: str, source: Source) -> Iterator[str]:
        """Texts the element had before, newest first."""
        kept = self._texts.get((database, source.file))
        if kept is not None:
            yield kept
        try:
            entries = self.store.database(database).history(source.file)
        except NotFound:
            return
        for entry in sorted(entries, key=lambda entry: entry.at, reverse=True):
            old = entry.items.get("text", (None, None))[0]
            if isinstance(old, str):
                yield old
