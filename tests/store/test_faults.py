"""Full disks, locked files, files of other versions: one clear sentence, nothing half-written."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.errors import InsufficientStorage, Unavailable, UserError
from app.store import Context, Edit, NewerFile, RawDatabase, Store, driver, migrations, sqlite
from app.store.migrations import Schema
from app.store.sqlite import SqliteFile

BIG = [Edit(f"big{n}", None, {"text": "x" * 2000, "readers": [f"r{n}"]}) for n in range(500)]


def allow_pages(store: Store, more: int | None) -> None:
    with store.transaction() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + more if more is not None else 1 << 30}")


def test_a_full_disk_leaves_nothing_behind(store: Store, database: RawDatabase, context: Context) -> None:
    database.put(Edit("a", None, {"n": 1}), context)
    before = database.info()
    allow_pages(store, 20)
    with pytest.raises(InsufficientStorage, match=r"^The disk is full; nothing was written\.$"):
        database.put_many(BIG, context)
    assert database.info() == before
    assert store.check() == []
    allow_pages(store, None)
    assert all(isinstance(answer, str) for answer in database.put_many(BIG, context))


def test_a_full_disk_in_a_part_takes_back_the_whole(store: Store, database: RawDatabase, context: Context) -> None:
    def write() -> None:
        with store.transaction():
            database.put(Edit("first", None, {}), context)
            with pytest.raises(InsufficientStorage):
                database.put_many(BIG, context)
            database.put(Edit("after", None, {}), context)

    allow_pages(store, 20)
    with pytest.raises(InsufficientStorage):
        write()
    assert database.changes() == []
    allow_pages(store, None)
    database.put(Edit("first", None, {"readers": ["r0"]}), context)


LIMITED = """
import io, resource, sys
from pathlib import Path
from app.errors import InsufficientStorage
from app.store import Context, Edit, Store
store = Store.open(Path(sys.argv[1]), passphrase=sys.argv[2])
database = store.database("customers")
context = Context("north", "2026-11-22T08:00:00.000Z")
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
written = 0
try:
    for batch in range(100):
        database.put_many([Edit(f"{batch}-{n}", None, {"t": "x" * 2000}) for n in range(100)], context)
        written += 100
except InsufficientStorage as problem:
    assert problem.reason.lower().endswith("nothing was written."), problem.reason
    assert database.info().documents == written, (database.info(), written)
    try:
        store.blobs.write(io.BytesIO(bytes(3_000_000)))
    except InsufficientStorage:
        assert not list((store.blobs.folder / "new").iterdir())
        print(written)
"""


def test_a_file_that_cannot_grow_is_a_full_disk(store: Store, database: RawDatabase, passphrase: str) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", LIMITED, str(store.data), passphrase]
    child = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=30)
    assert child.stderr == ""
    assert database.info().documents == int(child.stdout) > 0


def test_a_locked_file_is_told(store: Store, database: RawDatabase, context: Context, passphrase: str) -> None:
    database.put(Edit("a", None, {}), context)
    impatient = Store.open(store.data, timeout=0.1, passphrase=passphrase)
    other = driver.connect(store.documents.path, store.documents.key)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(Unavailable, match="locked by another program"):
            impatient.database("customers").put(Edit("b", None, {}), context)
        assert impatient.database("customers").exists("a")
    finally:
        other.execute("ROLLBACK")
        other.close()
    impatient.database("customers").put(Edit("b", None, {}), context)
    impatient.close()


def test_two_threads_write_one_after_the_other(database: RawDatabase, context: Context) -> None:
    def write(name: str) -> None:
        for n in range(50):
            database.put(Edit(f"{name}{n}", None, {"readers": [name]}), context)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [change.seq for change in database.changes()] == list(range(1, 201))


def test_a_reader_keeps_its_snapshot(store: Store, database: RawDatabase, context: Context) -> None:
    with store.reading():
        assert database.changes() == []
        writer = threading.Thread(target=database.put, args=(Edit("a", None, {}), context))
        writer.start()
        writer.join()
        assert database.changes() == []
    assert len(database.changes()) == 1


def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(Unavailable), store.reading() as connection:
        connection.execute("DELETE FROM databases")


def test_a_newer_file_is_refused(store: Store, passphrase: str) -> None:
    path, key = store.documents.path, store.documents.key
    store.close()
    with contextlib.closing(driver.connect(path, key)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(NewerFile, match="newer Davenport"):
        Store.open(path.parent, passphrase=passphrase)
    with contextlib.closing(driver.connect(path, key)) as connection:
        connection.execute("PRAGMA user_version = 1")


def test_no_data_and_foreign_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no Davenport data"):
        Store.open(tmp_path)
    with sqlite3.connect(tmp_path / "documents.db") as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    with pytest.raises(UserError, match="not a file of Davenport"):
        Store.open(tmp_path)
    (tmp_path / "documents.db").write_bytes(b"This is a letter, not a database. " * 100)
    with pytest.raises(UserError, match="is damaged, or encrypted and its"):
        Store.open(tmp_path)


def test_an_older_file_is_copied_and_brought_forward(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    first = Schema(1, "CREATE TABLE a (n);\nINSERT INTO a VALUES (1);", {})
    file = SqliteFile(path)
    migrations.prepare(file, first)
    file.close()
    second = Schema(3, "", {1: ["ALTER TABLE a ADD COLUMN m;"], 2: ["UPDATE a SET m = n + 1;"]})
    file = SqliteFile(path)
    migrations.prepare(file, second)
    with file.reading() as connection:
        assert connection.execute("SELECT n, m FROM a").fetchall() == [(1, 2)]
    file.close()
    with sqlite3.connect(tmp_path / "x.db.v1") as copy:
        assert copy.execute("SELECT * FROM a").fetchall() == [(1,)]
    copy.close()


def test_a_failing_migration_leaves_the_old_file(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "x.db")
    migrations.prepare(file, Schema(1, "CREATE TABLE a (n);", {}))
    broken = Schema(2, "", {1: ["CREATE TABLE b (n);", "INSERT INTO missing VALUES (1);"]})
    with pytest.raises(sqlite3.OperationalError):
        migrations.prepare(file, broken)
    with file.reading() as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("a",)]
    file.close()


def test_check_names_what_is_wrong(store: Store, database: RawDatabase, context: Context) -> None:
    rev = database.put(Edit("a", None, {"readers": ["x"]}), context)
    with store.transaction() as connection:
        connection.execute("UPDATE documents SET access = 99, rev = '7-x'")
        connection.execute("UPDATE databases SET documents = 5")
        connection.execute("DELETE FROM set_names")
    problems = "\n".join(store.check())
    for part in (
        f"the winner is {rev}",
        "reader set 99 is unknown",
        "counts 5 documents",
        "not listed under",
    ):
        assert part in problems
    with store.transaction() as connection:
        connection.execute("UPDATE documents SET access = 1, rev = ?", (rev,))
        connection.execute("UPDATE databases SET documents = 1")
        connection.execute("INSERT INTO set_names VALUES (1, 'x', 1)")


def test_durability_is_as_promised(store: Store) -> None:
    with store.transaction() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert sqlite.LOG_LIMIT < 100_000_000


def test_the_attachment_is_whole_or_not_there(store: Store) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        store.blobs.write(Broken())
    assert list((store.blobs.folder / "new").iterdir()) == []
