"""One SQLite file with one writer per process, pooled readers, and errors told as sentences.

    transaction()   BEGIN IMMEDIATE on the writer; nested calls of the same thread are savepoints
    reading()       a snapshot on a pooled reader, or the thread's open transaction
    data_version()  a number that changes when any process has committed

A reader is never held while waiting for something: pages, feeds and exports take one for milliseconds.
"""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from app.errors import DavenportError, InsufficientStorage, Message, Unavailable, UserError
from app.store import driver, scrubbing
from app.store.driver import PAGE, Connection

TIMEOUT = 10.0  # seconds to wait for another writer before answering "busy"
READERS = 8  # connections; each has its own page cache, and the interpreter runs one thread at a time anyway
READER_CACHE = 4_000  # KiB
WRITER_CACHE = 48_000  # KiB: holds the inner pages of all indexes while a bulk write runs
CHECKPOINT = 8_000  # pages of the log before it is copied into the file; longer logs merge more rewrites
LONGEST_LOG = 4 * CHECKPOINT  # pages, where a thread copies the log: beyond, commits do it after all
LOG_LIMIT = 72_000_000  # bytes; a longer log is cut after its checkpoint

PATIENCE = 60.0  # seconds for readers to end before a log can be cut

FULL = Message("The disk is full; nothing was written.")
REFUSED = Message(
    "The disk did not take what was to be written: it is full or a quota is used up. Nothing was written."
)
BUSY = Message("The data file is locked by another program; nothing was written. Try again.")
ENDED = Message("An earlier error ended the transaction; nothing was written.")
HELD = Message("Somebody still reads what is to be erased; it will be repeated.")
READ_ONLY = Message("The data file cannot be written; nothing was written. Check its permissions.")
BROKEN = Message("The data file cannot be read: %(problem)s. Run `davenport check`.")


class NewerFile(UserError):
    """The data directory was written by a newer Davenport."""


class SqliteFile:
    """A database file. `close()` when done; safe to use from any thread. With a `key` it is an encrypted one."""

    def __init__(
        self, path: Path, *, timeout: float = TIMEOUT, secure_delete: bool = False, key: str | None = None
    ) -> None:
        self.path = path
        self.key = key
        self.timeout = timeout
        self.secure_delete = secure_delete
        self._lock = threading.RLock()
        self._owner: int | None = None
        self._depth = 0
        self._doomed: DavenportError | None = None
        self._writer: Connection | None = None
        self._committed: list[Callable[[], None]] = []
        self._rolled_back: list[Callable[[], None]] = []
        self._local = threading.local()
        self._slots = threading.BoundedSemaphore(READERS)
        self._idle: list[Connection] = []
        self._watcher: Connection | None = None
        self._watching = threading.Lock()
        self._copier: Connection | None = None
        self._checkpoint = CHECKPOINT
        self._closed = False

    # -- writing

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """The write transaction: commits at the end or leaves nothing. Unavailable, InsufficientStorage."""
        if self._owner == threading.get_ident():
            with translated(writing=True), self._savepoint() as connection:
                yield connection
            return
        if not self._lock.acquire(timeout=self.timeout):
            raise Unavailable(BUSY)
        try:
            self._owner = threading.get_ident()
            with translated(writing=True):
                yield from self._outermost()
        finally:
            self._owner = None
            self._lock.release()

    def _outermost(self) -> Iterator[Connection]:
        connection = self._writer = self._writer or self._connect()
        connection.execute("BEGIN IMMEDIATE")
        self._doomed = None
        try:
            yield connection
            if self._doomed:
                raise self._doomed
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._forget(connection)
            self._committed.clear()
            raise
        self._rolled_back.clear()
        callbacks, self._committed = self._committed, []
        for callback in callbacks:
            callback()

    @contextlib.contextmanager
    def _savepoint(self) -> Iterator[Connection]:
        connection = self._writer
        if connection is None:
            raise Unavailable(BUSY)
        self._depth += 1
        promised = len(self._committed)
        name = f"level{self._depth}"
        connection.execute(f"SAVEPOINT {name}")
        try:
            yield connection
            connection.execute(f"RELEASE {name}")
        except BaseException as problem:
            if connection.in_transaction:
                connection.execute(f"ROLLBACK TO {name}")
                connection.execute(f"RELEASE {name}")
            else:  # SQLite gave up the whole transaction (disk full): let nothing of it be committed
                self._doomed = _sentence(problem, writing=True) or Unavailable(ENDED)
                connection.execute("BEGIN")
            self._forget(connection)
            del self._committed[promised:]
            raise
        finally:
            self._depth -= 1

    def _forget(self, connection: Connection) -> None:
        """After a rollback: temporary tables are gone with it, and so are remembered numbers."""
        rows = connection.execute("SELECT name FROM temp.sqlite_master WHERE name LIKE 'visible_%'")
        connection.tables = {name: None for (name,) in rows}
        callbacks, self._rolled_back = self._rolled_back, []
        for callback in callbacks:
            callback()

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Run after the transaction that is open now has been committed."""
        self._committed.append(callback)

    def on_rollback(self, callback: Callable[[], None]) -> None:
        """Run when (a part of) the transaction that is open now is taken back."""
        self._rolled_back.append(callback)

    @property
    def writing(self) -> bool:
        """Whether this thread has the write transaction."""
        return self._owner == threading.get_ident()

    # -- reading

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot to read from; within the thread's own transaction, that."""
        if self.writing and self._writer is not None:
            yield self._writer
            return
        held: Connection | None = getattr(self._local, "reader", None)
        if held is not None:
            yield held
            return
        if not self._slots.acquire(timeout=self.timeout):
            raise Unavailable("Too many readers at once; try again.")
        try:
            with translated():
                connection = self._idle.pop() if self._idle else self._connect(read_only=True)
                connection.execute("BEGIN")
                self._local.reader = connection
                try:
                    yield connection
                finally:
                    self._local.reader = None
                    connection.execute("END")
                    self._give_back(connection)
        finally:
            self._slots.release()

    def _give_back(self, connection: Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    @contextlib.contextmanager
    def steady(self) -> Iterator[None]:
        """Meanwhile this thread reads one snapshot and sees one `data_version`: for many small questions in a
        row. Short, as any `reading`."""
        if self.writing or getattr(self._local, "reader", None) is not None:
            yield
            return
        version = self.data_version()  # before the snapshot: what is remembered under it is never older
        with self.reading():
            self._local.version = version
            try:
                yield
            finally:
                self._local.version = None

    def data_version(self) -> int:
        """A number that differs from before when anybody, this process included, has committed since."""
        steady: int | None = getattr(self._local, "version", None)
        if steady is not None:
            return steady
        with self._watching, translated():
            if self._watcher is None:
                self._watcher = self._connect(read_only=True)
            version: int = self._watcher.execute("PRAGMA data_version").fetchone()[0]
            return version

    # -- connections

    def _connect(self, *, read_only: bool = False) -> Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        connection = driver.connect(uri, self.key, uri=True, timeout=self.timeout, cached_statements=256)
        connection.execute("PRAGMA temp_store = MEMORY")
        if read_only:
            connection.execute(f"PRAGMA cache_size = -{READER_CACHE}")
            return connection
        connection.execute(f"PRAGMA page_size = {PAGE}")  # counts for a new file only
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA secure_delete = {'ON' if self.secure_delete else 'OFF'}")
        connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {self._checkpoint}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_LIMIT}")
        return connection

    def leave_log(self, leave: bool) -> None:
        """Whether commits leave copying the log to somebody else (see checkpoints.py)."""
        with self._lock, translated():
            self._checkpoint = LONGEST_LOG if leave else CHECKPOINT
            if self._writer is not None:
                self._writer.execute(f"PRAGMA wal_autocheckpoint = {self._checkpoint}")

    def rows_written(self) -> int:
        """Rows this process has written, roughly: it is read while somebody may write."""
        writer = self._writer
        return writer.total_changes if writer is not None else 0

    def copy_log(self) -> tuple[int, int]:
        """Copy the log into the file as far as that keeps nobody waiting: pages in it, pages copied."""
        with translated():
            if self._copier is None:
                self._copier = self._connect()
            _, long, copied = self._copier.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            return int(long), int(copied)

    @contextlib.contextmanager
    def nobody_writing(self) -> Iterator[None]:
        """Other threads of this process wait with their writes meanwhile."""
        if not self._lock.acquire(timeout=self.timeout):
            raise Unavailable(BUSY)
        try:
            yield
        finally:
            self._lock.release()

    def checkpoint(self) -> bool:
        """Copy the log into the file and cut it: after it, purged content is in no file. Whether it could be cut."""
        with self._lock, translated():
            busy: int = self._connected().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            return not busy

    def _connected(self) -> Connection:
        connection = self._writer = self._writer or self._connect()
        return connection

    def secure(self) -> None:
        """From now on what is deleted is overwritten."""
        with self._lock, translated():
            self.secure_delete = True
            for connection in (self._writer, self._copier):
                if connection is not None:
                    connection.execute("PRAGMA secure_delete = ON")

    @contextlib.contextmanager
    def scrubbing(self) -> Iterator[Connection]:
        """A transaction after which no file holds a copy of what was deleted; it must change something, so that other
        connections forget the pages they remember. Not within another. Unavailable while somebody reads for long."""
        assert not self.writing
        until = time.monotonic() + PATIENCE
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            if self.key is not None:
                with self.transaction() as connection:
                    yield connection
                with translated():
                    self._connected().execute("VACUUM")
                self._cut(until)
                return
            self._cut(until)
            while True:
                with self.transaction() as connection:
                    if not self.log_is_empty():  # another process has written meanwhile
                        connection.execute("SELECT 1")
                    else:
                        scrubbing.clear(self.path)
                        yield connection
                        return
                self._cut(until)

    def _cut(self, until: float) -> None:
        while not self.checkpoint():
            if time.monotonic() > until:
                raise Unavailable(HELD)
            time.sleep(0.05)

    def log_is_empty(self) -> bool:
        """Whether everything committed is in the file itself."""
        log = self.path.with_name(self.path.name + "-wal")
        return not log.exists() or log.stat().st_size == 0

    def size(self) -> int:
        """Bytes of the content, wherever it lies: in the file or still in its log."""
        with self.reading() as connection:
            pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
            return pages * int(connection.execute("PRAGMA page_size").fetchone()[0])

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._closed = True
        with self._lock, self._watching:
            while self._idle:
                self._idle.pop().close()
            for connection in (self._watcher, self._copier, self._writer):
                if connection is not None:
                    connection.close()
            self._watcher = self._copier = self._writer = None


@contextlib.contextmanager
def translated(*, writing: bool = False) -> Iterator[None]:
    """SQLite's and the system's errors about the file, as errors of ours; mistakes in SQL pass through."""
    try:
        yield
    except driver.DatabaseErrors as problem:
        sentence = _sentence(problem, writing)
        if sentence is None:
            raise
        raise sentence from problem
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise InsufficientStorage(FULL) from problem
        if problem.errno in (errno.EROFS, errno.EACCES):
            raise Unavailable(READ_ONLY) from problem
        raise


def _sentence(problem: BaseException, writing: bool) -> Unavailable | InsufficientStorage | None:
    extended = getattr(problem, "sqlite_errorcode", None)
    if extended is None:
        return None
    if extended in (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE):
        return InsufficientStorage(FULL)
    if extended == sqlite3.SQLITE_IOERR and writing:  # SQLCipher's binding does not say which
        return InsufficientStorage(REFUSED)
    match extended & 0xFF:
        case sqlite3.SQLITE_FULL:
            return InsufficientStorage(FULL)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(BUSY)
        case sqlite3.SQLITE_READONLY:
            return Unavailable(READ_ONLY)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return Unavailable(Message(BROKEN, problem=problem))
        case _:
            return None
