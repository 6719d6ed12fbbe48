"""Duplicates: which other documents have the same name, telephone number or mail address.

    uniques(db, item, value, doc)     item = "customer.name", or "customer#phone" for all its telephone numbers

Rows are kept by an indexer in the transaction of the write and joined against the person's visible sets
when asked: what somebody may not read does not exist in the answer. Two documents that got the same value
on two replicas are found the same way, by whoever reads both.

A form that changes may begin to compare another item. Its write notes that in a `_local` document of the
database; `catch_up` then makes the missing rows in short transactions:

    {"built": {key: [items]}, "doc": null}         the rows are complete for what is compared
    {"built": …, "building": …, "doc": 4711}       rows of documents up to 4711 have been made
"""

from __future__ import annotations

import logging
import re
import sqlite3
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from app import jsonio
from app.design import Design, Form
from app.errors import DavenportError, NotFound
from app.store import Changed, Store, local
from app.store.rows import loads

if TYPE_CHECKING:
    from app.access.database import Database

_SUFFIX = re.compile(
    r"(股份有限公司|有限责任公司|集团有限公司|有限公司|公司|集团"
    r"|(?<=[a-z0-9])(coltd|limited|ltd|inc|llc|gmbh|corporation|corp|company|ag|plc|sa))+$"
)
_SPACES = re.compile(r"[\s\-_.,·、，。()\[\]（）'\"&/]+")
MOST = 200  # equal documents looked at
_FEW = 20
FORMS = "design:form:"
STATE = "_local/uniques"  # of the node alone, like the table
CHUNK = 500  # documents read, or rows removed, in one transaction


class Match(NamedTuple):
    """A readable document that has the same values in `items`."""

    id: str
    title: str
    items: tuple[str, ...]


class Compared(NamedTuple):
    """An item whose values are compared: where they stand in the table, and how they are normalised."""

    item: str
    key: str
    normal: Callable[[str], str]


@lru_cache(maxsize=4096)
def normal_phone(text: str) -> str:
    """Digits without country code 86 and leading zeros; fewer than 5 digits are no number."""
    digits = "".join(c for c in unicodedata.normalize("NFKC", text) if c.isascii() and c.isdigit())
    digits = re.sub(r"^(00)?86(?=\d{10,})", "", digits).lstrip("0")
    return digits if len(digits) >= 5 else ""


def normal_email(text: str) -> str:
    """Case does not count."""
    return text.strip().casefold()


@lru_cache(maxsize=4096)
def normal_name(text: str) -> str:
    """Width, case, spaces, punctuation and the legal form of a company do not count."""
    folded = _SPACES.sub("", unicodedata.normalize("NFKC", text).casefold())
    return _SUFFIX.sub("", folded) or folded


def normal_text(text: str) -> str:
    """Width, case and spaces at the ends do not count."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


@lru_cache(maxsize=256)
def compared(form: Form) -> tuple[Compared, ...]:
    """The items of a form that are compared: unique ones, those under `duplicates`, and codes."""
    found = []
    for name, item in form.items.items():
        if item.unique is None and name not in form.duplicates and item.type != "code":
            continue
        if item.type == "phone":
            found.append(Compared(name, f"{form.name}#phone", normal_phone))
        elif item.type == "email":
            found.append(Compared(name, f"{form.name}#email", normal_email))
        elif item.type in ("code", "link", "date", "number", "integer"):
            found.append(Compared(name, f"{form.name}={name}", normal_text))
        else:
            found.append(Compared(name, f"{form.name}.{name}", normal_name))
    return tuple(found)


def compared_by(design: Design | None) -> dict[str, list[str]]:
    """{key: items} of all that a design compares."""
    found: dict[str, list[str]] = {}
    for form in design.forms.values() if design else ():
        for entry in compared(form):
            found.setdefault(entry.key, []).append(entry.item)
    return {key: sorted(items) for key, items in sorted(found.items())}


def values(form: Form, items: Mapping[str, Any], only: Iterable[str] | None = None) -> Iterator[tuple[Compared, str]]:
    """The normalised values of a document, item by item."""
    wanted = None if only is None else set(only)
    for entry in compared(form):
        value = items.get(entry.item)
        if value is None or (wanted is not None and entry.item not in wanted):
            continue
        for one in value if isinstance(value, list) else (value,):
            normal = entry.normal(one if isinstance(one, str) else str(one))
            if normal:
                yield entry, normal


class Uniques:
    """The table, kept and asked."""

    def __init__(self, store: Store, design: Callable[[str], Design | None]) -> None:
        self.store = store
        self._design = design
        self._names: dict[int, str] = {}
        self._looked = -1  # the data version at which nothing waited

    # -- keeping

    def __call__(self, connection: sqlite3.Connection, db: int, changes: Sequence[Changed], deferred: bool, /) -> None:
        """The indexer: rows of changed documents, in the transaction of the write (deferring would hide
        clashes)."""
        if any(change.id.startswith(FORMS) for change in changes):
            self._note(connection, db)
        if all(change.id.startswith("design:") for change in changes):
            return
        design = self._design(self._name(connection, db))
        if design is None:
            return
        gone: list[tuple[Any, ...]] = []
        made: list[tuple[Any, ...]] = []
        for change in changes:
            before = self._rows(design, db, change.doc, change.old)
            after = self._rows(design, db, change.doc, change.new)
            gone += before - after
            made += after - before
        if gone:
            connection.executemany("DELETE FROM uniques WHERE db = ? AND item = ? AND value = ? AND doc = ?", gone)
        if made:
            connection.executemany("INSERT OR IGNORE INTO uniques (db, item, value, doc) VALUES (?, ?, ?, ?)", made)

    @staticmethod
    def _rows(design: Design | None, db: int, doc: int, body: Mapping[str, Any] | None) -> set[tuple[Any, ...]]:
        form = design.forms.get(body.get("form", "")) if body and design else None
        if form is None or body is None:
            return set()
        return {(db, entry.key, value, doc) for entry, value in values(form, body)}

    def _name(self, connection: sqlite3.Connection, db: int) -> str:
        name = self._names.get(db)
        if name is None:
            row = connection.execute("SELECT name FROM databases WHERE db = ?", (db,)).fetchone()
            name = self._names[db] = row[0] if row else ""
        return name

    # -- catching up with designs

    def _note(self, connection: sqlite3.Connection, db: int) -> None:
        """A form changed: what it compares is looked at by `catch_up`."""
        state = {**self._state(connection, db), "doc": 0}
        state.pop("building", None)
        self._put(connection, db, state)
        self.store.documents.on_commit(self._look_again)

    def _look_again(self) -> None:
        self._looked = -1

    @staticmethod
    def _state(connection: sqlite3.Connection, db: int) -> dict[str, Any]:
        try:
            return local.get(connection, db, STATE).body
        except NotFound:
            return {"built": {}, "doc": None}

    @staticmethod
    def _put(connection: sqlite3.Connection, db: int, state: Mapping[str, Any]) -> None:
        local.put(connection, db, STATE, jsonio.canonical(state), None)

    def rebuild(self, database: str) -> int:
        """Make the rows of a database anew; the number of documents read."""
        db = self.store.database(database).number
        with self.store.transaction() as connection:
            self._put(connection, db, {"built": {key: [] for key in self._keys(connection, db)}, "doc": 0})
        self._look_again()
        total = 0
        while self._waits(db):
            total += self._step(db)
        return total

    def catch_up(self) -> int:
        """One short step of what designs began to compare; the number of documents read and rows removed, 0
        when nothing waits."""
        version = self.store.data_version()
        if version == self._looked:
            return 0
        with self.store.reading() as connection:
            every = [db for (db,) in connection.execute("SELECT db FROM databases")]
        for db in every:
            while self._waits(db):
                if done := self._step(db):
                    return done
        self._looked = version
        return 0

    def work(self, stopped: Callable[[], bool], idle: float = 0.5) -> None:
        """The background thread: catches up, then looks again every half second until `stopped()`."""
        while not stopped():
            try:
                time.sleep(0.01 if self.catch_up() else idle)  # let waiting writers in
            except DavenportError as problem:
                logging.getLogger(__name__).warning("Duplicates cannot be caught up now: %s", problem)
                time.sleep(idle)

    def _waits(self, db: int) -> bool:
        with self.store.reading() as connection:
            return self._state(connection, db)["doc"] is not None

    def _step(self, db: int) -> int:
        with self.store.transaction() as connection:
            state = self._state(connection, db)
            design = self._design(self._name(connection, db))
            wanted = compared_by(design)
            if state.get("building") != wanted:
                state = {"built": state["built"], "building": wanted, "doc": 0}
            done = self._remove(connection, db, state)
            if not done:
                done = self._make(connection, db, design, state)
            self._put(connection, db, state)
        return done

    def _remove(self, connection: sqlite3.Connection, db: int, state: dict[str, Any]) -> int:
        """Rows under keys that are compared no longer, or of other items."""
        wanted, built = state["building"], state["built"]
        for key, items in list(built.items()):
            if items and set(items) <= set(wanted.get(key, ())):
                continue
            gone = connection.execute(
                "DELETE FROM uniques WHERE (db, item, value, doc) IN"
                " (SELECT db, item, value, doc FROM uniques WHERE db = ? AND item = ? LIMIT ?)",
                (db, key, CHUNK),
            ).rowcount
            if gone:
                return gone
            del built[key]
        return 0

    def _make(self, connection: sqlite3.Connection, db: int, design: Design | None, state: dict[str, Any]) -> int:
        """Rows of the next documents, unless all that is compared was compared before."""
        rows: list[tuple[int, bytes]] = []
        if state["built"] != state["building"]:
            rows = connection.execute(
                "SELECT doc, body FROM documents WHERE db = ? AND doc > ? AND deleted = 0 ORDER BY doc LIMIT ?",
                (db, state["doc"], CHUNK),
            ).fetchall()
        if not rows:
            state.update(built=state.pop("building"), doc=None)
            return 0
        made = [row for doc, body in rows for row in self._rows(design, db, doc, loads(body))]
        connection.executemany("INSERT OR IGNORE INTO uniques (db, item, value, doc) VALUES (?, ?, ?, ?)", made)
        state["doc"] = rows[-1][0]
        return len(rows)

    @staticmethod
    def _keys(connection: sqlite3.Connection, db: int) -> list[str]:
        rows = connection.execute("SELECT DISTINCT item FROM uniques WHERE db = ?", (db,))
        return [item for (item,) in rows]

    # -- asking

    def same(
        self,
        database: Database,
        form: Form,
        items: Mapping[str, Any],
        *,
        id: str | None,
        only: Iterable[str] | None = None,
    ) -> list[tuple[str, dict[str, Any], tuple[str, ...]]]:
        """Readable documents with an equal value: (id, body, items). `id` is the document itself, if it
        is saved."""
        return self.having(database, list(values(form, items, only)), id=id)

    def having(
        self, database: Database, wanted: Sequence[tuple[Compared, str]], *, id: str | None
    ) -> list[tuple[str, dict[str, Any], tuple[str, ...]]]:
        """Readable documents that have one of these values."""
        hits = self._hits(database.number, wanted) if wanted else {}
        if not hits:
            return []
        found: list[tuple[str, dict[str, Any], tuple[str, ...]]] = []
        listed = list(hits.items())[:MOST]
        for start in range(0, len(listed), _FEW):
            names = self._ids(database.number, dict(listed[start : start + _FEW]))
            documents = database.get_many(names)  # one by one: all reader sets of the person are not worked out
            found += [(one, documents[one], names[one]) for one in names if one in documents and one != id]
            if len(found) >= _FEW:
                break
        return found[:_FEW]

    def _ids(self, db: int, hits: Mapping[int, list[str]]) -> dict[str, tuple[str, ...]]:
        """{id: items} for {number of a document: items}."""
        with self.store.reading() as connection:
            rows = connection.execute(
                "SELECT d.id, d.doc FROM json_each(?) AS w CROSS JOIN documents AS d ON d.doc = w.value"
                " WHERE d.db = ? AND d.deleted = 0",
                (jsonio.canonical(list(hits)).decode(), db),
            ).fetchall()
        return {id: tuple(dict.fromkeys(hits[doc])) for id, doc in rows}

    def _hits(self, db: int, wanted: Sequence[tuple[Compared, str]]) -> dict[int, list[str]]:
        """Documents with one of the values, read or not: the caller joins them against what the person sees."""
        hits: dict[int, list[str]] = {}
        names = {(entry.key, value): entry.item for entry, value in reversed(wanted)}
        parameters: list[Any] = []
        for key, value in names:
            parameters += (db, key, value)
        one = "SELECT item, value, doc FROM uniques WHERE db = ? AND item = ? AND value = ?"
        with self.store.reading() as connection:
            rows = connection.execute(" UNION ALL ".join([one] * len(names)) + " LIMIT 500", parameters)
            for key, value, doc in rows:
                hits.setdefault(doc, []).append(names[key, value])
        return {doc: [e.item for e, _ in wanted if e.item in found] for doc, found in hits.items()}

    def present(self, db: int, wanted: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of these (key, value) that any document has, readable or not: nobody is shown the answer."""
        by_key: dict[str, list[str]] = {}
        for key, value in wanted:
            by_key.setdefault(key, []).append(value)
        found: set[tuple[str, str]] = set()
        with self.store.reading() as connection:
            for key, values_ in by_key.items():
                rows = connection.execute(
                    "SELECT DISTINCT u.value FROM json_each(?) AS w CROSS JOIN uniques AS u"
                    " ON u.db = ? AND u.item = ? AND u.value = w.value",
                    (jsonio.canonical([value for value in values_ if "\0" not in value]).decode(), db, key),
                )
                found.update((key, value) for (value,) in rows)
        found.update((key, value) for key, listed in by_key.items() for value in listed if "\0" in value)
        return found

    def taken(self, database: str, form: Form, item: str, codes: Sequence[str]) -> set[str]:
        """Which of these codes does any document, readable or not, have? Only numbering asks, and shows nobody
        the answer."""
        key = self.key_of(form, item)
        normal = {code: self.normal_code(form, item, code) for code in codes}
        found = self.present(self.store.database(database).number, {(key, value) for value in normal.values()})
        return {code for code, value in normal.items() if (key, value) in found}

    @staticmethod
    def key_of(form: Form, item: str) -> str:
        """Where an item's values stand in the table; "" when it is not compared."""
        return next((entry.key for entry in compared(form) if entry.item == item), "")

    @staticmethod
    def normal_code(form: Form, item: str, code: str) -> str:
        """A code as the table has it."""
        return next((entry.normal(code) for entry in compared(form) if entry.item == item), code)

    def clashes(self, database: Database, form: Form, limit: int = 100) -> list[tuple[str, str, list[str]]]:
        """Values that should be unique and several readable documents have: (item, value, ids). For the list to
        settle; where sharing a value is usual (telephone numbers), nothing is to be settled."""
        found: list[tuple[str, str, list[str]]] = []
        unique = {
            e.key: e.item for e in compared(form) if form.items[e.item].unique or form.items[e.item].type == "code"
        }
        with database.reading() as reading:
            for key, name in unique.items():
                rows = reading.connection.execute(
                    "SELECT t.value, json_group_array(d.id) FROM"
                    " (SELECT value FROM uniques WHERE db = ?1 AND item = ?2 GROUP BY value HAVING count(*) > 1) AS t"
                    " CROSS JOIN uniques AS u ON u.db = ?1 AND u.item = ?2 AND u.value = t.value"
                    " CROSS JOIN documents AS d ON d.doc = u.doc AND d.deleted = 0"
                    f" AND d.access IN (SELECT access FROM {reading.table})"
                    " GROUP BY t.value HAVING count(*) > 1 LIMIT ?3",
                    (reading.number, key, limit - len(found)),
                )
                found += [(name, value, jsonio.loads(ids)) for value, ids in rows]
                if len(found) >= limit:
                    break
        return found
