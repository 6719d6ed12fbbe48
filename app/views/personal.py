"""What follows a person between devices: unread marks, saved filters, preferences, drafts.

Only the person's own devices and the hub exchange it. Triggers (store/schema/mine.sql) note in `mine` when each
thing was set or dropped; a `Thing` is such a note with what is there now:

    read        document → the content last read (marks.py)   at = when
    unread      document marked unread by hand                at = when; in force while later than `read`
    all         everything in a database was read             at = when
    filter      {view, name, shared, query}                   ┐ the last writer wins; `gone` is a deletion
    preference  its text                                      │ marker
    draft       {rev, items, saved_at}                        ┘

`joined` is a join: commutative, associative, idempotent, so devices may meet in any order and as often as they like.
Sequence numbers are a node's own and are never exchanged: `all` is taken over as marks on the documents that are
unread here and were changed before it. What stands
unfolded stays on its device. The clocks decide between two hands of one person, never about a document.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson

from app.access.database import Database
from app.errors import BadRequest, DavenportError
from app.store import Store
from app.views.marks import Marks

KINDS = ("read", "unread", "all", "filter", "preference", "draft")
PORTION = 2_000  # things in one exchange
LARGEST = 300_000  # bytes of one
Open = Callable[[str], Database]


class Thing(NamedTuple):
    """One thing of a person: `value` is JSON, None when it is gone or its moment is all there is to it."""

    kind: str
    database: str
    id: str
    at: str
    gone: bool
    value: Any

    @property
    def place(self) -> tuple[str, str, str]:
        """What it is the state of."""
        return self.kind, self.database, self.id


def joined(one: Thing, other: Thing) -> Thing:
    """The state of a thing of which two states are known."""
    if one.kind == "read":
        return one._replace(at=max(one.at, other.at), value=max(one.value, other.value))
    return max(one, other, key=_rank)


def _rank(thing: Thing) -> tuple[str, bool, bytes]:
    return thing.at, thing.gone, orjson.dumps(thing.value, option=orjson.OPT_SORT_KEYS)


def thing(row: object) -> Thing:
    """A thing from JSON. BadRequest."""
    match row:
        case [str(kind), str(database), str(id), str(at), bool(gone), value] if kind in KINDS:
            found = Thing(kind, database, id, at, gone, value)
            if (
                len(at) == 24
                and len(database) + len(id) < 3_000
                and len(orjson.dumps(value)) < LARGEST
                and _fits(found)
            ):
                return found
    raise BadRequest("This is not a thing of a person.")


def _fits(found: Thing) -> bool:
    match found.kind, found.value:
        case ("read", str()) | ("unread" | "all", None):
            return not found.gone
        case (("filter" | "preference" | "draft"), None):
            return found.gone
        case "preference", str():
            return not found.gone
        case "filter", {"view": str(), "name": str(), "query": str(), "shared": int()}:
            return not found.gone
        case "draft", {"rev": str() | None, "items": str(), "saved_at": str()}:
            return not found.gone
    return False


class Personal:
    """The things of one person on this node. `open` gives a database for the person, or NotFound."""

    def __init__(self, store: Store, marks: Marks, person: str, open: Open) -> None:
        self._store, self._marks, self._person, self._open = store, marks, person, open

    def changed(self, since: int, limit: int = PORTION) -> tuple[list[Thing], int, bool]:
        """What was set after the number `since`, in the databases that are open to the person; the number reached, and
        whether that is all."""
        with self._store.node.reading() as connection:
            newest = connection.execute("SELECT coalesce(max(n), 0) FROM mine WHERE person = ?", (self._person,))
            if since > newest.fetchone()[0]:  # this node was restored since: from the beginning
                since = 0
            rows = connection.execute(
                "SELECT kind, database, id, at, gone, n FROM mine WHERE person = ? AND n > ?"
                " AND (kind <> 'preference' OR id NOT GLOB 'folds:*') ORDER BY n LIMIT ?",
                (self._person, since, limit),
            ).fetchall()
            things = [self._thing(connection, *row[:5]) for row in rows if self._is_open(row[1])]
        return [each for each in things if each], rows[-1][5] if rows else since, len(rows) < limit

    def _is_open(self, database: str) -> bool:
        if not database:
            return True
        try:
            self._open(database)
        except DavenportError:
            return False
        return True

    def _thing(
        self, connection: sqlite3.Connection, kind: str, database: str, id: str, at: str, gone: int
    ) -> Thing | None:
        value = self._value(connection, kind, database, id)
        if kind == "read":
            return Thing(kind, database, id, at, False, value or "")
        if kind in ("unread", "all"):
            return Thing(kind, database, id, at, False, None)
        return Thing(kind, database, id, at, value is None, value) if gone or value is not None else None

    def _value(self, connection: sqlite3.Connection, kind: str, database: str, id: str) -> Any:
        key = (self._person, database, id)
        if kind == "read":
            found = connection.execute(
                "SELECT rev FROM marks_read WHERE person = ? AND database = ? AND id = ?", key
            ).fetchone()
        elif kind == "filter":
            row = connection.execute(
                "SELECT view, name, shared, query FROM filters WHERE person = ? AND database = ? AND id = ?", key
            ).fetchone()
            found = row and [dict(zip(("view", "name", "shared", "query"), row, strict=True))]
        elif kind == "preference":
            found = connection.execute(
                "SELECT value FROM preferences WHERE person = ? AND ? = '' AND name = ?", key
            ).fetchone()
        elif kind == "draft":
            row = connection.execute(
                "SELECT rev, items, saved_at FROM drafts WHERE person = ? AND database = ? AND id = ?", key
            ).fetchone()
            found = row and [dict(zip(("rev", "items", "saved_at"), row, strict=True))]
        else:
            found = None
        return found[0] if found else None

    def apply(self, things: Iterable[Thing]) -> int:
        """Join these to what is here; how many changed something. Databases not open to the person are left out."""
        count = 0
        for each in things:
            if self._is_open(each.database):
                count += self._apply(each)
        return count

    def _apply(self, given: Thing) -> bool:
        with self._store.node.transaction() as connection:
            row = connection.execute(
                "SELECT kind, database, id, at, gone FROM mine"
                " WHERE person = ? AND kind = ? AND database = ? AND id = ?",
                (self._person, *given.place),
            ).fetchone()
            here = self._thing(connection, *row) if row else None
            state = given if here is None else joined(here, given)
            if state == here:
                return False
            self._write(connection, state)
            connection.execute(
                "INSERT OR REPLACE INTO mine (person, kind, database, id, at, gone, n)"
                " SELECT ?1, ?2, ?3, ?4, ?5, ?6, coalesce(max(n), 0) + 1 FROM mine WHERE person = ?1",
                (self._person, *state.place, state.at, state.gone),
            )
        if state.kind == "all":
            self._read_until(state)
        return True

    def _write(self, connection: sqlite3.Connection, state: Thing) -> None:
        key = (self._person, state.database, state.id)
        match state.kind:
            case "read" | "unread":
                self._mark(connection, state)
            case "preference":
                connection.execute("DELETE FROM preferences WHERE person = ? AND name = ?", key[::2])
                if not state.gone:
                    connection.execute("INSERT INTO preferences VALUES (?, ?, ?)", (*key[::2], state.value))
            case "draft":
                connection.execute("DELETE FROM drafts WHERE person = ? AND database = ? AND id = ?", key)
                if not state.gone:
                    kept = state.value
                    connection.execute(
                        "INSERT INTO drafts (person, database, id, rev, items, saved_at) VALUES (?, ?, ?, ?, ?, ?)",
                        (*key, kept["rev"], kept["items"], kept["saved_at"]),
                    )
            case "filter":
                shared = connection.execute("SELECT shared FROM filters WHERE id = ?", (state.id,)).fetchone()
                connection.execute("DELETE FROM filters WHERE person = ? AND database = ? AND id = ?", key)
                if not state.gone and not connection.execute("SELECT 1 FROM filters WHERE id = ?", key[2:]).fetchone():
                    kept = state.value
                    connection.execute(  # who sees it is decided where it is shared, by the rules of that page
                        "INSERT INTO filters (id, person, database, view, name, shared, query)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (state.id, *key[:2], kept["view"], kept["name"], shared[0] if shared else 0, kept["query"]),
                    )

    def _mark(self, connection: sqlite3.Connection, state: Thing) -> None:
        """Put a mark as `read` and `unread` together say."""
        key = (self._person, state.database, state.id)
        other = "unread" if state.kind == "read" else "read"
        row = connection.execute(
            "SELECT at FROM mine WHERE person = ? AND database = ? AND id = ? AND kind = ?", (*key, other)
        ).fetchone()
        at = row[0] if row else ""
        by_hand = state.at > at if state.kind == "unread" else at > state.at
        if state.kind == "unread" and not by_hand:
            return
        mark = "" if by_hand else state.value
        connection.execute(
            "INSERT OR REPLACE INTO marks_read (person, database, id, rev) VALUES (?, ?, ?, ?)", (*key, mark)
        )
        if by_hand and state.kind == "read":  # the trigger noted it as set just now
            connection.execute(
                "UPDATE mine SET at = ? WHERE person = ? AND database = ? AND id = ? AND kind = 'unread'", (at, *key)
            )

    def _read_until(self, state: Thing) -> None:
        database = self._open(state.database)
        unread = self._marks.unread_ids(database)
        found = database.get_many(unread)
        self._marks.read(database, [id for id in unread if id in found and _before(found[id], state.at)])


def _before(document: Any, at: str) -> bool:
    changed = document.get("changed_at")
    return isinstance(changed, str) and changed <= at
