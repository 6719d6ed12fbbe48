"""Names of attachments that some file systems do not take: they are data here, never names of files."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from app.access import Database
from app.node import Node
from app.store import Store
from tests.conftest import PASSWORD
from tests.replication.client.conftest import MakeLaptop, again, own

NAMES = [
    "x" * 251 + ".txt",
    "文" * 85,  # 255 bytes
    "文" * 255,  # 765 bytes, more than any file system takes
    "客户报价单（2026年）.xlsx",
    "Offer.pdf",
    "offer.pdf",
    "OFFER.PDF",
    "CON",
    "nul.txt",
    "COM1",
    "a:b.txt",
    'what? "really" <yes>|*.txt',
    "trailing dot.",
    "trailing space ",
    "e\u0301.txt",  # as macOS would take apart …
    "\u00e9.txt",  # … what others put together
    "a\\b.txt",
    "..",
    ".hidden",
    "a/../../b",
]


def content(name: str) -> bytes:
    return name.encode() + b" is what I am called"


def held(database: Database, id: str) -> dict[str, bytes]:
    """The contents by name."""
    found = {}
    for name in database.get(id)["_attachments"]:
        with database.attachment(id, name)[1] as file:
            found[name] = file.read()
    return found


@pytest.fixture
def written(opened: Callable[[str, str], Database]) -> str:
    """A document with all of them."""
    database = opened("notes", "north")
    rev = database.create({"n": 1}, id="d").rev
    for name in NAMES:
        rev = database.put_attachment("d", name, io.BytesIO(content(name)), "text/plain", rev).rev
    return "d"


WANTED = {name: content(name) for name in NAMES}


def test_any_name_is_kept(opened: Callable[[str, str], Database], written: str, node: Node) -> None:
    assert held(opened("notes", "north"), written) == WANTED
    names = [path.name for path in (node.data / "attachments").rglob("*") if path.is_file()]
    assert all(len(name) == 64 and set(name) <= set("0123456789abcdef") for name in names)


def test_any_name_replicates_and_comes_back(
    laptop: MakeLaptop, opened: Callable[[str, str], Database], written: str
) -> None:
    mine = laptop("north")
    assert held(own(mine), written) == WANTED
    rev = own(mine).create({"n": 2}, id="back").rev
    for name in NAMES:
        rev = own(mine).put_attachment("back", name, io.BytesIO(content(name)), "text/plain", rev).rev
    again(mine)
    assert held(opened("notes", "south"), "back") == WANTED


def test_any_name_is_in_a_backup_with_the_same_digests(node: Node, written: str, tmp_path: Path) -> None:
    node.store.backup(tmp_path / "b.zip")
    Store.restore(tmp_path / "b.zip", tmp_path / "new")
    with Node.open(tmp_path / "new") as restored:
        assert restored.store.check() == []
        assert restored.store.digests() == node.store.digests()


@pytest.mark.parametrize("name", [name for name in NAMES if "/" not in name and name != ".." and len(name) < 256])
def test_any_name_is_sent_and_fetched(
    name: str, client: object, opened: Callable[[str, str], Database], node: Node
) -> None:
    rev = opened("notes", "north").create({"n": 1}, id="d").rev
    address = f"/api/v1/databases/notes/documents/d/attachments/{quote(name, safe='')}"
    auth = ("north", PASSWORD)
    sent = client.put(f"{address}?rev={rev}", data=content(name), auth=auth)  # type: ignore[attr-defined]
    assert sent.status_code == 201, sent.text
    answer = client.get(address, auth=auth, buffered=True)  # type: ignore[attr-defined]
    assert answer.data == content(name)
    assert list(opened("notes", "north").get("d")["_attachments"]) == [name]
