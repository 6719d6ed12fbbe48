"""Two hubs that know nothing of each other: PouchDB replicates from gateway to gateway as a person with rights on both,
until nothing moves. What the person reads is then the same on both: leaves, winners, contents of attachments."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import waitress

from app.access import SYSTEM, Database, Identity
from app.access.acl import make
from app.node import Node
from app.web import create_app
from replication.routes.bulk_docs import pushed
from tests.conftest import PASSWORD, QUICK
from tests.replication.conftest import ACL, revision
from tests.replication.foreign import POUCH

pytestmark = pytest.mark.skipif(  # never where everything is installed by the run itself
    "CI" not in os.environ and (shutil.which("node") is None or not (POUCH / "node_modules" / "pouchdb-core").is_dir()),
    reason="node and tests/replication/pouch/node_modules are not here (make system)",
)
MOST = 6  # rounds until nothing may move any more
QUIET = {"read": 0, "written": 0, "failures": 0}


class Hub:
    """A hub of its own behind a real socket."""

    def __init__(self, node: Node, address: str) -> None:
        self.node, self.address = node, address

    def opened(self, person: str) -> Database:
        found = self.node.directory.person(person)
        assert found is not None
        return self.node.databases.open("notes", Identity(found))

    def leaves(self, person: str) -> dict[str, list[tuple[str, bool]]]:
        """Of each document that the person reads, and of each tombstone: the leaves, the winner first."""
        base = self.opened(person)
        rows = base.replica.feed(0, None)
        return {row.id: [(leaf.rev, leaf.deleted) for leaf in base.replica.leaves(row.id)] for row in rows}


@contextmanager
def serving(data: Path) -> Iterator[Hub]:
    with Node.open(data) as node:
        node.secrets._hasher = QUICK
        node.databases.create("notes", SYSTEM, make(ACL))
        server: Any = waitress.create_server(
            create_app(node, TESTING=True), host="127.0.0.1", port=0, threads=8, asyncore_use_poll=True
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield Hub(node, f"http://127.0.0.1:{server.effective_port}/sync/notes")
        server.close()
        for channel in list(server._map.values()):
            channel.close()
        thread.join(10)


@pytest.fixture(autouse=True)
def notes() -> None:
    """Each hub here has its own."""


@pytest.fixture
def hubs(made_once: Path, tmp_path: Path) -> Iterator[tuple[Hub, Hub]]:
    with ExitStack() as running:
        found = []
        for name in ("one", "two"):
            shutil.copytree(made_once, tmp_path / name)
            found.append(running.enter_context(serving(tmp_path / name)))
        yield found[0], found[1]


def replicate(one: Hub, two: Hub, person: str) -> dict[str, dict[str, int]]:
    """Once there and back; what moved."""
    command = {"from": one.address, "to": two.address, "name": person, "password": PASSWORD}
    done = subprocess.run(
        ["node", "hubs.mjs", json.dumps(command)], cwd=POUCH, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    moved: dict[str, dict[str, int]] = json.loads(done.stdout.splitlines()[-1])
    return moved


def until_quiet(one: Hub, two: Hub, person: str) -> int:
    """Rounds until nothing moves; nothing moves after that either."""
    for turn in range(MOST):
        moved = replicate(one, two, person)
        if moved["forth"]["written"] == moved["back"]["written"] == 0:
            assert replicate(one, two, person) == {"forth": QUIET, "back": QUIET}
            return turn
    raise AssertionError(f"still moving: {moved}")


def test_two_hubs_end_equal_and_quiet(hubs: tuple[Hub, Hub]) -> None:
    one, two = hubs
    first, second = one.opened("north"), two.opened("north")
    rev = first.create({"title": "One"}, id="a/b 客户").rev
    first.put_attachment("a/b 客户", "ä.txt", BytesIO("内容".encode() * 300), "text/plain", rev)
    second.create({"title": "Two"}, id="two")
    one.opened("south").create({"title": "Secret", "readers": ["south"]}, id="secret")
    gone = second.create({"title": "x"}, id="gone").rev
    until_quiet(one, two, "north")
    first.change("two", {"title": "Two, changed on one"})
    second.delete("gone", gone)
    until_quiet(one, two, "north")
    leaves = one.leaves("north")
    assert leaves == two.leaves("north")
    assert {"a/b 客户", "two", "gone"} <= set(leaves)
    assert second.get("a/b 客户") == first.get("a/b 客户")
    stub, file = second.attachment("a/b 客户", "ä.txt")
    with file:
        assert file.read() == "内容".encode() * 300
    assert stub.content_type == "text/plain"
    assert second.get("two")["title"] == first.get("two")["title"] == "Two, changed on one"
    assert not first.exists("gone")
    assert not two.opened("south").exists("secret")


def test_both_merge_and_the_merges_are_the_same(hubs: tuple[Hub, Hub]) -> None:
    one, two = hubs
    first, second = one.opened("north"), two.opened("north")
    first.create({"title": "T", "phone": "1", "tags": ["a", "b"]}, id="d")
    first.create({"title": "T"}, id="same")
    until_quiet(one, two, "north")
    first.change("d", {"title": "One's", "tags": ["a", "one"]})
    second.change("d", {"phone": "2", "tags": ["a", "b", "two"]})
    first.change("same", {"title": "One's"})
    second.change("same", {"title": "Two's"})
    until_quiet(one, two, "north")
    assert one.leaves("north") == two.leaves("north")
    found = first.get("d")
    assert found == second.get("d")
    assert (found["title"], found["phone"], sorted(found["tags"])) == ("One's", "2", ["a", "one", "two"])
    assert len(first.conflicts.versions("d").versions) == 1
    versions = [each["_rev"] for each in first.conflicts.versions("same").versions]
    assert versions == [each["_rev"] for each in second.conflicts.versions("same").versions]
    assert len(versions) == 2
    second.conflicts.settle("same", versions[0], versions[1:], {"title": "Settled"})
    until_quiet(one, two, "north")
    assert one.leaves("north") == two.leaves("north")
    assert first.get("same")["title"] == "Settled"
    assert len(first.conflicts.versions("same").versions) == 1


def test_both_merge_by_themselves_what_comes_to_both_from_elsewhere(hubs: tuple[Hub, Hub]) -> None:
    leaves = [
        revision("d", "1-aa", title="T", phone="1", fax="1"),
        revision("d", "2-bb", "1-aa", title="B", phone="1", fax="1"),
        revision("d", "2-cc", "1-aa", title="T", phone="C", fax="1"),
        revision("d", "2-dd", "1-aa", title="T", phone="1", fax="D"),
    ]
    for hub, docs in zip(hubs, (leaves, [leaves[0], *reversed(leaves[1:])]), strict=True):
        assert pushed(hub.opened("north"), docs) == []
    one, two = hubs
    until_quiet(one, two, "north")
    assert one.leaves("north") == two.leaves("north")
    found = one.opened("north").get("d")
    assert found == two.opened("north").get("d")
    assert [found[name] for name in ("title", "phone", "fax")] == ["B", "C", "D"]


def test_what_others_made_comes_to_rest(hubs: tuple[Hub, Hub]) -> None:
    """Neither hub believes the one who replicates who made a document: each keeps its own answer, and they do not
    correct each other for ever. All else is the same on both."""
    one, two = hubs
    one.opened("south").create({"title": "South's"}, id="s")
    until_quiet(one, two, "north")
    assert (made(one), made(two)) == ("south", "north")
    two.opened("north").change("s", {"phone": "2"})
    until_quiet(one, two, "north")
    one.opened("south").change("s", {"title": "South's again"})
    two.opened("north").change("s", {"fax": "3"})
    until_quiet(one, two, "north")
    assert (made(one), made(two)) == ("south", "north")
    first, second = one.opened("north").get("s"), two.opened("north").get("s")
    assert {**first, "_rev": "", "created_by": ""} == {**second, "_rev": "", "created_by": ""}
    assert (first["title"], first["phone"], first["fax"]) == ("South's again", "2", "3")


def made(hub: Hub) -> str:
    """Who made the document `s`."""
    return str(hub.opened("north").get("s")["created_by"])
