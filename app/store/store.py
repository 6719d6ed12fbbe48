"""A node's data directory: `documents.db`, `node.db`, `attachments/`; derived files lie beside them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from app import clock
from app.errors import FileExists, NotFound, UserError
from app.store import backup, checking, compaction, keys, migrations, validity
from app.store.blobs import Blobs
from app.store.checkpoints import Checkpointer
from app.store.database import RawDatabase
from app.store.driver import Connection
from app.store.files import Files
from app.store.keys import Keys
from app.store.model import Changed, Indexer
from app.store.sets import Sets, take
from app.store.sqlite import TIMEOUT, SqliteFile
from app.store.waiting import Waiting

DOCUMENTS, NODE, ATTACHMENTS = "documents.db", "node.db", "attachments"
PLAIN = b"SQLite format 3\0"  # how a file begins that is not encrypted


class Store:
    """The raw store of a node. `Store.open` and, at the end, `close`."""

    def __init__(self, data: Path, *, timeout: float = TIMEOUT, keys: Keys | None = None) -> None:
        self.data = data
        self.documents = SqliteFile(data / DOCUMENTS, timeout=timeout, key=keys.documents if keys else None)
        self.node = SqliteFile(data / NODE, timeout=timeout, key=keys.node if keys else None)
        self.blobs = Blobs(data / ATTACHMENTS, keys=keys)
        self.files = Files(keys.contents if keys else None)
        self.scratch_key = keys.scratch if keys else None  # of database files that live no longer than the process
        self.cookie_key = keys.derived("cookies") if keys else None  # who has the files alone cannot sign in
        self.sets = Sets(self.documents)
        self.waiting = Waiting(self.documents)
        self.indexers: list[Indexer] = []
        self.notes_unsent = False  # on a laptop: each revision made here is noted for the hub
        self.on_unsent: Callable[[], None] = lambda: None  # something was noted, and is committed
        self.on_purge: list[Callable[[str, list[str] | None], None]] = []  # (database, ids or None: all): erase traces
        self.checks: list[Callable[[Connection], Iterable[str]]] = []
        self._checkpointers: list[Checkpointer] = []

    @classmethod
    def open(
        cls,
        data: Path,
        *,
        create: bool = False,
        timeout: float = TIMEOUT,
        passphrase: str = "",
        encrypted: bool = False,
    ) -> Store:
        """The store in a folder; `encrypted` makes a new one so. UserError when there is none or the passphrase is
        wrong, NewerFile when a newer Davenport wrote it."""
        if not create and not (data / DOCUMENTS).exists():
            raise UserError(f"There is no Davenport data in {data}.")
        (data / ATTACHMENTS).mkdir(parents=True, exist_ok=True)
        store = cls(data, timeout=timeout, keys=_keys(data, passphrase, encrypted))
        try:
            migrations.prepare(store.documents, migrations.DOCUMENTS)
            migrations.prepare(store.node, migrations.NODE)
        except BaseException:
            store.close()
            raise
        return store

    def serve(self) -> None:
        """From now on a thread copies the logs into the files, so that no commit does."""
        for file in (self.documents, self.node):
            self._checkpointers.append(Checkpointer(file))
            self._checkpointers[-1].start()

    def close(self) -> None:
        """Close the files; waiters return."""
        while self._checkpointers:
            self._checkpointers.pop().stop()
        self.waiting.close()
        self.documents.close()
        self.node.close()

    # -- databases

    def names(self) -> list[str]:
        """Names of the databases, sorted."""
        with self.reading() as connection:
            return [name for (name,) in connection.execute("SELECT name FROM databases ORDER BY name")]

    def create(self, name: str) -> RawDatabase:
        """A new database. FileExists, BadRequest."""
        validity.database_name(name)
        with self.transaction() as connection:
            if connection.execute("SELECT 1 FROM databases WHERE name = ?", (name,)).fetchone():
                raise FileExists("The database exists already.")
            number = take(connection, "database")
            connection.execute(
                "INSERT INTO databases (db, name, incarnation, created_at) VALUES (?, ?, ?, ?)",
                (number, name, secrets.token_hex(8), clock.now()),
            )
        return RawDatabase(self, name, number)

    def database(self, name: str) -> RawDatabase:
        """An existing database. NotFound."""
        with self.reading() as connection:
            row = connection.execute("SELECT db FROM databases WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise NotFound("The database does not exist.")
        return RawDatabase(self, name, row[0])

    def drop(self, name: str) -> None:
        """Remove a database with everything in it. NotFound."""
        with self.transaction() as connection:
            number = self.database(name).number
            of_documents = "(SELECT doc FROM documents WHERE db = ?)"
            for table, where in (
                ("bodies", f"doc IN {of_documents}"),
                ("doc_entries", f"doc IN {of_documents}"),
                ("entries", "ord IN (SELECT ord FROM orders WHERE db = ?)"),
                ("entries_of_access", "ord IN (SELECT ord FROM orders WHERE db = ?)"),
                ("totals", "ord IN (SELECT ord FROM orders WHERE db = ?)"),
                ("totals_log", "ord IN (SELECT ord FROM orders WHERE db = ?)"),
                *((table, "db = ?") for table in _OF_DATABASE),
            ):
                connection.execute(f"DELETE FROM {table} WHERE {where}", (number,))
            series = (f"{name}/", f"{name}0")  # `0` comes right after `/`
            connection.execute("DELETE FROM numbers WHERE series >= ? AND series < ?", series)
            self.documents.on_commit(self.sets.forget)

    # -- transactions

    def transaction(self) -> AbstractContextManager[Connection]:
        """The write transaction; nested, a savepoint. Unavailable, InsufficientStorage."""
        return self.documents.transaction()

    def reading(self) -> AbstractContextManager[Connection]:
        """A snapshot to read from, or the thread's open transaction. Never hold it while waiting."""
        return self.documents.reading()

    def data_version(self) -> int:
        """Differs from before when any process has committed documents since."""
        return self.documents.data_version()

    def changed(self, db: int, changes: Sequence[Changed], *, deferred: bool) -> None:
        """Within a transaction: let the indexers follow, and wake who waits once it is committed."""
        with self.transaction() as connection:
            for indexer in self.indexers:
                indexer(connection, db, changes, deferred)
        newest = changes[-1].seq
        self.documents.on_commit(lambda: self.waiting.advance(db, newest))

    # -- upkeep

    def backup(self, file: Path) -> None:
        """One consistent snapshot of the whole node in one file, while serving."""
        backup.backup(self, file)

    @staticmethod
    def restore(file: Path, data: Path, *, passphrase: str = "", encrypted: bool = False) -> None:
        """Make a data directory from a backup; every database starts a new incarnation. UserError."""
        backup.restore(file, data, passphrase, encrypted=encrypted)

    def check(self) -> list[str]:
        """Everything that is wrong, one sentence each; empty when all is well."""
        return checking.check(self)

    def digests(self) -> dict[str, dict[str, Any]]:
        """{database: {documents, deleted, attachments, digest}}, equal on nodes that hold the same."""
        return checking.digests(self)

    def collect(self) -> int:
        """Remove attachment contents that nothing has named for the grace time; how many."""
        with self.reading() as connection:
            named = compaction.named_blobs(connection)
        return self.blobs.collect(named)


def _keys(data: Path, passphrase: str, encrypted: bool) -> Keys | None:
    if keys.is_encrypted(data):
        return keys.unlock(data, passphrase)
    try:
        with (data / DOCUMENTS).open("rb") as file:
            head = file.read(len(PLAIN))
    except FileNotFoundError:
        return keys.create(data, passphrase) if encrypted else None
    if encrypted:
        raise UserError(f"{data} is not encrypted; make a backup and restore it with --encrypted.")
    if head and head != PLAIN:
        raise UserError(f"{data / DOCUMENTS} is damaged, or encrypted and its {keys.FILE} is missing.")
    return None


_OF_DATABASE = (
    "documents",
    "sets",
    "set_names",
    "access_log",
    "history",
    "local_documents",
    "purged",
    "conflicts",
    "orders",
    "pending",
    "placing",
    "responses",
    "uniques",
    "unsent",
    "missing_content",
    "databases",
)
