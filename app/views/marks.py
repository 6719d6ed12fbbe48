"""Unread marks per person and database, in node.db: a baseline plus exceptions.

    baseline     the sequence number up to which everything is read; a newcomer's is that of the first visit
    exceptions   document → the content last read ('' = marked unread by hand)

Content is known by `changed_at` and `changed_by`: corrections and merges that add nothing keep them, and
so do not mark again; a person's own edits never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from app.access.database import Database
from app.access.model import Document, Reading
from app.store import Store
from app.views.orders import Selection

CAP = 100
LOOKED_AT = 20_000  # changes looked at for a count, newest first
LISTED = 2_000
BATCH = 200  # changes looked at together


class Seen(NamedTuple):
    """What a person has read in a database."""

    person: str
    baseline: int
    read: Mapping[str, str]

    def unread(self, id: str, seq: int, rev: str, body: Mapping[str, Any]) -> bool:
        """Is the document new to the person?"""
        known = self.read.get(id)
        if known is not None:
            return known < content(rev, body) and (known == "" or body.get("changed_by") != self.person)
        return seq > self.baseline and body.get("changed_by") != self.person


def content(rev: str, body: Mapping[str, Any]) -> str:
    """What is read when a person reads it; later content is greater."""
    at = body.get("changed_at")
    return f"{at} {body.get('changed_by', '')}" if isinstance(at, str) and at else rev


class Marks:
    """Reads and writes the marks. Every call names the database opened for the person."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def seen(self, database: Database) -> Seen:
        """All marks of the person there; the first call sets a newcomer's baseline."""
        person, name = database.identity.key, database.name
        if not person:
            return Seen("", 2**62, {})
        with self.store.node.reading() as connection:
            row = connection.execute(
                "SELECT baseline FROM marks WHERE person = ? AND database = ?", (person, name)
            ).fetchone()
            read = dict(
                connection.execute("SELECT id, rev FROM marks_read WHERE person = ? AND database = ?", (person, name))
            )
        if row is None:
            return Seen(person, self._begin(database), read)
        return Seen(person, row[0], read)

    def _begin(self, database: Database) -> int:
        now = self._sequence(database)
        with self.store.node.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO marks (person, database, baseline) VALUES (?, ?, ?)",
                (database.identity.key, database.name, now),
            )
        return now

    def _sequence(self, database: Database) -> int:
        with self.store.reading() as connection:
            row = connection.execute("SELECT update_seq FROM databases WHERE name = ?", (database.name,)).fetchone()
        return int(row[0]) if row else 0

    def read(self, database: Database, ids: str | Iterable[str]) -> None:
        """The person has read these documents as they are now. Unreadable ones are passed over."""
        documents = database.get_many([ids] if isinstance(ids, str) else list(ids))
        self._note(database, {id: content(each["_rev"], each) for id, each in documents.items()})

    def unread(self, database: Database, ids: str | Iterable[str]) -> None:
        """Mark documents unread by hand."""
        documents = database.get_many([ids] if isinstance(ids, str) else list(ids))
        self._note(database, dict.fromkeys(documents, ""))

    def _note(self, database: Database, marks: Mapping[str, str]) -> None:
        person = database.identity.key
        if not person or not marks:
            return
        self.seen(database)
        with self.store.node.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO marks_read (person, database, id, rev) VALUES (?, ?, ?, ?)",
                [(person, database.name, id, rev) for id, rev in marks.items()],
            )

    def read_all(self, database: Database) -> None:
        """Everything in the database counts as read."""
        person, now = database.identity.key, self._sequence(database)
        if not person:
            return
        with self.store.node.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (person, database.name, now))
            connection.execute("DELETE FROM marks_read WHERE person = ? AND database = ?", (person, database.name))

    def unread_count(
        self,
        database: Database,
        view: str | None = None,
        cap: int = CAP,
        *,
        selection: Selection | None = None,
    ) -> int:
        """How many documents are unread (in a view), counted up to `cap`, newest changes first."""
        if selection is None and view is not None:
            selection = selection_of(database, view)
        seen = self.seen(database)
        with database.reading() as reading:
            return len(unread_documents(reading, seen, selection, cap)[0])

    def newest(self, database: Database, view: str, most: int) -> list[Document]:
        """Unread documents of a view, those marked by hand and then the last changed first."""
        seen = self.seen(database)
        with database.reading() as reading:
            docs, _ = unread_documents(reading, seen, selection_of(database, view), most)
            ids = [
                id
                for (id,) in reading.connection.execute(
                    "SELECT d.id FROM json_each(?) AS w CROSS JOIN documents AS d ON d.doc = w.value",
                    (orjson.dumps(docs).decode(),),
                )
            ]
        found = database.get_many(ids)
        return [found[id] for id in ids if id in found]

    def forget(self, person: str) -> None:
        """Remove what a person who is gone kept about views: marks, saved filters, column choices, drafts."""
        with self.store.node.transaction() as connection:
            for table in ("marks", "marks_read", "filters", "preferences", "drafts"):
                connection.execute(f"DELETE FROM {table} WHERE person = ?", (person,))


def selection_of(database: Database, view: str) -> Selection | None:
    """The documents of a view; None when there is no such view."""
    found = database.design.views.get(view) if database.design else None
    return Selection(found.forms, found.where) if found else None


def unread_documents(
    reading: Reading, seen: Seen, selection: Selection | None, most: int = LISTED
) -> tuple[list[int], bool]:
    """Numbers of unread documents the person may read, and whether these are all."""
    if not seen.person:
        return [], True
    found: dict[int, None] = {}
    by_hand = [id for id, rev in seen.read.items() if rev == ""][:LISTED]
    for row in _by_id(reading, by_hand):
        _consider(found, seen, selection, *row)
    looked = 0
    for rows in _since(reading, seen.baseline):
        for row in rows:
            _consider(found, seen, selection, *row)
            if len(found) >= most:
                return list(found)[:most], False
        looked += BATCH
    return list(found), looked < LOOKED_AT


def _since(reading: Reading, baseline: int) -> Iterator[list[tuple[int, str, int, str, bytes]]]:
    """Documents the person may read of each `BATCH` changes since, the newest first; bodies only as far as one asks."""
    before = 2**62
    for _ in range(LOOKED_AT // BATCH):
        keys = reading.connection.execute(
            "SELECT seq, access, doc FROM documents INDEXED BY documents_by_seq WHERE db = ? AND seq > ? AND seq < ?"
            " ORDER BY seq DESC LIMIT ?",
            (reading.number, baseline, before, BATCH),
        ).fetchall()
        if not keys:
            return
        before = keys[-1][0]
        wanted = orjson.dumps([doc for _, access, doc in keys if access in reading.visible.sets]).decode()
        yield reading.connection.execute(
            "SELECT d.doc, d.id, d.seq, d.rev, d.body FROM json_each(?) AS w CROSS JOIN documents AS d"
            " ON d.doc = w.value WHERE d.deleted = 0",
            (wanted,),
        ).fetchall()


def _by_id(reading: Reading, ids: list[str]) -> list[tuple[int, str, int, str, bytes]]:
    return reading.connection.execute(
        "SELECT d.doc, d.id, d.seq, d.rev, d.body FROM json_each(?) AS w"
        " CROSS JOIN documents AS d ON d.db = ? AND d.id = w.value"
        f" WHERE d.deleted = 0 AND d.access IN (SELECT access FROM {reading.table})",
        (orjson.dumps(ids).decode(), reading.number),
    ).fetchall()


def _consider(
    found: dict[int, None],
    seen: Seen,
    selection: Selection | None,
    doc: int,
    id: str,
    seq: int,
    rev: str,
    body: bytes,
) -> None:
    items = orjson.loads(body)
    if seen.unread(id, seq, rev, items) and (selection is None or selection.holds(items)):
        found[doc] = None
