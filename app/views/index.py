"""The view index follows the documents: at once for a person's save, soon for bulk writes.

    save      Changed ─────────→ keys ─→ entries, totals            in the same transaction
    bulk      Changed ─→ pending … catch_up() ─→ keys ─→ …          in transactions of ≤ 50 ms
    design    new orders (ready = 0, built = seq) … catch_up() walks the documents by seq
              orders no view uses any more (ready = -1) … catch_up() removes their rows

Access is never deferred: a document that changes its reader set or is deleted has its rows changed at
once. Responses stand below their parent's key; when that changes or arrives later, they are made again,
many of them by way of `pending`.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import orjson

from app.design import Design
from app.errors import Unavailable
from app.store import Changed, Store
from app.views import orders, runs
from app.views.batch import Batch, State
from app.views.entries import pack
from app.views.keys import Held, Maker
from app.views.orders import Orders
from app.views.runs import Run

HOLD = 0.025  # seconds a background transaction aims to hold the write lock; some take twice as long
FEWEST, MOST = 20, 2_000  # documents in one background transaction
COUNTED = 10_000  # waiting documents a page counts
QUEUE = 50_000  # waiting documents put in the order of their reader sets at a time
AT_ONCE = 150  # documents in a database for which new orders are built within the transaction
BUILDING, LEAVING = 0, -1


class Prepared(NamedTuple):
    """Keys made ahead: document → the body they were made from, and the keys."""

    maker: Maker
    made: dict[int, tuple[bytes, Held, bytes]]  # the body, what it gives, that packed
    docs: list[int]  # in the order they are to be indexed; empty: any


class Index:
    """The indexer. `designs(name)`: the design of a database, the same object until it changes."""

    def __init__(self, store: Store, designs: Callable[[str], Design | None]) -> None:
        self.store = store
        self._designs = designs
        self._compiled: dict[int, tuple[Design | None, Orders]] = {}
        self._names: dict[int, str] = {}
        self._makers: dict[tuple[int, tuple[tuple[int, str], ...]], tuple[Orders, Maker, frozenset[int]]] = {}
        self._pace: dict[str, float] = {}
        self._queues: dict[int, list[int]] = {}
        self._lock = threading.Lock()
        self._stepping = threading.RLock()
        self._run: Iterator[int] | None = None
        self._left: dict[int, int] = {}

    # -- the orders of a database

    def state(self, connection: sqlite3.Connection, db: int) -> State:
        """The orders as they stand in this snapshot, matched with the current design."""
        name = self._name(connection, db)
        design, wanted = self._wanted(name, db)
        rows = connection.execute("SELECT ord, digest, ready FROM orders WHERE db = ? AND ready >= 0", (db,)).fetchall()
        numbers = {digest: number for number, digest, _ in rows if digest in wanted.by_digest}
        building = frozenset(number for number, _, ready in rows if not ready)
        maker, counted = self._maker(db, wanted, numbers)
        return State(name, design, wanted, numbers, building, maker, counted)

    def _name(self, connection: sqlite3.Connection, db: int) -> str:
        if db not in self._names:
            row = connection.execute("SELECT name FROM databases WHERE db = ?", (db,)).fetchone()
            if row is None:
                return ""
            self._names[db] = row[0]
        return self._names[db]

    def _wanted(self, name: str, db: int) -> tuple[Design | None, Orders]:
        design = self._designs(name) if name else None
        known = self._compiled.get(db)
        if known is None or known[0] is not design:
            known = self._compiled[db] = (design, orders.of_design(design))
        return known

    def _maker(self, db: int, wanted: Orders, numbers: dict[str, int]) -> tuple[Maker, frozenset[int]]:
        key = (db, tuple(sorted((number, digest) for digest, number in numbers.items())))
        known = self._makers.get(key)
        if known is None or known[0] is not wanted:
            by_number = {number: wanted.by_digest[digest] for digest, number in numbers.items()}
            counted = frozenset(number for number, order in by_number.items() if order.counted)
            with self._lock:
                for old in [each for each in self._makers if each[0] == db]:
                    self._makers.pop(old, None)
                known = self._makers[key] = (wanted, Maker(by_number), counted)
        return known[1], known[2]

    def current(self, db: int) -> State:
        """The state once new orders are entered and unused ones marked; writes if the design changed."""
        with self.store.reading() as connection:
            state = self.state(connection, db)
            if not self._differs(connection, db, state):
                return state
        with suppress(Unavailable), self.store.transaction() as connection:
            self.synchronise(connection, db)
        with self.store.reading() as connection:
            return self.state(connection, db)

    def _differs(self, connection: sqlite3.Connection, db: int, state: State) -> bool:
        if len(state.numbers) < len(state.orders.by_digest):
            return True
        kept = connection.execute("SELECT count(*) FROM orders WHERE db = ? AND ready >= 0", (db,)).fetchone()[0]
        return bool(kept > len(state.numbers))

    def synchronise(self, connection: sqlite3.Connection, db: int) -> State:
        """Enter what the design newly asks for, mark what it no longer does. Inside a write transaction."""
        state = self.state(connection, db)
        if not self._differs(connection, db, state):
            return state
        rows = connection.execute("SELECT ord, digest FROM orders WHERE db = ? AND ready >= 0", (db,)).fetchall()
        for number, digest in rows:
            if digest not in state.orders.by_digest:
                connection.execute(
                    "UPDATE orders SET ready = ?, digest = digest || ':' || ord WHERE ord = ?",
                    (LEAVING, number),
                )
        for digest in state.orders.by_digest:
            if digest not in state.numbers:
                connection.execute("INSERT INTO orders (db, digest, ready) VALUES (?, ?, ?)", (db, digest, BUILDING))
        few = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM documents WHERE db = ? LIMIT ?)", (db, AT_ONCE + 1)
        ).fetchone()[0]
        if few <= AT_ONCE:
            self._build(connection, db, self.state(connection, db), AT_ONCE + 1)
        return self.state(connection, db)

    # -- following writes

    def __call__(self, connection: sqlite3.Connection, db: int, changes: Sequence[Changed], deferred: bool, /) -> None:
        """Called by the store inside the write transaction."""
        before = self.state(connection, db).numbers
        state = self.synchronise(connection, db)
        if not state.numbers:
            return
        if deferred:
            self._put_off(connection, db, state, changes)
            return
        batch = Batch(connection, db, state)
        entered = state.numbers != before  # a design came with its documents: these may be in the new orders already
        for change in changes:
            batch.document(change.doc, change.id, change.new, change.access, known_new=change.created and not entered)
        connection.executemany("DELETE FROM pending WHERE doc = ?", [(change.doc,) for change in changes])
        batch.write()

    def _put_off(self, connection: sqlite3.Connection, db: int, state: State, changes: Sequence[Changed]) -> None:
        """Removals and changed reader sets now, keys later."""
        now = [c for c in changes if not c.created and (c.new is None or c.access != c.access_before)]
        batch = Batch(connection, db, state)
        for change in now:
            if change.new is None:
                batch.document(change.doc, change.id, None, change.access)
            else:
                batch.move(change.doc, change.access)
        batch.write()
        forms = state.maker.forms
        later = [c for c in changes if c.new is not None and (not c.created or c.new.get("form") in forms)]
        connection.executemany(
            "INSERT OR IGNORE INTO pending (doc, db) VALUES (?, ?)", [(change.doc, db) for change in later]
        )
        gone = [(change.doc,) for change in changes if change.new is None]
        connection.executemany("DELETE FROM pending WHERE doc = ?", gone)

    # -- catching up

    def pending(self, db: int) -> int:
        """How many documents are not in every order yet (an estimate while orders are built)."""
        with self.store.reading() as connection:
            return self.missing(connection, db)

    def missing(self, connection: sqlite3.Connection, db: int, state: State | None = None) -> int:
        """As `pending`, in this snapshot. With a state, for a page: waiting ones are counted up to `COUNTED`.

        All documents are missing while the design's orders are not even entered.
        """
        if state is not None and len(state.numbers) < len(state.orders.by_digest):
            row = connection.execute("SELECT documents FROM databases WHERE db = ?", (db,)).fetchone()
            return int(row[0])
        most = -1 if state is None else COUNTED + 1
        waiting = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM pending WHERE db = ? LIMIT ?)", (db, most)
        ).fetchone()[0]
        placing = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM placing WHERE db = ? LIMIT ?)", (db, most)
        ).fetchone()[0]
        row = connection.execute(
            "SELECT d.update_seq - min(o.built), d.documents FROM orders AS o JOIN databases AS d USING (db)"
            " WHERE o.db = ? AND o.ready = 0",
            (db,),
        ).fetchone()
        left = min(row[0], row[1]) if row and row[0] is not None else 0
        return max(int(waiting) + int(placing), int(left))

    def catch_up(self, db: int | None = None, *, limit: int | None = None, seconds: float | None = None) -> int:
        """Index what is pending, build new orders, remove old ones; in short transactions.

        Stops after `limit` documents or `seconds`, or when nothing is left. How many documents.
        """
        started, done = time.monotonic(), 0
        while (limit is None or done < limit) and (seconds is None or time.monotonic() - started < seconds):
            step = self.step(db, None if limit is None else limit - done)
            if not step:
                break
            done += step
        return done

    def index_waiting(self, db: int, size: int) -> None:
        """Index up to `size` waiting documents of a database in one transaction, if nobody else writes."""
        with suppress(Unavailable), self.store.transaction() as connection:
            self._index_pending(connection, db, size)

    def step(self, db: int | None = None, limit: int | None = None) -> int:
        """One short transaction of catching up; how many documents, 0 when nothing is left to do."""
        with self._stepping:
            return self._step(db, limit)

    def _step(self, db: int | None, limit: int | None) -> int:
        if self._run is not None:
            done = next(self._run, None)
            if done is not None:
                return done
            self._run = None
        with self.store.reading() as connection:
            job = self._next_job(connection, db)
            many = self._backlog(connection, *job) if job is not None else 0
        if job is None:
            return 0
        kind, where = job
        if kind == "placing" or many >= runs.LEAST:
            self._run = self._start(kind, where)
            if self._run is not None:
                return 1
        size = int(min(max(self._pace.get(kind, 50), FEWEST), MOST, limit or MOST))
        if kind == "leave":
            return self._timed(kind, size, lambda connection: self._leave(connection, where, size))
        if kind == "placing":  # another process is at it
            return 0
        prepared = self._prepare(kind, where, size)
        act = self._index_pending if kind == "pending" else self._build_next
        return self._timed(kind, size, lambda connection: act(connection, where, size, prepared))

    def _backlog(self, connection: sqlite3.Connection, kind: str, db: int) -> int:
        """How many documents a run would take up, counted up to its least; those it left before do not count."""
        if kind == "build":
            source = "documents WHERE db = ?1 AND seq > (SELECT min(built) FROM orders WHERE db = ?1 AND ready = 0)"
        elif kind == "pending":
            source = "pending WHERE db = ?1"
        else:
            return 0
        most = runs.LEAST + self._left.get(db, 0)
        row = connection.execute(f"SELECT count(*) FROM (SELECT 1 FROM {source} LIMIT ?2)", (db, most)).fetchone()
        return int(row[0]) - self._left.get(db, 0)

    def _start(self, kind: str, db: int) -> Iterator[int] | None:
        """A run over the backlog, or over what one that was killed has left; None when another process runs one."""
        run = Run.begin(self.store, db, kind == "build", lambda connection: self.state(connection, db))
        if run is None:
            return None
        return run.recover() if kind == "placing" else self._running(run, db)

    def _running(self, run: Run, db: int) -> Iterator[int]:
        yield from run.steps()
        self._left[db] = run.left

    def _timed(self, kind: str, size: int, act: Callable[[sqlite3.Connection], int]) -> int:
        """A transaction; the next one's size follows from how long this one held the lock."""
        began = 0.0
        with self.store.transaction() as connection:
            began = time.monotonic()
            done = act(connection)
        spent = time.monotonic() - began
        if spent > 0 and done >= size // 2:
            self._pace[kind] = min(size * HOLD / spent, size * 1.5)
        return done

    def _prepare(self, kind: str, db: int, size: int) -> Prepared:
        """Keys of the next documents, made before the lock is taken; used if the document is still the same."""
        with self.store.reading() as connection:
            maker, docs = self.state(connection, db).maker, []
            if kind == "pending":
                docs = self._next_waiting(connection, db, size)
                rows = self._waiting(connection, db, size, docs)
            else:
                rows = self._unbuilt(connection, db, size)
        made: dict[int, tuple[bytes, Held, bytes]] = {}
        for doc, document, deleted, access, body, _ in rows:
            if document is not None and not deleted:
                items = orjson.loads(body)
                if not items.get("parent"):
                    held = maker.held(access, items, doc)
                    made[doc] = (body, held, pack(held))
        return Prepared(maker, made, docs)

    def _next_waiting(self, connection: sqlite3.Connection, db: int, size: int) -> list[int]:
        """Waiting documents to index together: of the same reader sets, whose entries lie on the same pages."""
        queue = self._queues.get(db)
        if not queue:
            rows = connection.execute(
                "SELECT d.access, p.doc FROM (SELECT doc FROM pending WHERE db = ? LIMIT ?) AS p"
                " CROSS JOIN documents AS d ON d.doc = p.doc",
                (db, QUEUE),
            ).fetchall()
            queue = self._queues[db] = [doc for _, doc in sorted(rows, reverse=True)]
        taken = queue[-size:]
        del queue[-size:]
        return taken

    @staticmethod
    def _waiting(connection: sqlite3.Connection, db: int, size: int, docs: Sequence[int] = ()) -> list[Any]:
        """Documents that wait: those of `docs` that still do, or any."""
        columns = "p.doc, d.id, d.deleted, d.access, d.body, d.seq"
        rows: list[Any] = []
        if docs:
            rows = connection.execute(
                f"SELECT {columns} FROM json_each(?) AS w CROSS JOIN pending AS p ON p.doc = w.value"
                " LEFT JOIN documents AS d ON d.doc = p.doc",
                (orjson.dumps(docs).decode(),),
            ).fetchall()
        return (
            rows
            or connection.execute(
                f"SELECT {columns} FROM (SELECT doc FROM pending WHERE db = ? LIMIT ?) AS p"
                " LEFT JOIN documents AS d ON d.doc = p.doc",
                (db, size),
            ).fetchall()
        )

    @staticmethod
    def _unbuilt(connection: sqlite3.Connection, db: int, size: int) -> list[Any]:
        return connection.execute(
            "SELECT doc, id, deleted, access, body, seq FROM documents INDEXED BY documents_by_seq WHERE db = ?"
            " AND seq > (SELECT min(built) FROM orders WHERE db = ? AND ready = 0) ORDER BY seq LIMIT ?",
            (db, db, size),
        ).fetchall()

    @staticmethod
    def _next_job(connection: sqlite3.Connection, db: int | None) -> tuple[str, int] | None:
        where, given = ("", ()) if db is None else (" AND db = ?", (db,))
        for kind, table in (
            ("pending", "pending WHERE TRUE"),
            ("build", "orders WHERE ready = 0"),
            ("placing", "placing WHERE TRUE"),  # with nothing waiting: what a killed run left
            ("leave", "orders WHERE ready = -1"),
        ):
            row = connection.execute(f"SELECT db FROM {table}{where} LIMIT 1", given).fetchone()
            if row:
                return kind, row[0]
        return None

    def _index_pending(
        self, connection: sqlite3.Connection, db: int, size: int, prepared: Prepared | None = None
    ) -> int:
        state = self.synchronise(connection, db)
        rows = self._waiting(connection, db, size, prepared.docs if prepared is not None else ())
        connection.executemany("DELETE FROM pending WHERE doc = ?", [(row[0],) for row in rows])
        self._left[db] = max(self._left.get(db, 0) - len(rows), 0)
        self._index(connection, db, state, rows, prepared)
        return len(rows)

    def _build_next(self, connection: sqlite3.Connection, db: int, size: int, prepared: Prepared) -> int:
        return self._build(connection, db, self.synchronise(connection, db), size, prepared)

    def _build(
        self, connection: sqlite3.Connection, db: int, state: State, size: int, prepared: Prepared | None = None
    ) -> int:
        """Index the next documents by seq for the orders that are being built."""
        rows = self._unbuilt(connection, db, size)
        self._index(connection, db, state, rows, prepared)
        if rows:
            connection.execute("UPDATE orders SET built = max(built, ?) WHERE db = ? AND ready = 0", (rows[-1][5], db))
        if len(rows) < size:
            connection.execute("UPDATE orders SET ready = 1 WHERE db = ? AND ready = 0", (db,))
        return max(len(rows), 1)

    def _index(
        self,
        connection: sqlite3.Connection,
        db: int,
        state: State,
        rows: Sequence[Any],
        prepared: Prepared | None,
    ) -> None:
        made = prepared.made if prepared is not None and prepared.maker is state.maker else {}
        batch = Batch(connection, db, state)
        batch.prefetch([row[0] for row in rows])
        for doc, document, deleted, access, body, _ in rows:
            known = made.get(doc)
            if document is None or deleted:
                batch.document(doc, document, None, access or 0)
            elif known is not None and known[0] == body and known[1].access == access:
                batch.document(doc, document, {}, access, made=known[1])
                batch.packed[doc] = known[2]
            else:
                batch.document(doc, document, orjson.loads(body), access)
        batch.write()

    @staticmethod
    def _leave(connection: sqlite3.Connection, db: int, size: int) -> int:
        """Remove rows of an order that no view uses any more."""
        number = connection.execute("SELECT ord FROM orders WHERE db = ? AND ready = -1", (db,)).fetchone()[0]
        removed = 0
        for table, columns in (
            ("entries", "ord, key, doc, n"),
            ("entries_of_access", "ord, access, key, doc, n"),
            ("totals", "ord, access, level, category"),
        ):
            removed += connection.execute(
                f"DELETE FROM {table} WHERE ({columns}) IN (SELECT {columns} FROM {table} WHERE ord = ? LIMIT ?)",
                (number, size),
            ).rowcount
        if not removed:
            connection.execute("DELETE FROM orders WHERE ord = ?", (number,))
        return max(removed, 1)

    def rebuild(self, db: int) -> None:
        """Forget every order of a database and build it anew (in the background)."""
        with self.store.transaction() as connection:
            connection.execute(
                "UPDATE orders SET ready = ?, digest = digest || ':' || ord WHERE db = ? AND ready >= 0",
                (LEAVING, db),
            )
            self.synchronise(connection, db)
