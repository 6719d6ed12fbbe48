"""Unread marks per person and database, in node.db: a baseline plus exceptions.

    baseline     the sequence number up to which everything is read; a newcomer's is that of the first visit
    exceptions   document → the content last read ('' = marked unread by hand)

Content is known by `changed_at` and `changed_by`: corrections and merges that add nothing keep them, and
so do not mark again; a person's own edits never do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import orjson

from app import clock
from app.access.database import Database
from app.access.model import Document, Reading
from app.store import Store
from app.views.orders import Selection
from app.views.query import tests_of

CAP = 100
LOOKED_AT = 20_000  # changes looked at for a count, newest first
LISTED = 2_000
BATCH = 200  # changes looked at together

Fits = Callable[[Mapping[str, Any]], bool]


class Seen:
    """What a person has read in a database. Exceptions are read from the file for the documents asked about."""

    def __init__(self, store: Store, person: str, database: str, baseline: int) -> None:
        self._store, self._database = store, database
        self.person, self.baseline = person, baseline
        self._read: dict[str, str | None] = {}

    def look(self, ids: Iterable[str]) -> None:
        """Read the exceptions of these documents in one go."""
        wanted = [id for id in ids if id not in self._read]
        if not wanted or not self.person:
            return
        self._read.update(dict.fromkeys(wanted))
        with self._store.node.reading() as connection:
            self._read.update(
                connection.execute(
                    "SELECT m.id, m.rev FROM json_each(?) AS w CROSS JOIN marks_read AS m"
                    " ON m.person = ? AND m.database = ? AND m.id = w.value",
                    (orjson.dumps(wanted).decode(), self.person, self._database),
                )
            )

    def noted(self, id: str) -> str | None:
        """The content last read of a document, '' when it was marked unread by hand; None without an exception."""
        self.look([id])
        return self._read.get(id)

    def by_hand(self) -> list[str]:
        """Documents marked unread by hand."""
        with self._store.node.reading() as connection:
            rows = connection.execute(
                "SELECT id FROM marks_read WHERE person = ? AND database = ? AND rev = '' LIMIT ?",
                (self.person, self._database, LISTED),
            )
            return [id for (id,) in rows]

    def unread(self, id: str, seq: int, rev: str, body: Mapping[str, Any]) -> bool:
        """Is the document new to the person?"""
        if not self.person:
            return False
        self.look([id])
        known = self._read.get(id)
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
        """The person's marks there; the first call sets a newcomer's baseline."""
        person, name = database.identity.key, database.name
        if not person:
            return Seen(self.store, "", name, 2**62)
        with self.store.node.reading() as connection:
            row = connection.execute(
                "SELECT baseline FROM marks WHERE person = ? AND database = ?", (person, name)
            ).fetchone()
        return Seen(self.store, person, name, self._begin(database) if row is None else row[0])

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
        seen = self.seen(database)
        seen.look(marks)
        fresh = [(person, database.name, id, rev) for id, rev in marks.items() if seen.noted(id) != rev]
        if not fresh:  # read before, as nearly always
            return
        with self.store.node.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO marks_read (person, database, id, rev) VALUES (?, ?, ?, ?)", fresh
            )

    def read_all(self, database: Database) -> None:
        """Everything in the database counts as read."""
        person, now = database.identity.key, self._sequence(database)
        if not person:
            return
        with self.store.node.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (person, database.name, now))
            connection.execute(
                "INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n)"
                " SELECT ?1, 'all', ?2, '', ?3, 0, coalesce(max(n), 0) + 1 FROM mine WHERE person = ?1",
                (person, database.name, clock.now()),
            )
            connection.execute("DELETE FROM marks_read WHERE person = ? AND database = ?", (person, database.name))

    def keep_read(
        self, database: str, id: str, seq: int, rev: str, body: Mapping[str, Any], people: Collection[str]
    ) -> None:
        """A document whose last change had number `seq` got a revision `rev` without new content: for those of `people`
        to whom it counted as read, it stays so."""
        if not people:
            return
        with self.store.node.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO marks_read (person, database, id, rev) SELECT person, database, ?, ? FROM marks"
                " WHERE database = ? AND baseline >= ? AND person IN (SELECT value FROM json_each(?))",
                (id, content(rev, body), database, seq, orjson.dumps(list(people)).decode()),
            )

    def unread_count(self, database: Database, view: str | None = None, cap: int = CAP) -> int:
        """How many documents are unread (in a view, as its filter has it for the person), counted up to `cap`."""
        fits = of_view(database, view) if view is not None else None
        seen = self.seen(database)
        with database.reading() as reading:
            return len(unread_documents(reading, seen, fits, cap)[0])

    def unread_ids(self, database: Database) -> list[str]:
        """Ids of unread documents, as many as are looked at."""
        seen = self.seen(database)
        with database.reading() as reading:
            docs, _ = unread_documents(reading, seen, None, LOOKED_AT)
            rows = reading.connection.execute(
                "SELECT d.id FROM json_each(?) AS w CROSS JOIN documents AS d ON d.doc = w.value",
                (orjson.dumps(docs).decode(),),
            )
            return [id for (id,) in rows]

    def newest(self, database: Database, view: str, most: int) -> list[Document]:
        """Unread documents of a view, those marked by hand and then the last changed first."""
        seen = self.seen(database)
        with database.reading() as reading:
            docs, _ = unread_documents(reading, seen, of_view(database, view), most)
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
            for table in ("marks", "marks_read", "filters", "preferences", "drafts", "mine"):
                connection.execute(f"DELETE FROM {table} WHERE person = ?", (person,))


def of_view(database: Database, view: str) -> Fits:
    """Is a document in the view, as its own filter has it for the person? None is in a view that is not there."""
    design = database.design
    found = design.views.get(view) if design else None
    if design is None or found is None:
        return lambda body: False
    selection = Selection(found.forms, found.where)
    tests = tests_of(database, design, found)
    return lambda body: selection.holds(body) and all(test(body) for test in tests)


def unread_documents(
    reading: Reading, seen: Seen, fits: Fits | None = None, most: int = LISTED
) -> tuple[list[int], bool]:
    """Numbers of unread documents the person may read, and whether these are all."""
    if not seen.person:
        return [], True
    found: dict[int, None] = {}
    by_hand = seen.by_hand()
    _consider(found, seen, fits, _by_id(reading, by_hand))
    looked = 0
    for rows in _since(reading, seen.baseline):
        if len(found) >= most:
            break
        _consider(found, seen, fits, rows)
        looked += BATCH
    if len(found) >= most:
        return list(found)[:most], False
    return list(found), looked < LOOKED_AT and len(by_hand) < LISTED


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
    found: dict[int, None], seen: Seen, fits: Fits | None, rows: list[tuple[int, str, int, str, bytes]]
) -> None:
    seen.look(id for _, id, _, _, _ in rows)
    for doc, id, seq, rev, body in rows:
        items = orjson.loads(body)
        if seen.unread(id, seq, rev, items) and (fits is None or fits(items)):
            found[doc] = None
