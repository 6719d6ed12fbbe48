"""PouchDB 9 from npm as a foreign client over a real socket, in both directions, one-shot and live."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from app.access import SYSTEM
from app.node import Node
from tests.conftest import PASSWORD

POUCH = Path(__file__).parent / "pouch"
pytestmark = pytest.mark.skipif(  # never where everything is installed by the run itself
    "CI" not in os.environ and (shutil.which("node") is None or not (POUCH / "node_modules" / "pouchdb-core").is_dir()),
    reason="node and tests/replication/pouch/node_modules are not here (make system)",
)


def pouch(served: str, person: str, *steps: list[Any], database: str = "notes") -> list[Any]:
    """What PouchDB answers to each step; a new client each time."""
    command = {"url": f"{served}/sync/{database}", "name": person, "password": PASSWORD, "steps": steps}
    done = subprocess.run(
        ["node", "sync.mjs", json.dumps(command)], cwd=POUCH, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_pull_brings_what_the_person_reads_with_attachments(served: str, opened: Any) -> None:
    north = opened("notes", "north")
    rev = north.create({"title": "Open"}, id="open").rev
    north.put_attachment("open", "a/ä.txt", BytesIO("内容".encode()), "text/plain", rev)
    north.create({"title": "Own", "readers": ["north"]}, id="own")
    for number in range(250):
        north.create({"n": number}, id=f"n{number:03}")
    gone = north.create({"title": "x"}, id="gone").rev
    north.delete("gone", gone)
    pulled, ids, text, again = pouch(served, "south", ["pull"], ["all"], ["attachment", "open", "a/ä.txt"], ["pull"])
    assert pulled["ok"]
    assert pulled["failures"] == 0
    assert "open" in ids
    assert "own" not in ids
    assert len([id for id in ids if id[0] == "n"]) == 250
    assert text == "内容"
    assert again["read"] == 0


def test_push_brings_documents_deletions_and_attachments(served: str, opened: Any) -> None:
    steps: list[list[Any]] = [
        ["put", {"_id": "a/b 客户", "title": "Odd"}],
        ["attach", "a/b 客户", "notes.txt", "text/plain", "from afar"],
        ["put", {"_id": "c", "title": "C"}],
        ["push"],
        ["put", {"_id": "c", "title": "C2"}],
        ["remove", "a/b 客户"],
        ["push"],
    ]
    first = pouch(served, "north", *steps[:4])
    assert (first[-1]["written"], first[-1]["failures"]) == (2, 0)
    base = opened("notes", "south")
    stub, file = base.attachment("a/b 客户", "notes.txt")
    with file:
        assert file.read() == b"from afar"
    assert stub.content_type == "text/plain"
    second = pouch(served, "north", ["pull"], *steps[4:])
    assert second[-1]["failures"] == 0
    assert base.get("c")["title"] == "C2"
    assert not base.exists("a/b 客户")


def test_a_refused_push_is_denied_and_the_rest_goes_on(served: str, opened: Any) -> None:
    rev = opened("notes", "south").create({"title": "South's"}, id="s").rev
    steps: list[list[Any]] = [["pull"], ["put", {"_id": "s", "title": "no"}], ["put", {"_id": "new"}], ["push"]]
    pushed = pouch(served, "leader", *steps)[-1]
    assert pushed["failures"] == 1
    assert pushed["denied"] == [{"id": "s", "error": "forbidden"}]
    south = opened("notes", "south")
    assert south.get("s")["_rev"] == rev
    assert south.exists("new")


def test_a_corrected_child_comes_back(served: str, opened: Any) -> None:
    forged = {"_id": "f", "title": "F", "created_by": "admin"}
    answers = pouch(served, "north", ["put", forged], ["push"], ["pull"], ["get", "f"])
    assert answers[-1]["created_by"] == "north"
    assert answers[-1]["_rev"] == opened("notes", "north").get("f")["_rev"]
    assert "_conflicts" not in answers[-1]


def test_live_in_both_directions(served: str, opened: Any) -> None:
    opened("notes", "south").create({"title": "There"}, id="there")
    answers = pouch(
        served,
        "north",
        ["live"],
        ["wait", "there", "title", "There"],
        ["wake", f"{served}/sync/notes", {"_id": "later", "title": "Later"}],
        ["wait", "later", "title", "Later"],
        ["put", {"_id": "mine", "title": "Mine", "created_by": "admin"}],
        ["wait", "mine", "created_by", "north"],
    )
    assert answers[3]["title"] == "Later"
    assert opened("notes", "south").get("mine")["created_by"] == "north"


def test_what_is_gained_comes_without_an_edit_and_what_is_lost_stays(served: str, node: Node, opened: Any) -> None:
    north = opened("notes", "north")
    north.create({"title": "Secret", "readers": ["north", "support-team"]}, id="secret")
    north.create({"title": "Open"}, id="open")

    def come(id: str) -> None:
        """Until the client has pushed this document."""
        for _ in range(600):
            if opened("notes", "north").exists(id):
                return
            time.sleep(0.05)

    def admit_and_remove() -> None:
        come("admit")
        node.directory.change_group(SYSTEM, "support-team", add=["south"])
        come("remove")
        node.directory.change_group(SYSTEM, "support-team", remove=["south"])
        north.create({"title": "Later"}, id="later")

    thread = threading.Thread(target=admit_and_remove)
    thread.start()
    steps: list[list[Any]] = [
        ["pull"],
        ["all"],
        ["live"],
        ["put", {"_id": "admit"}],
        ["wait", "secret", "title", "Secret"],
        ["put", {"_id": "remove"}],
        ["wait", "later", "title", "Later"],
        ["get", "secret"],
        ["all"],
    ]
    answers = pouch(served, "south", *steps)
    thread.join()
    assert answers[1] == ["open"]
    assert answers[-2]["title"] == "Secret"
    assert answers[-1] == ["admit", "later", "open", "remove", "secret"]


def test_two_clients_that_edit_different_items_end_with_the_same_revisions(served: str, opened: Any) -> None:
    opened("notes", "north").create({"title": "T", "phone": "1", "tags": ["a", "b"]}, id="d")
    steps: list[list[Any]] = [
        ["pull"],
        ["put", {"_id": "d", "title": "North's", "tags": ["a", "n"]}],
        ["as", "second", "south"],
        ["pull"],
        ["put", {"_id": "d", "phone": "2", "tags": ["a", "b", "s"]}],
        ["push"],
        ["as", "first", "north"],
        ["push"],
        ["pull"],
        ["leaves", "d"],
        ["get", "d"],
        ["as", "second", "south"],
        ["pull"],
        ["leaves", "d"],
        ["get", "d"],
    ]
    answers = pouch(served, "north", *steps)
    assert [answers[n]["failures"] for n in (5, 7)] == [0, 0]
    first, second = answers[10], answers[14]
    assert first == second == opened("notes", "north").get("d")
    assert answers[9] == answers[13]
    assert (first["title"], first["phone"], sorted(first["tags"])) == ("North's", "2", ["a", "n", "s"])
    assert "_conflicts" not in first
    assert [leaf["deleted"] for leaf in answers[9]].count(False) == 1


def test_two_clients_that_edit_one_item_are_equal_once_somebody_has_settled_it(served: str, opened: Any) -> None:
    opened("notes", "north").create({"title": "T", "phone": "1"}, id="d")
    steps: list[list[Any]] = [
        ["pull"],
        ["put", {"_id": "d", "phone": "2"}],
        ["push"],
        ["as", "second", "south"],
        ["pull"],  # has north's change, and edits it on a plane; north goes on meanwhile
        ["put", {"_id": "d", "phone": "3"}],
        ["as", "first", "north"],
        ["put", {"_id": "d", "phone": "4"}],
        ["push"],
        ["as", "second", "south"],
        ["push"],
        ["pull"],
        ["get", "d"],
        ["settle", "d", {"phone": "5"}],
        ["pull"],
        ["get", "d"],
        ["leaves", "d"],
        ["as", "first", "north"],
        ["pull"],
        ["get", "d"],
        ["leaves", "d"],
    ]
    answers = pouch(served, "north", *steps)
    assert len(answers[12]["_conflicts"]) == 1
    assert answers[15] == answers[19]
    assert answers[15]["phone"] == "5"
    assert "_conflicts" not in answers[15]
    assert answers[16] == answers[20]
    told = repr(opened("notes", "north").history("d"))
    assert all(f"'{value}'" in told for value in ("2", "3", "4", "5"))


def test_without_the_flag_nothing_comes(served: str) -> None:
    with pytest.raises(AssertionError, match=r"(?i)forbidden|may read here"):
        pouch(served, "outsider", ["pull"])
