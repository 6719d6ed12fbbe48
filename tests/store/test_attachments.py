"""Conformance: attachments and their collection; backup and restore."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path

import pytest

from app.errors import BadRequest, MissingStub, NotFound, TooLarge, UserError
from app.store import Blob, Branch, Context, Edit, RawDatabase, Store, Stub


def stub(blob: Blob, content_type: str = "text/plain") -> Stub:
    return Stub(content_type, blob.length, blob.digest, blob.address)


@pytest.fixture
def blob(store: Store) -> Blob:
    return store.blobs.write(io.BytesIO(b"hello"))


def test_a_content_is_stored_once_under_its_digest(store: Store, blob: Blob) -> None:
    assert blob.digest == "md5-XUFAKrxLKna5cZ2REBfFkg=="
    assert blob.length == 5
    assert store.blobs.write(io.BytesIO(b"hello")) == blob
    assert list(store.blobs.names()) == [store.blobs.path(blob.address).name]
    with store.blobs.open(blob.address) as file:
        assert file.read() == b"hello"


def test_another_digest_than_named_is_refused(store: Store) -> None:
    with pytest.raises(BadRequest):
        store.blobs.write(io.BytesIO(b"hello"), "md5-AAAA")
    assert list(store.blobs.names()) == []
    assert list((store.blobs.folder / "new").iterdir()) == []


def test_the_size_limit_is_kept(store: Store) -> None:
    store.blobs.limit = 4
    with pytest.raises(TooLarge):
        store.blobs.write(io.BytesIO(b"hello"))
    assert list((store.blobs.folder / "new").iterdir()) == []


@pytest.mark.parametrize("address", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64])
def test_no_other_files_are_opened(store: Store, address: str) -> None:
    with pytest.raises(NotFound):
        store.blobs.open(address)


def test_attachments_stay_until_they_are_named_otherwise(database: RawDatabase, context: Context, blob: Blob) -> None:
    first = database.put(Edit("a", None, {}, attachments={"hello.txt": stub(blob)}), context)
    second = database.put(Edit("a", first, {"n": 1}), context)
    assert database.get("a").attachments == {"hello.txt": stub(blob)._replace(revpos=1)}
    third = database.put(Edit("a", second, {}, attachments={"b.txt": stub(blob)}), context)
    assert database.get("a").attachments["b.txt"].revpos == 3
    database.put(Edit("a", third, {}, attachments={}), context)
    assert database.get("a").attachments == {}
    changed = [entry.items.get("_attachments") for entry in database.history("a")]
    assert changed == [
        [{"b.txt": blob.digest}, {}],
        [{"hello.txt": blob.digest}, {"b.txt": blob.digest}],
        None,
    ]


def test_attachments_are_part_of_the_revision(database: RawDatabase, context: Context, blob: Blob) -> None:
    plain = database.put(Edit("a", None, {}), context)
    assert database.put(Edit("b", None, {}, attachments={"x": stub(blob)}), context) != plain


@pytest.mark.parametrize("name", ["", "_x", "a\0b"])
def test_bad_attachment_names_are_refused(database: RawDatabase, context: Context, blob: Blob, name: str) -> None:
    with pytest.raises(BadRequest):
        database.put(Edit("a", None, {}, attachments={name: stub(blob)}), context)


def test_a_stub_without_content_is_refused(database: RawDatabase, context: Context, blob: Blob) -> None:
    missing = stub(blob)._replace(address="0" * 64)
    with pytest.raises(MissingStub):
        database.put(Edit("a", None, {}, attachments={"x": missing}), context)
    answers = database.insert([Branch("a", ["1-a"], {}, False, {"x": missing})], context)
    assert isinstance(answers[0], MissingStub)


def test_a_pushed_attachment_keeps_its_generation(database: RawDatabase, context: Context, blob: Blob) -> None:
    database.insert([Branch("a", ["3-c", "2-b", "1-a"], {}, False, {"x": stub(blob)._replace(revpos=2)})], context)
    assert database.get("a").attachments["x"].revpos == 2


def test_contents_nobody_names_go_after_the_grace_time(
    store: Store, database: RawDatabase, context: Context, blob: Blob
) -> None:
    kept = store.blobs.write(io.BytesIO(b"kept"))
    database.put(Edit("a", None, {}, attachments={"x": stub(kept)}), context)
    now, day = time.time(), store.blobs.grace + 1
    named = {kept.address}
    assert store.blobs.collect(named, now=now) == 0
    with store.blobs.backing_up():
        assert store.collect() == 0
    assert store.blobs.collect(named, now=now + day) == 1
    assert list(store.blobs.names()) == [store.blobs.path(kept.address).name]


def test_the_content_of_a_deleted_document_stays_while_the_trash_can_restore_it(
    store: Store, database: RawDatabase, context: Context, blob: Blob
) -> None:
    store.blobs.grace = -1
    rev = database.put(Edit("a", None, {}, attachments={"x": stub(blob)}), context)
    database.delete("a", rev, context)
    assert store.collect() == 0
    database.compact(keep_days=0)
    assert store.collect() == 1


def test_damage_is_found(store: Store, database: RawDatabase, context: Context, blob: Blob) -> None:
    database.put(Edit("a", None, {}, attachments={"x": stub(blob)}), context)
    path = store.blobs.path(blob.address)
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert store.check() == [f"Attachment content {blob.address} is missing or damaged."]
    path.write_bytes(good)


def test_a_backup_brings_everything_back(
    store: Store, database: RawDatabase, context: Context, blob: Blob, tmp_path: Path, passphrase: str
) -> None:
    database.put_many([Edit(f"d{n}", None, {"n": n, "readers": ["x"]}) for n in range(200)], context)
    database.put(Edit("a", None, {"n": 1}, attachments={"x": stub(blob)}), context)
    with store.node.transaction() as connection:
        connection.execute("INSERT INTO settings VALUES ('zone', 'Asia/Shanghai')")
    store.backup(tmp_path / "node.zip")
    database.put(Edit("later", None, {}), context)

    Store.restore(tmp_path / "node.zip", tmp_path / "new", passphrase=passphrase)
    other = Store.open(tmp_path / "new", passphrase=passphrase)
    copy = other.database("customers")
    assert other.check() == []
    assert copy.changes(include_docs=True) == database.changes(include_docs=True)[:-1]
    assert copy.info().incarnation != database.info().incarnation
    with other.blobs.open(copy.get("a").attachments["x"].address) as file:
        assert file.read() == b"hello"
    with other.node.reading() as connection:
        assert connection.execute("SELECT value FROM settings").fetchall() == [("Asia/Shanghai",)]
    other.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data0", "new", "node.zip"]


def test_a_backup_does_not_stop_writers(
    store: Store, database: RawDatabase, context: Context, tmp_path: Path, passphrase: str
) -> None:
    import threading

    database.put_many([Edit(f"d{n}", None, {"t": "x" * 1000}) for n in range(3000)], context)
    backup = threading.Thread(target=store.backup, args=(tmp_path / "node.zip",))
    backup.start()
    written = 0
    while backup.is_alive():
        database.put(Edit(f"w{written}", None, {"n": written}), context)
        written += 1
    backup.join()
    Store.restore(tmp_path / "node.zip", tmp_path / "new", passphrase=passphrase)
    other = Store.open(tmp_path / "new", passphrase=passphrase)
    assert other.check() == []
    assert 3000 <= other.database("customers").info().documents <= 3000 + written
    other.close()


def test_restore_refuses_what_it_should(store: Store, tmp_path: Path) -> None:
    good = tmp_path / "good.zip"
    store.backup(good)
    with pytest.raises(UserError, match="already"):
        Store.restore(good, store.data)
    with pytest.raises(UserError, match="no backup"):
        Store.restore(tmp_path / "none.zip", tmp_path / "x")
    (tmp_path / "bad.zip").write_bytes(good.read_bytes()[:-100])
    with pytest.raises(UserError, match="not a complete backup"):
        Store.restore(tmp_path / "bad.zip", tmp_path / "x")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("manifest.json", b'{"format": 99}')
    with pytest.raises(UserError, match="another format"):
        Store.restore(tmp_path / "other.zip", tmp_path / "x")
    assert not (tmp_path / "x" / "documents.db").exists()
