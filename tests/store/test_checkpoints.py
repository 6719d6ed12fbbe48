"""The log is copied beside the commits, stays bounded, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store import Context, Edit, Store, sqlite
from app.store.checkpoints import Checkpointer

CONTEXT = Context("north", "2026-11-22T08:00:00.000Z")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store.open(tmp_path / "data", create=True)
    yield found
    found.close()


def write(store: Store, start: int, many: int) -> None:
    """So many documents of 2 KB, one transaction."""
    edits = [Edit(f"doc-{n}", None, {"n": n, "t": "x" * 2_000}) for n in range(start, start + many)]
    assert all(isinstance(rev, str) for rev in store.database("notes").put_many(edits, CONTEXT))


def pages(store: Store) -> int:
    """Pages in the log that are not in the file yet."""
    long, copied = store.documents.copy_log()
    return long - copied


def test_a_look_copies_the_log_after_many_rows_or_some_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create("notes")
    follower = Checkpointer(store.documents)
    assert follower.look()
    assert not follower.look()
    write(store, 0, 10)
    assert not follower.look()
    monkeypatch.setattr("app.store.checkpoints.ROWS", 10)
    assert follower.look()
    assert pages(store) == 0


def test_commits_leave_the_log_alone_while_somebody_copies_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT", 50)
    store.create("notes")
    log = store.documents.path.with_name("documents.db-wal")
    store.documents.leave_log(True)
    for n in range(10):
        write(store, n * 100, 100)
    long = log.stat().st_size
    follower = Checkpointer(store.documents)
    for n in range(10, 40):
        write(store, n * 100, 100)
        follower._last = -100.0
        follower.look()
    assert log.stat().st_size < 2 * long
    store.documents.leave_log(False)
    assert store.check() == []


def test_serving_copies_by_itself_and_ends_with_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.checkpoints.LOOK", 0.002)
    monkeypatch.setattr("app.store.checkpoints.OFTEN", 0.0)
    store = Store.open(tmp_path, create=True)
    store.serve()
    store.create("notes")
    for n in range(20):
        write(store, n * 50, 50)
    store.close()
    again = Store.open(tmp_path)
    assert again.database("notes").info().documents == 1_000
    assert again.check() == []
    again.close()
