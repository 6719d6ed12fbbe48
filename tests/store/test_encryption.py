"""Encrypted stores: what the files tell without the passphrase, the passphrase itself, sealed files."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Unavailable, UserError
from app.store import Context, Edit, Store, Stub, keys, sealing
from app.store.files import Files, length

SECRET = "Zeppelin Kupferdraht 客户机密"
PASSPHRASE = "correct horse battery"
KEY = bytes(range(32))


def make(folder: Path) -> Store:
    return Store.open(folder, create=True, passphrase=PASSPHRASE, encrypted=True)


def fill(store: Store, context: Context, count: int = 300) -> str:
    """Documents, an attachment; the address of that."""
    database = store.create("customers")
    blob = store.blobs.write(io.BytesIO(SECRET.encode() * 10_000))
    stub = Stub("text/plain", blob.length, blob.digest, blob.address)
    database.put(Edit("with-file", None, {"subject": SECRET}, attachments={SECRET: stub}), context)
    edits = [Edit(f"{SECRET}-{n}", None, {"text": SECRET * 3, "readers": [SECRET]}) for n in range(count)]
    database.put_many(edits, context)
    with store.node.transaction() as connection:
        connection.execute("INSERT INTO settings VALUES ('a', ?)", (SECRET,))
    return blob.address


def found_in(folder: Path, *, but: str = "\0") -> list[str]:
    """Files below a folder whose bytes or names hold a part of the secret, whatever their encoding."""
    wanted = [part.encode(code) for part in SECRET.split() for code in ("utf-8", "utf-16-le")]
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and (any(part in path.read_bytes() for part in wanted) or but in path.name)
    ]


def test_the_files_tell_nothing(tmp_path: Path, context: Context) -> None:
    store = make(tmp_path / "node")
    address = fill(store, context)
    with store.reading():  # holds the log
        store.database("customers").put(Edit("late", None, {"text": SECRET}), context)
        assert (tmp_path / "node" / "documents.db-wal").stat().st_size > 0
        store.backup(tmp_path / "backup.zip")
        assert found_in(tmp_path, but=address) == []
    assert store.database("customers").get("late").body["text"] == SECRET
    store.close()
    assert found_in(tmp_path, but=address) == []


def test_plain_files_would_be_found(tmp_path: Path, context: Context) -> None:
    store = Store.open(tmp_path / "node", create=True)
    address = fill(store, context, 3)
    store.close()
    assert {"documents.db", "node.db", address} <= set(found_in(tmp_path, but=address))


def test_a_wrong_passphrase_is_one_sentence(tmp_path: Path, context: Context) -> None:
    make(tmp_path).close()
    with pytest.raises(UserError, match=r"^The passphrase is wrong\.$"):
        Store.open(tmp_path, passphrase="correct horse batterz")
    with pytest.raises(UserError, match="give its passphrase"):
        Store.open(tmp_path)
    (tmp_path / keys.FILE).write_text("{}")
    with pytest.raises(UserError, match="cannot be read"):
        Store.open(tmp_path, passphrase=PASSPHRASE)
    (tmp_path / keys.FILE).unlink()
    with pytest.raises(UserError, match="is missing"):
        Store.open(tmp_path, passphrase=PASSPHRASE)


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least 8"):
        Store.open(tmp_path, create=True, passphrase="short", encrypted=True)
    assert not (tmp_path / "documents.db").exists()


def test_a_new_passphrase_opens_and_the_old_one_no_longer(tmp_path: Path, context: Context) -> None:
    store = make(tmp_path)
    fill(store, context, 5)
    keys.unlock(tmp_path, PASSPHRASE).lock(tmp_path, "another passphrase")  # while it is open
    store.database("customers").put(Edit("meanwhile", None, {}), context)
    store.close()
    with pytest.raises(UserError, match="wrong"):
        Store.open(tmp_path, passphrase=PASSPHRASE)
    again = Store.open(tmp_path, passphrase="another passphrase")
    assert again.check() == []
    assert again.database("customers").exists("meanwhile")
    again.close()


def test_two_nodes_under_one_passphrase_have_nothing_in_common(tmp_path: Path, context: Context) -> None:
    one, two = make(tmp_path / "one"), make(tmp_path / "two")
    address = fill(one, context, 3)
    fill(two, context, 3)
    assert one.blobs.path(address).name != two.blobs.path(address).name
    assert one.blobs.path(address).read_bytes()[24:] != two.blobs.path(address).read_bytes()[24:]
    assert one.documents.key != two.documents.key
    one.close()
    two.close()


def test_a_backup_needs_the_passphrase(tmp_path: Path, context: Context) -> None:
    store = make(tmp_path / "node")
    address = fill(store, context)
    store.backup(tmp_path / "node.zip")
    store.close()
    with pytest.raises(UserError, match="wrong"):
        Store.restore(tmp_path / "node.zip", tmp_path / "new", passphrase="something else")
    Store.restore(tmp_path / "node.zip", tmp_path / "new", passphrase=PASSPHRASE)
    again = Store.open(tmp_path / "new", passphrase=PASSPHRASE)
    assert again.check() == []
    assert again.blobs.open(address).read() == SECRET.encode() * 10_000
    again.close()


def test_an_open_backup_is_restored_encrypted(tmp_path: Path, context: Context) -> None:
    store = Store.open(tmp_path / "node", create=True)
    address = fill(store, context)
    (tmp_path / "node" / "jobs" / ("0" * 32)).mkdir(parents=True)
    (tmp_path / "node" / "jobs" / ("0" * 32) / "source").write_text(SECRET)
    store.backup(tmp_path / "node.zip")
    before = store.database("customers").changes(include_docs=True)
    store.close()
    Store.restore(tmp_path / "node.zip", tmp_path / "new", passphrase=PASSPHRASE, encrypted=True)
    assert found_in(tmp_path / "new", but=address) == []
    again = Store.open(tmp_path / "new", passphrase=PASSPHRASE)
    assert again.check() == []
    assert again.database("customers").changes(include_docs=True) == before
    with again.files.at(tmp_path / "new" / "jobs" / ("0" * 32) / "source").open(encoding="utf-8") as file:
        assert file.read() == SECRET
    again.close()


def sealed(content: bytes) -> bytes:
    target = io.BytesIO()
    sealer = sealing.Sealer(target, KEY)
    sealer.write(content)
    sealer.close()
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 1, 15, 65_535, 65_536, 65_537, 131_072, 200_001])
def test_what_is_sealed_comes_back(size: int) -> None:
    content = random.Random(size).randbytes(size)
    with sealing.reader(io.BytesIO(sealed(content)), KEY) as file:
        assert file.read() == content


@given(st.lists(st.tuples(st.integers(0, 140_000), st.integers(0, 70_000)), max_size=8))
def test_any_range_is_read_alone(ranges: list[tuple[int, int]]) -> None:
    with sealing.reader(io.BytesIO(SEALED), KEY) as file:
        for begin, size in ranges:
            file.seek(begin)
            assert file.read(size) == CONTENT[begin : begin + size]
        assert file.seek(0, os.SEEK_END) == len(CONTENT)


CONTENT = random.Random(1).randbytes(140_000)
SEALED = sealed(CONTENT)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data[: 24 + 65_552],  # cut at the end of a piece
        lambda data: data[:24],
        lambda data: data[:5],
        lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
        lambda data: data[:24] + data[24 + 65_552 : 24 + 2 * 65_552] + data[24 : 24 + 65_552] + data[24 + 2 * 65_552 :],
        lambda data: data + b"more",
    ],
)
def test_every_change_is_noticed(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Unavailable, match="damaged"), sealing.reader(io.BytesIO(change(SEALED)), KEY) as file:
        file.read()


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Unavailable), sealing.reader(io.BytesIO(SEALED), bytes(32)) as file:
        file.read()


@given(st.lists(st.binary(max_size=100), max_size=20))
def test_a_spool_is_written_in_parts(parts: list[bytes]) -> None:
    raw = io.BytesIO()
    for part in parts:  # opened anew each time, as after a kill
        spool = sealing.Spool(io.BytesIO(raw.getvalue()), KEY)
        spool.seek(0, os.SEEK_END)
        spool.write(part)
        raw = io.BytesIO(spool._file.getvalue())  # type: ignore[attr-defined]
    content = b"".join(parts)
    if not content:
        return
    if len(content) > 8:
        assert content not in raw.getvalue()
    assert sealing.Spool(raw, KEY).read() == content


def test_texts_and_spools_of_an_encrypted_node(tmp_path: Path) -> None:
    files = Files(KEY)
    place = files.at(tmp_path / "a.csv")
    with place.open("w", encoding="gb18030", newline="") as file:
        file.write(f"{SECRET}\r\n" * 10_000)
    assert found_in(tmp_path) == []
    assert length(place) == len(f"{SECRET}\r\n".encode("gb18030")) * 10_000
    with place.open(encoding="gb18030", newline="") as file:
        assert next(iter(file)) == f"{SECRET}\r\n"
    with files.spool() as spool:
        spool.write(SECRET.encode() * 50_000)
        spool.seek(3)
        assert spool.read() == (SECRET.encode() * 50_000)[3:]


def test_a_content_that_comes_in_parts_lies_sealed(tmp_path: Path) -> None:
    store = make(tmp_path)
    content = SECRET.encode() * 3_000
    part = store.blobs.part("ab" * 32)
    assert part.length == 0
    with part.writing(0) as file:
        file.write(content[:50_001])
    assert store.blobs.part("ab" * 32).length == 50_001
    with part.writing(50_000) as file:
        file.write(content[50_000:])
    assert part.length == len(content)
    with part.reading() as file:
        assert file.read() == content
    assert found_in(tmp_path, but="abab") == []
    part.remove()
    store.close()
