"""What one batch is going to write: noted row by row, written table by table with few statements."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

from app.store.model import Body, Context, Stub
from app.store.rows import Content


class Ledger:
    """Rows to be written to one database, and its counters. `now` is this node's clock, whoever wrote."""

    def __init__(self, connection: sqlite3.Connection, db: int, seq: int, now: str) -> None:
        self._connection = connection
        self._db = db
        self.seq = seq
        self.now = now
        self._created: list[tuple[Any, ...]] = []
        self._updated: list[tuple[Any, ...]] = []
        self._kept: list[tuple[Any, ...]] = []
        self._taken: list[tuple[int, str]] = []
        self._history: list[tuple[Any, ...]] = []
        self._log: list[tuple[Any, ...]] = []
        self._unsent: list[tuple[Any, ...]] = []
        self._missing: list[tuple[Any, ...]] = []
        self._live: Counter[int] = Counter()  # set → live documents more or fewer
        self._deleted = 0  # tombstones more or fewer

    def next_seq(self) -> int:
        """The sequence of one more change."""
        self.seq += 1
        return self.seq

    def create(
        self,
        doc: int,
        id: str,
        rev: str,
        deleted: bool,
        access: int,
        content: Content,
        items: Body,
        tree: bytes,
    ) -> None:
        """A document that was not here."""
        self._created.append(
            (doc, self._db, id, rev, deleted, self.seq, access, self.seq, form_of(items), *content, tree)
        )
        self._count(access, deleted, 1)
        if deleted:
            self.log(doc, access, deleted)

    def update(
        self, doc: int, rev: str, deleted: bool, access: int, content: Content, items: Body, tree: bytes
    ) -> None:
        """What a document is now; `replace` tells what it was."""
        self._updated.append((rev, deleted, self.seq, access, form_of(items), *content, tree, doc))
        self._count(access, deleted, 1)

    def replace(self, access: int, deleted: bool) -> None:
        """What a document was before its update."""
        self._count(access, deleted, -1)

    def _count(self, access: int, deleted: bool, more: int) -> None:
        if deleted:
            self._deleted += more
        else:
            self._live[access] += more

    def keep(self, doc: int, rev: str, content: Content) -> None:
        """The content of a revision that is not the winner."""
        self._kept.append((doc, rev, *content, self.now))

    def take(self, doc: int, rev: str) -> None:
        """A kept revision is the winner again: its content moves into the document's row."""
        self._taken.append((doc, rev))

    def log(self, doc: int, access: int, deleted: bool) -> None:
        """A document leaves this set, or is deleted."""
        self._log.append((self._db, self.seq, doc, access, deleted, self.now))

    def history(self, id: str, rev: str, context: Context, items: bytes) -> None:
        """What a revision changed."""
        by, at, device, action, comment = context
        self._history.append((self._db, id, rev, at, by, device, action, comment, items))

    def unsent(self, id: str, rev: str) -> None:
        """A revision that the upstream does not have."""
        self._unsent.append((self._db, id, rev, self.now))

    def missing(self, id: str, rev: str, name: str, stub: Stub) -> None:
        """An attachment of which only the stub has come."""
        self._missing.append((self._db, id, rev, name, stub.address, stub.length, stub.digest))

    def write(self) -> None:
        """Everything noted so far."""
        for statement, noted in (
            (_CREATE, self._created),
            (_TAKE, self._taken),
            (_UPDATE, self._updated),
            (_KEEP, self._kept),
            (_HISTORY, self._history),
            (_LOG, self._log),
            (_UNSENT, self._unsent),
            (_MISSING, self._missing),
            (_COUNT, [(more, access) for access, more in self._live.items() if more]),
        ):
            if noted:
                self._connection.executemany(statement, noted)
                noted.clear()
        self._connection.execute(_HEADER, (self.seq, sum(self._live.values()), self._deleted, self._db))
        self._live.clear()
        self._deleted = 0


def form_of(items: Body) -> str | None:
    """The document's form, when it has one."""
    form = items.get("form")
    return form if type(form) is str else None


_CREATE = (
    "INSERT INTO documents (doc, db, id, rev, deleted, seq, access, born, form, body, attachments, tree)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE = (
    "UPDATE documents SET rev = ?, deleted = ?, seq = ?, access = ?, form = ?, body = ?, attachments = ?,"
    " tree = ? WHERE doc = ?"
)
_KEEP = "INSERT OR REPLACE INTO bodies (doc, rev, body, attachments, at) VALUES (?, ?, ?, ?, ?)"
_TAKE = "DELETE FROM bodies WHERE doc = ? AND rev = ?"
_HISTORY = (
    "INSERT OR IGNORE INTO history (db, id, rev, at, by, device, action, comment, items)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_LOG = "INSERT INTO access_log (db, seq, doc, access, deleted, at) VALUES (?, ?, ?, ?, ?, ?)"
_UNSENT = "INSERT OR IGNORE INTO unsent (db, id, rev, at) VALUES (?, ?, ?, ?)"
_MISSING = (
    "INSERT OR IGNORE INTO missing_content (db, id, rev, name, address, length, digest) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_COUNT = "UPDATE sets SET documents = documents + ? WHERE access = ?"
_HEADER = "UPDATE databases SET update_seq = ?, documents = documents + ?, deleted = deleted + ? WHERE db = ?"
