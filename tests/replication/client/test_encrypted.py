"""An encrypted laptop: it replicates like any other, and its folder tells nothing without the passphrase."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.access import Database
from app.errors import UserError
from app.node import Node
from app.settings import Settings
from replication.client.faults import HubError
from tests.replication.client import faulty
from tests.replication.client.conftest import MakeLaptop, again, own
from tests.replication.client.faulty import Faulty

Opened = Callable[[str, str], Database]
PASSPHRASE = "correct horse battery"
SETTINGS = Settings(passphrase=PASSPHRASE)
SECRET = "Kupferdraht"
LONG = SECRET.encode() * 200_000


def found_in(data: Path) -> list[str]:
    """Files whose bytes or names hold the secret."""
    paths = [path for path in data.rglob("*") if path.is_file()]
    return [path.name for path in paths if SECRET.encode() in path.read_bytes() or SECRET in path.name]


@pytest.fixture
def written(opened: Opened) -> str:
    """A document with a long attachment on the hub."""
    rev = opened("notes", "north").create({"text": SECRET}, id="d").rev
    opened("notes", "north").put_attachment("d", f"{SECRET}.txt", io.BytesIO(LONG), "text/plain", rev)
    return "d"


def test_it_replicates_both_ways_and_tells_nothing(opened: Opened, laptop: MakeLaptop, written: str) -> None:
    found = laptop("north", encrypted=True, settings=SETTINGS)
    mine = own(found)
    assert mine.get(written)["text"] == SECRET
    with mine.attachment(written, f"{SECRET}.txt")[1] as file:
        assert file.read() == LONG
    made = mine.create({"text": f"{SECRET} from the road"})
    again(found)
    assert opened("notes", "north").get(made.id)["text"] == f"{SECRET} from the road"
    assert found_in(found.data) == []
    found.close()
    assert found_in(found.data) == []
    with pytest.raises(UserError, match="wrong"):
        Node.open(found.data, settings=Settings(passphrase="something else"))
    with Node.open(found.data, settings=SETTINGS) as reopened:
        assert reopened.store.check() == []


def test_a_part_of_an_attachment_lies_sealed_and_is_resumed(
    laptop: MakeLaptop, proxy: Faulty, written: str, tmp_path: Path
) -> None:
    found = laptop("north", url=proxy.url, run=False, encrypted=True, settings=SETTINGS)
    proxy.fault = lambda number, method, path: faulty.cut(700_000) if "_content" in path else None
    assert found.replication is not None
    found.replication.rounds._tries = 1
    with pytest.raises(HubError):
        again(found)
    shutil.copytree(found.data, tmp_path / "stolen")
    assert list((tmp_path / "stolen" / "attachments" / "new").iterdir())
    assert found_in(tmp_path / "stolen") == []
    proxy.fault = lambda number, method, path: None
    again(found)
    with own(found).attachment(written, f"{SECRET}.txt")[1] as file:
        assert file.read() == LONG
