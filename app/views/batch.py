"""Documents indexed together, inside one write transaction.

    what they have (doc_entries) ─┐
    what they should have (keys) ─┴→ difference → entries, totals, doc_entries, sorted

Responses are keyed again when their parent's key changes, appears or goes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.design import Design
from app.views.entries import CERTAIN, Difference, pack, unpack
from app.views.keys import ABSENT, Entry, Held, Maker
from app.views.orders import Body, Orders
from app.views.totals import write_totals

FOLLOW = 200  # responses re-keyed within the transaction of their parent; more become pending


@dataclass(frozen=True)
class State:
    """A database's orders as the index has them: `numbers` by digest, complete or not."""

    name: str
    design: Design | None
    orders: Orders
    numbers: dict[str, int]
    building: frozenset[int]
    maker: Maker
    counted: frozenset[int]


class Batch:
    """Documents indexed together: reads what they have, gathers the difference, writes it sorted."""

    def __init__(self, connection: sqlite3.Connection, db: int, state: State) -> None:
        self._connection = connection
        self._db = db
        self._state = state
        self.packed: dict[int, bytes] = {}
        self._held: dict[int, Held] = {}
        self._before: dict[int, Held] = {}
        self._numbers: dict[str, int | None] = {}
        self._followed = 0
        self._late: set[int] = set()

    def document(
        self,
        doc: int,
        document: str | None,
        body: Body | None,
        access: int,
        *,
        known_new: bool = False,
        made: Held | None = None,
    ) -> None:
        """Bring one document's keys up to date; a body of None removes it. `made`: its keys, if made already."""
        if known_new and doc not in self._held:
            self._held[doc] = self._before[doc] = ABSENT
        old = self._old(doc)
        new = made or (self._made(doc, body, access) if body is not None else Held(access, {}))
        self._held[doc] = new
        if self._state.maker.trees:
            self._relate(doc, body)
            appears = body is None or old is ABSENT
            if document is not None and (appears or self._tree_keys(old) != self._tree_keys(new)):
                self._numbers[document] = None if body is None else doc
                self._follow(document)

    def prefetch(self, docs: Sequence[int]) -> None:
        """Read what these documents have in the index, in one go."""
        self._held.update((doc, ABSENT) for doc in docs)
        for doc, blob in self._connection.execute(
            "SELECT e.doc, e.entries FROM json_each(?) AS w CROSS JOIN doc_entries AS e ON e.doc = w.value",
            (orjson.dumps(docs).decode(),),
        ):
            self._held[doc] = unpack(blob)
        self._before.update(self._held)

    def move(self, doc: int, access: int) -> None:
        """The document has another reader set; its keys stay as they are for now."""
        self._held[doc] = self._old(doc)._replace(access=access)

    def _made(self, doc: int, body: Body, access: int) -> Held:
        maker = self._state.maker
        parents = None
        if maker.trees and body.get("parent"):
            parent = self._number(str(body["parent"]))
            parents = self._old(parent).keys if parent is not None and parent != doc else None
        return maker.held(access, body, doc, parents)

    def _old(self, doc: int) -> Held:
        known = self._held.get(doc)
        if known is None:
            row = self._connection.execute("SELECT entries FROM doc_entries WHERE doc = ?", (doc,)).fetchone()
            known = self._held[doc] = self._before[doc] = unpack(row[0]) if row else ABSENT
        return known

    # -- responses

    def _number(self, document: str) -> int | None:
        if document not in self._numbers:
            row = self._connection.execute(
                "SELECT doc FROM documents WHERE db = ? AND id = ? AND deleted = 0", (self._db, document)
            ).fetchone()
            self._numbers[document] = row[0] if row else None
        return self._numbers[document]

    def _tree_keys(self, held: Held) -> dict[int, tuple[Entry, ...]]:
        trees = self._state.maker.trees
        return {number: keys.entries for number, keys in held.keys.items() if number in trees}

    def _relate(self, doc: int, body: Body | None) -> None:
        parent = body.get("parent") if body is not None else None
        row = self._connection.execute("SELECT parent FROM responses WHERE doc = ?", (doc,)).fetchone()
        before = row[0] if row else None
        now = parent if isinstance(parent, str) and parent else None
        if before == now:
            return
        if now is None:
            self._connection.execute("DELETE FROM responses WHERE doc = ?", (doc,))
        else:
            self._connection.execute("INSERT OR REPLACE INTO responses VALUES (?, ?, ?)", (doc, self._db, now))

    def _follow(self, document: str) -> None:
        """Make the responses' keys again, as their parent's key changed; many of them later."""
        children = self._connection.execute(
            "SELECT d.doc, d.id, d.access, d.body FROM responses AS r CROSS JOIN documents AS d USING (doc)"
            " WHERE r.db = ? AND r.parent = ? AND d.deleted = 0",
            (self._db, document),
        )
        for doc, child, access, body in children.fetchall():
            self._followed += 1
            if self._followed > FOLLOW:
                self._late.add(doc)
            else:
                self.document(doc, child, orjson.loads(body), access)

    # -- writing

    def write(self) -> None:
        """Everything that changed, in key order."""
        connection, difference = self._connection, Difference(self._state.counted)
        placing = self._placing()
        blobs: list[tuple[int, bytes]] = []
        gone: list[tuple[int]] = []
        for doc, new in self._held.items():
            old, uncertain = self._before[doc], placing.get(doc, CERTAIN)
            if not uncertain and new.keys == old.keys and (new.access == old.access or not new.keys):
                continue
            difference.add(doc, old, new, uncertain)
            if new.keys:
                blobs.append((doc, self.packed.get(doc) or pack(new)))
            else:
                gone.append((doc,))
        write_entries(connection, difference)
        write_totals(connection, difference.totals)
        connection.executemany("INSERT OR REPLACE INTO doc_entries (doc, entries) VALUES (?, ?)", blobs)
        connection.executemany("DELETE FROM doc_entries WHERE doc = ?", gone)
        connection.executemany("DELETE FROM placing WHERE doc = ?", [(doc,) for doc in placing])
        connection.executemany(
            "INSERT OR IGNORE INTO pending (doc, db) VALUES (?, ?)",
            [(doc, self._db) for doc in sorted(self._late)],
        )

    def _placing(self) -> dict[int, frozenset[int]]:
        """Documents of an unfinished run, and the orders it was to place them in."""
        if self._connection.execute("SELECT 1 FROM placing LIMIT 1").fetchone() is None:
            return {}
        rows = self._connection.execute(
            "SELECT p.doc, p.orders FROM json_each(?) AS w CROSS JOIN placing AS p ON p.doc = w.value",
            (orjson.dumps(sorted(self._held)).decode(),),
        )
        return {doc: frozenset(orjson.loads(numbers)) for doc, numbers in rows}


def write_entries(connection: sqlite3.Connection, difference: Difference) -> None:
    """Rows of both tables of entries, each in its order."""
    connection.executemany(
        "DELETE FROM entries WHERE ord = ? AND key = ? AND doc = ? AND n = ?",
        [place[:4] for place in sorted(difference.gone)],
    )
    connection.executemany(
        "DELETE FROM entries_of_access WHERE ord = ?1 AND access = ?5 AND key = ?2 AND doc = ?3 AND n = ?4",
        difference.gone,
    )
    for table in ("entries", "entries_of_access"):
        connection.executemany(
            f"UPDATE {table} SET access = ?1 WHERE ord = ?3 AND access = ?2 AND key = ?4 AND doc = ?5 AND n = ?6",
            difference.moved,
        )
    connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", sorted(difference.added))
    connection.executemany(
        "INSERT OR REPLACE INTO entries_of_access (ord, key, doc, n, access) VALUES (?, ?, ?, ?, ?)",
        sorted(difference.added, key=_by_access),
    )


def _by_access(place: Any) -> tuple[int, int, bytes]:
    return place[0], place[4], place[1]
