"""A CouchDB server as the other end: its own replicator (`_replicate`) pulls from the gateway and pushes to it, as a
person. The server is pouchdb-server from npm, or the one that `COUCHDB_URL` names.

What pouchdb-server itself does wrong is named where a test goes around it."""

from __future__ import annotations

import base64
import os
import shutil
import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
import waitress
from flask import Flask

from app.access import SYSTEM
from app.node import Node
from tests.conftest import PASSWORD
from tests.replication.conftest import revision
from tests.replication.foreign import GIVEN, POUCH, Base, Foreign, running, until

pytestmark = pytest.mark.skipif(  # never where everything is installed by the run itself
    not GIVEN
    and "CI" not in os.environ
    and (shutil.which("node") is None or not (POUCH / "node_modules" / "pouchdb-server").is_dir()),
    reason="node and tests/replication/pouch/node_modules are not here (make system)",
)
PICTURE = bytes(range(256)) * 40


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The application behind the server that `davenport serve` uses: CouchDB keeps its connections."""
    serving: Any = waitress.create_server(app, host="127.0.0.1", port=0, threads=16, asyncore_use_poll=True)
    thread = threading.Thread(target=serving.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.effective_port}"
    serving.close()
    for channel in list(serving._map.values()):
        channel.close()
    thread.join(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    with running(tmp_path_factory.mktemp("foreign")) as found:
        yield found


@pytest.fixture
def base(server: Foreign) -> Iterator[Base]:
    """A database of its own on the server."""
    found = server.create()
    yield found
    found.ask("DELETE")


def gateway(served: str, person: str, password: str = PASSWORD) -> str:
    """The address of `notes` with the credentials of a person."""
    return served.replace("http://", f"http://{person}:{password}@") + "/sync/notes"


def test_it_pulls_what_the_person_reads(served: str, opened: Any, push: Any, base: Base) -> None:
    north = opened("notes", "north")
    rev = north.create({"title": "Open"}, id="a/b 客户").rev
    rev = north.put_attachment("a/b 客户", "ä b.txt", BytesIO("内容".encode() * 200), "text/plain", rev).rev
    north.put_attachment("a/b 客户", "p.png", BytesIO(PICTURE), "image/png", rev)
    north.create({"title": "Own secret", "readers": ["north"]}, id="own")
    for number in range(250):
        north.create({"n": number}, id=f"n{number:03}")
    gone = north.create({"title": "x"}, id="gone").rev
    north.delete("gone", gone)
    push("north", "notes", revision("two", "1-aa", title="A"), revision("two", "1-bb", title="B"))
    run = base.pull(gateway(served, "south"))
    assert run["failures"] == 0
    assert sorted(base.ids()) == ["a/b 客户", *(f"n{number:03}" for number in range(250)), "two"]
    assert base.attachment("a/b 客户", "ä b.txt") == "内容".encode() * 200
    assert base.attachment("a/b 客户", "p.png") == PICTURE
    south = opened("notes", "south")
    assert base.get("a/b 客户")["_rev"] == south.get("a/b 客户")["_rev"]
    assert base.get("two")["_rev"] == south.get("two")["_rev"]
    assert base.leaves("two") == sorted((leaf.rev, leaf.deleted) for leaf in south.replica.leaves("two"))
    assert "secret" not in base.everything()
    assert "'own'" not in base.everything()
    assert base.pull(gateway(served, "south")) == {"read": 0, "written": 0, "failures": 0}


def test_what_changes_and_is_deleted_comes_with_the_next_pull(served: str, opened: Any, base: Base) -> None:
    north = opened("notes", "north")
    rev = north.create({"title": "1"}, id="d").rev
    rev = north.put_attachment("d", "a.txt", BytesIO(b"first"), "text/plain", rev).rev
    last = north.create({"title": "1"}, id="gone").rev
    base.pull(gateway(served, "south"))
    rev = north.change("d", {"title": "2"}).rev
    north.put_attachment("d", "b.txt", BytesIO(b"second"), "text/plain", rev)
    north.delete("gone", last)
    run = base.pull(gateway(served, "south"))
    assert (run["read"], run["written"], run["failures"]) == (2, 2, 0)
    assert base.get("d")["title"] == "2"
    assert [base.attachment("d", name) for name in ("a.txt", "b.txt")] == [b"first", b"second"]
    assert base.ids() == ["d"]


def test_it_pushes_documents_attachments_and_deletions(served: str, opened: Any, base: Base) -> None:
    text = ("text that packs well " * 400).encode()  # CouchDB keeps texts packed, and sends them so
    attached = {
        "notes.txt": {"content_type": "text/plain", "data": base64.b64encode(text).decode()},
        "p.png": {"content_type": "image/png", "data": base64.b64encode(PICTURE).decode()},
    }
    rev = base.put("a/b 客户", title="Odd", _attachments=attached)
    base.ask("POST", "/_bulk_docs", json={"docs": [{"_id": f"n{number:03}", "n": number} for number in range(250)]})
    run = base.push(gateway(served, "north"))
    assert (run["written"], run["failures"]) == (251, 0)
    south = opened("notes", "south")
    assert south.get("a/b 客户")["title"] == "Odd"
    for name, content in (("notes.txt", text), ("p.png", PICTURE)):
        stub, file = south.attachment("a/b 客户", name)
        with file:
            assert file.read() == content
        assert (stub.content_type, stub.length) == (attached[name]["content_type"], len(content))
    assert rev == south.get("a/b 客户")["_rev"]
    assert south.get("n249")["n"] == 249
    base.pull(gateway(served, "north"))
    base.put("n001", n="changed")
    base.remove("n002")
    base.remove("a/b 客户")
    run = base.push(gateway(served, "north"))
    assert run["failures"] == 0
    assert south.get("n001")["n"] == "changed"
    assert not south.exists("n002")
    assert not south.exists("a/b 客户")


def test_what_is_refused_is_counted_and_the_rest_goes_on(served: str, opened: Any, base: Base) -> None:
    rev = opened("notes", "south").create({"title": "South's"}, id="s").rev
    base.pull(gateway(served, "leader"))
    base.put("s", title="no")
    base.put("new", title="yes")
    base.put("other", title="yes", _attachments={"a": {"content_type": "text/plain", "data": "YQ=="}})
    run = base.push(gateway(served, "leader"))
    assert (run["written"], run["failures"]) == (2, 1)
    south = opened("notes", "south")
    assert south.get("s")["_rev"] == rev
    assert south.exists("new")
    assert south.exists("other")


def test_a_corrected_child_comes_back(served: str, opened: Any, base: Base) -> None:
    base.put("f", title="F", created_by="admin")
    base.push(gateway(served, "north"))
    base.pull(gateway(served, "north"))
    assert base.get("f")["created_by"] == "north"
    assert base.get("f")["_rev"] == opened("notes", "north").get("f")["_rev"]
    assert "_conflicts" not in base.get("f")


def test_edits_of_different_items_merge_and_both_end_equal(served: str, opened: Any, base: Base) -> None:
    north = opened("notes", "north")
    north.create({"title": "T", "phone": "1"}, id="d")
    base.pull(gateway(served, "south"))
    north.change("d", {"title": "North's"})
    base.put("d", **{**plain(base.get("d")), "phone": "2"})
    assert base.push(gateway(served, "south"))["failures"] == 0
    base.pull(gateway(served, "south"))
    there, here = base.get("d"), north.get("d")
    assert "_conflicts" not in there
    assert there == here
    assert (here["title"], here["phone"]) == ("North's", "2")
    assert base.leaves("d") == sorted((leaf.rev, leaf.deleted) for leaf in north.replica.leaves("d"))
    again = base.push(gateway(served, "south"))
    assert (again["written"], again["failures"]) == (0, 0)


def test_edits_of_one_item_stay_a_conflict_on_both_sides_until_it_is_settled(
    served: str, opened: Any, base: Base
) -> None:
    north = opened("notes", "north")
    north.create({"title": "T"}, id="d")
    base.pull(gateway(served, "south"))
    north.change("d", {"title": "North's"})
    base.put("d", **{**plain(base.get("d")), "title": "South's"})
    base.push(gateway(served, "south"))
    base.pull(gateway(served, "south"))
    versions = [version["_rev"] for version in north.conflicts.versions("d").versions]
    assert [base.get("d")["_rev"], *base.get("d")["_conflicts"]] == versions
    north.conflicts.settle("d", versions[0], versions[1:], {"title": "Both"})
    base.pull(gateway(served, "south"))
    assert base.get("d") == north.get("d")
    assert base.get("d")["title"] == "Both"


def test_a_conflict_of_the_server_comes_with_every_leaf(served: str, opened: Any, base: Base) -> None:
    leaves = [revision("d", "2-cc", "1-aa", title="A"), revision("d", "2-bb", "1-aa", title="B")]
    gone = [{"_id": "g", "_rev": "1-aa", "title": "x"}, revision("g", "2-bb", "1-aa", _deleted=True)]
    base.ask("POST", "/_bulk_docs", json={"docs": [*leaves, *gone], "new_edits": False})
    assert base.push(gateway(served, "north"))["failures"] == 0
    base.pull(gateway(served, "north"))
    north = opened("notes", "north")
    # without the revision both began with, nothing can be merged; each leaf is there
    told = repr(north.conflicts.versions("d").versions)
    assert "'A'" in told
    assert "'B'" in told
    assert base.leaves("d") == sorted((leaf.rev, leaf.deleted) for leaf in north.replica.leaves("d"))
    assert not north.exists("g")


def test_what_is_gained_without_an_edit_comes(node: Node, served: str, opened: Any, base: Base) -> None:
    north = opened("notes", "north")
    opened("notes", "leader").create({"title": "Secret", "readers": ["leaders"]}, id="shut")
    north.create({"title": "Open"}, id="open")
    base.pull(gateway(served, "south"))
    assert base.ids() == ["open"]
    node.directory.change_group(SYSTEM, "leaders", add=["south"])
    run = base.pull(gateway(served, "south"))
    assert (run["written"], run["failures"]) == (1, 0)
    assert base.get("shut")["title"] == "Secret"
    assert base.pull(gateway(served, "south"))["read"] == 0


def test_nobody_gets_anything(served: str, opened: Any, base: Base) -> None:
    opened("notes", "north").create({"title": "Open"}, id="open")
    for person, password in (("north", "wrong"), ("outsider", PASSWORD)):
        with pytest.raises(AssertionError):
            base.pull(gateway(served, person, password))
    assert base.ids() == []


def test_continuously_in_both_directions(served: str, opened: Any, base: Base) -> None:
    north, address = opened("notes", "north"), gateway(served, "north")
    north.create({"title": "There"}, id="there")
    base.put("mine", title="Mine")
    base.pull(address, continuous=True)
    base.push(address, continuous=True)
    until(lambda: "there" in base.ids() and north.exists("mine"), "what was there did not come")
    rev = north.create({"title": "Later"}, id="later").rev
    north.put_attachment("later", "a.txt", BytesIO(b"later too"), "text/plain", rev)
    base.put("from here", title="From here", created_by="admin")
    until(lambda: "later" in base.ids() and "_attachments" in base.get("later"), "a new document did not come")
    assert base.attachment("later", "a.txt") == b"later too"
    until(lambda: base.get("from here").get("created_by") == "north", "a corrected child did not come back")
    assert base.get("from here") == north.get("from here")
    north.delete("there", north.get("there")["_rev"])
    base.remove("mine")
    until(lambda: "there" not in base.ids() and not north.exists("mine"), "a deletion did not come")
    if not base.server.pouch:  # pouchdb-server knows no `cancel`; its feeds end with the server
        base.pull(address, continuous=True, cancel=True)
        base.push(address, continuous=True, cancel=True)


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """The items of a document alone."""
    return {name: value for name, value in document.items() if name[0] != "_"}
