"""A run: a large backlog indexed at one go, each row written beside its neighbours.

What indexing costs is scattered pages. A run makes the keys of all its documents first, sorts them outside the
database and then writes each order from its first key to its last, so that every page is written once:

    make    keys of the waiting documents, set by set → a file of its own (`index.tmp`)      no lock
    enter   documents still the same: doc_entries, `placing`; no longer pending              short transactions
    place   each order sorted (no lock), then entries by key, and by reader set and key      short transactions
    finish  totals of those still in `placing`, set by set; the rows of `placing` go         short transactions

`placing` says: doc_entries has the keys, totals do not count them, and entries may lack them. Whoever changes such a
document writes it in full and takes it out of `placing` (batch.py); a run places only what is there under its number.
A run that was killed leaves rows there; the next one puts those documents back to `pending`. One run at a time
in all processes: `index.lock` is held meanwhile. What a run does not take (responses in trees, documents whose keys
change) stays pending.
"""

from __future__ import annotations

import contextlib
import pickle
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import orjson

from app.store import Store, driver
from app.views.batch import State
from app.views.entries import CERTAIN, COUNT_ALL, Deltas, Difference, pack, unpack
from app.views.keys import ABSENT, Held
from app.views.totals import write_totals

LEAST = 5_000  # documents that are worth a run
TOGETHER = 1_500  # documents whose keys are made together
FIRST = 200  # rows of a first transaction: later ones follow the pace
PART = 100  # documents whose totals are added up together
HOLD = 0.02  # seconds a transaction aims to hold the write lock; some take twice as long
SORTING = 24_000  # KiB of memory for sorting

_SPOOL = """
CREATE TABLE docs (doc INTEGER, id TEXT, seq INTEGER, access INTEGER, part INTEGER, orders TEXT, entries BLOB,
    before BLOB, uncertain TEXT);
CREATE TABLE aside (doc INTEGER);
CREATE TABLE parts (part INTEGER PRIMARY KEY, documents INTEGER, totals BLOB);
"""


class Made(NamedTuple):
    """A document of a run."""

    doc: int
    id: str
    seq: int
    access: int
    held: Held
    orders: Set[int]  # where it is to be placed
    before: bytes | None  # its row in doc_entries …
    uncertain: str | None  # … and in `placing`: others may change them meanwhile


class Run:
    """One run. `begin` → `steps`, each of which is one short transaction or none."""

    def __init__(self, store: Store, db: int, building: bool, state: State, lock: sqlite3.Connection) -> None:
        self.store, self.db, self.building, self.state = store, db, building, state
        self.left = 0
        self._lock = lock
        self._number = secrets.randbits(60)
        self._key = store.scratch_key
        self._path = store.documents.path.with_name("index.tmp")
        self._target = 0
        self._numbers = frozenset(state.numbers.values())
        self._places: set[int] = set()
        self._pace: dict[str, float] = {}

    @classmethod
    def begin(cls, store: Store, db: int, building: bool, state: Callable[[sqlite3.Connection], State]) -> Run | None:
        """None when another process is at it."""
        lock = sqlite3.connect(
            store.documents.path.with_name("index.lock"), timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            lock.close()
            return None
        with store.reading() as connection:
            return cls(store, db, building, state(connection), lock)

    def steps(self) -> Iterator[int]:
        """Documents made at each step, 1 for other steps."""
        self._remove_file()
        spool = driver.connect(self._path, self._key)
        try:
            sorting = "FILE" if self._key is None else "MEMORY"  # what is sorted on the disk would lie there open
            for setting in ("journal_mode = OFF", "synchronous = OFF", f"temp_store = {sorting}"):
                spool.execute(f"PRAGMA {setting}")
            spool.execute(f"PRAGMA cache_size = -{SORTING}")
            spool.executescript(_SPOOL)
            yield from self._recover()
            yield from self._make(spool)
            yield from self._enter(spool)
            for number in sorted(self._places):
                yield from self._place(spool, number)
            yield from self._finish(spool)
        finally:
            spool.close()
            self._remove_file()
            self._lock.close()

    def recover(self) -> Iterator[int]:
        """Only put back what a killed run left."""
        try:
            yield from self._recover()
        finally:
            self._lock.close()

    def _remove_file(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    def _recover(self) -> Iterator[int]:
        last, rows = -1, [(0, 0)]
        while rows:
            with self._timed("recover", self.store.transaction) as (size, connection):
                rows = connection.execute(
                    "SELECT doc, db FROM placing WHERE doc > ? ORDER BY doc LIMIT ?", (last, size)
                ).fetchall()
                connection.executemany("INSERT OR IGNORE INTO pending (doc, db) VALUES (?, ?)", rows)
            last = rows[-1][0] if rows else last
            yield 1

    # -- making keys

    def _make(self, spool: sqlite3.Connection) -> Iterator[int]:
        docs = self._documents()
        waiting = iter(docs)
        part = 0
        while chosen := list(islice(waiting, TOGETHER)):
            with self.store.reading() as connection:
                made, aside = self._keys(connection, chosen)
            spool.execute("BEGIN")
            for start in range(0, len(made), PART):
                self._keep(spool, part, made[start : start + PART])
                part += 1
            spool.executemany("INSERT INTO aside VALUES (?)", [(doc,) for doc in aside])
            spool.execute("COMMIT")
            self.left += len(aside)
            yield len(chosen)

    def _documents(self) -> list[int]:
        """Numbers of the documents, by reader set."""
        with self.store.reading() as connection:
            if self.building:
                self._target = connection.execute(
                    "SELECT update_seq FROM databases WHERE db = ?", (self.db,)
                ).fetchone()[0]
                source = (
                    "documents WHERE db = ?1 AND deleted = 0 AND seq >"
                    " (SELECT min(built) FROM orders WHERE db = ?1 AND ready = 0)"
                )
            else:
                source = "pending AS p CROSS JOIN documents AS d USING (doc) WHERE p.db = ?1"
            return [doc for (doc,) in connection.execute(f"SELECT doc FROM {source} ORDER BY access, doc", (self.db,))]

    def _keys(self, connection: sqlite3.Connection, docs: Sequence[int]) -> tuple[list[Made], list[int]]:
        """Keys of these documents, and those the run leaves to others."""
        rows = connection.execute(
            "SELECT d.doc, d.id, d.seq, d.access, d.deleted, d.body, e.entries, p.orders FROM json_each(?) AS w"
            " CROSS JOIN documents AS d ON d.doc = w.value LEFT JOIN doc_entries AS e ON e.doc = d.doc"
            " LEFT JOIN placing AS p ON p.doc = d.doc",
            (orjson.dumps(docs).decode(),),
        )
        make, trees = self.state.maker.held, self.state.maker.trees
        made: list[Made] = []
        aside: list[int] = []
        for doc, id, seq, access, deleted, body, entries, uncertain in rows:
            items = orjson.loads(body) if not deleted else {}
            held = Held(access, {}) if trees and items.get("parent") else make(access, items, doc)
            before = unpack(entries) if entries is not None else ABSENT
            again = frozenset(orjson.loads(uncertain)) if uncertain else CERTAIN
            if before is ABSENT:
                missing: Set[int] = _together(tuple(held.keys))
                kept = True
            else:
                missing = held.keys.keys() - (before.keys.keys() - again)
                kept = before.access == access and all(
                    held.keys.get(number) == keys for number, keys in before.keys.items() if number in self._numbers
                )
            if held.keys and kept:
                made.append(Made(doc, id, seq, access, held, missing, entries, uncertain))
            elif not self.building or held.keys or before is not ABSENT or items.get("parent"):
                aside.append(doc)
        return made, aside

    def _keep(self, spool: sqlite3.Connection, part: int, made: Sequence[Made]) -> None:
        rows: dict[int, list[tuple[bytes, int, int, int]]] = {}
        for each in made:
            for number in each.orders:
                places = rows.setdefault(number, [])
                for entry in each.held.keys[number].entries:
                    places.append((entry.key, each.doc, entry.n, each.access))
        for number, places in rows.items():
            if number not in self._places:
                self._places.add(number)
                spool.execute(f"CREATE TABLE places_{number} (key BLOB, doc INTEGER, n INTEGER, access INTEGER)")
            spool.executemany(f"INSERT INTO places_{number} VALUES (?, ?, ?, ?)", places)
        spool.executemany(
            "INSERT INTO docs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*each[:4], part, _listed(each.orders), pack(each.held), each.before, each.uncertain) for each in made],
        )
        totals = self._totals((each.held, each.orders, each.access) for each in made)
        spool.execute("INSERT INTO parts VALUES (?, ?, ?)", (part, len(made), pickle.dumps(totals)))

    def _totals(self, documents: Iterable[tuple[Held, Set[int], int]]) -> Deltas:
        """What totals gain, reader set by reader set, then of all sets together."""
        counted = self.state.counted
        difference = Difference(counted, together=False)
        plain: dict[tuple[int, int, int, bytes], int] = {}  # most documents: one entry, nothing to add up
        for held, numbers, access in documents:
            for number in numbers:
                if number not in counted:
                    continue
                keys = held.keys[number]
                if keys.sums or len(keys.entries) != 1 or keys.entries[0].n:
                    difference.count(number, keys, access, 1)
                    continue
                key, _, lengths = keys.entries[0]
                place = (number, access, 0, b"")
                plain[place] = plain.get(place, 0) + 1
                for level, length in enumerate(lengths, 1):
                    place = (number, access, level, key[:length])
                    plain[place] = plain.get(place, 0) + 1
        totals = difference.totals
        for place, count in plain.items():
            totals.setdefault(place, [0])[0] += count
        for (number, _, level, category), amounts in list(totals.items()):
            place = (number, COUNT_ALL, level, category)
            known = totals.get(place)
            totals[place] = amounts if known is None else [a + b for a, b in zip(known, amounts, strict=True)]
        return totals

    # -- writing

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that also reads the file of the run."""
        with self.store.transaction() as connection:

            def detach() -> None:
                connection.execute("DETACH spool")

            driver.attach(connection, f"{self._path.absolute().as_uri()}?mode=ro", "spool", self._key)
            self.store.documents.on_commit(detach)
            self.store.documents.on_rollback(detach)
            yield connection

    @contextlib.contextmanager
    def _timed(
        self, kind: str, transaction: Callable[[], contextlib.AbstractContextManager[sqlite3.Connection]]
    ) -> Iterator[tuple[int, sqlite3.Connection]]:
        """A transaction, and how much it may do; the next one's share follows from how long this one took."""
        size = max(int(self._pace.get(kind, FIRST)), 1)
        began = 0.0
        with transaction() as connection:
            began = time.monotonic()
            yield size, connection
        spent = max(time.monotonic() - began, 1e-6)
        self._pace[kind] = min(size * HOLD / spent, size * 1.5, 50_000)

    def _paced(self, kind: str, many: int, act: Callable[[sqlite3.Connection, int, int], None]) -> Iterator[int]:
        """Rows 1 … many in transactions that hold the lock shortly."""
        low = 0
        while low < many:
            with self._timed(kind, self._writing) as (size, connection):
                act(connection, low, low + size)
            low += size
            yield 1

    def _enter(self, spool: sqlite3.Connection) -> Iterator[int]:
        spool.execute("CREATE TABLE entering AS SELECT * FROM docs ORDER BY doc")
        many = spool.execute("SELECT count(*) FROM entering").fetchone()[0]
        rows = "spool.entering AS s"
        within = "s.rowid > ?2 AND s.rowid <= ?3"
        pending = "" if self.building else " AND EXISTS (SELECT 1 FROM pending AS w WHERE w.doc = s.doc)"

        def enter(connection: sqlite3.Connection, low: int, high: int) -> None:
            connection.execute(
                f"INSERT INTO placing (doc, db, run, orders) SELECT s.doc, ?1, ?4, s.orders FROM {rows}"
                " CROSS JOIN documents AS d ON d.doc = s.doc LEFT JOIN doc_entries AS e ON e.doc = s.doc"
                f" LEFT JOIN placing AS p ON p.doc = s.doc WHERE {within} AND d.seq = s.seq AND d.access = s.access"
                " AND e.entries IS s.before AND p.orders IS s.uncertain"
                f"{pending} ON CONFLICT (doc) DO UPDATE SET run = excluded.run, orders = excluded.orders",
                (self.db, low, high, self._number),
            )
            entered = f"FROM {rows} CROSS JOIN placing AS p ON p.doc = s.doc AND p.run = ?1 WHERE {within}"
            given = (self._number, low, high)
            connection.execute(
                f"INSERT OR REPLACE INTO doc_entries (doc, entries) SELECT s.doc, s.entries {entered}", given
            )
            connection.execute(f"DELETE FROM pending WHERE doc IN (SELECT s.doc {entered})", given)

        yield from self._paced("enter", many, enter)
        if self.building:
            yield from self._put_aside(spool)

    def _put_aside(self, spool: sqlite3.Connection) -> Iterator[int]:
        """Documents for others wait; the orders are built as soon as these are done."""
        many = spool.execute("SELECT count(*) FROM aside").fetchone()[0]

        def wait(connection: sqlite3.Connection, low: int, high: int) -> None:
            connection.execute(
                "INSERT OR IGNORE INTO pending (doc, db) SELECT doc, ?1 FROM spool.aside"
                " WHERE rowid > ?2 AND rowid <= ?3",
                (self.db, low, high),
            )

        yield from self._paced("aside", many, wait)

    def _place(self, spool: sqlite3.Connection, number: int) -> Iterator[int]:
        for table, order in (("entries", "key, doc, n"), ("entries_of_access", "access, key, doc, n")):
            spool.execute(f"CREATE TABLE sorted AS SELECT key, doc, n, access FROM places_{number} ORDER BY {order}")
            many = spool.execute("SELECT count(*) FROM sorted").fetchone()[0]
            yield 1

            def place(connection: sqlite3.Connection, low: int, high: int, table: str = table) -> None:
                connection.execute(
                    f"INSERT OR REPLACE INTO {table} (ord, access, key, doc, n)"
                    " SELECT ?1, s.access, s.key, s.doc, s.n FROM spool.sorted AS s"
                    " CROSS JOIN placing AS p ON p.doc = s.doc AND p.run = ?4 WHERE s.rowid > ?2 AND s.rowid <= ?3",
                    (number, low, high, self._number),
                )

            yield from self._paced("place", many, place)
            spool.execute("DROP TABLE sorted")
        spool.execute(f"DROP TABLE places_{number}")

    def _finish(self, spool: sqlite3.Connection) -> Iterator[int]:
        spool.execute("CREATE INDEX docs_by_part ON docs (part)")
        many = spool.execute("SELECT count(*) FROM parts").fetchone()[0]
        self._pace["finish"] = 2
        yield from self._paced("finish", many, self._count)
        if self.building:
            with self.store.transaction() as connection:
                connection.execute(
                    "UPDATE orders SET built = max(built, ?) WHERE db = ? AND ready = 0 AND ord IN"
                    " (SELECT value FROM json_each(?))",
                    (self._target, self.db, orjson.dumps(sorted(self.state.building)).decode()),
                )
            yield 1

    def _count(self, connection: sqlite3.Connection, low: int, high: int) -> None:
        """Totals of some parts; of one with fewer documents than it had, counted anew."""
        there: dict[int, list[tuple[int, str]]] = {}
        for part, doc, id in connection.execute(
            "SELECT s.part, s.doc, s.id FROM spool.docs AS s CROSS JOIN placing AS p ON p.doc = s.doc AND p.run = ?"
            " WHERE s.part >= ? AND s.part < ?",
            (self._number, low, high),
        ):
            there.setdefault(part, []).append((doc, id))
        deltas: Deltas = {}
        for part, many, totals in connection.execute(
            "SELECT part, documents, totals FROM spool.parts WHERE part >= ? AND part < ?", (low, high)
        ).fetchall():
            whole = len(there.get(part, ())) == many
            found = pickle.loads(totals) if whole else self._anew(connection, part)  # noqa: S301 - written by this run
            for place, amounts in found.items():
                known = deltas.get(place)
                deltas[place] = amounts if known is None else [a + b for a, b in zip(known, amounts, strict=True)]
        write_totals(connection, deltas)
        placed = [each for those in there.values() for each in those]
        connection.executemany("DELETE FROM placing WHERE doc = ?", [(doc,) for doc, _ in placed])
        if self._places & self.state.maker.trees:
            connection.execute(
                "INSERT OR IGNORE INTO pending (doc, db) SELECT r.doc, r.db FROM json_each(?) AS w"
                " CROSS JOIN responses AS r ON r.db = ? AND r.parent = w.value",
                (orjson.dumps([id for _, id in placed]).decode(), self.db),
            )

    def _anew(self, connection: sqlite3.Connection, part: int) -> Deltas:
        rows = connection.execute(
            "SELECT s.entries, s.orders, s.access FROM spool.docs AS s CROSS JOIN placing AS p"
            " ON p.doc = s.doc AND p.run = ? WHERE s.part = ?",
            (self._number, part),
        )
        return self._totals(
            (unpack(entries), frozenset(orjson.loads(numbers)), access) for entries, numbers, access in rows
        )


@lru_cache(maxsize=1_000)
def _together(numbers: tuple[int, ...]) -> frozenset[int]:
    return frozenset(numbers)


def _listed(numbers: Set[int]) -> str:
    return orjson.dumps(sorted(numbers)).decode()
