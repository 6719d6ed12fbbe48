"""Re-compare repairs whatever differs; a hub restored from a backup gets back what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app import clock
from app.access import Database
from app.node import Node
from app.store import Branch, Context, Store
from replication.client.comparing import differences
from tests.replication.client.conftest import MakeLaptop, again, own, unsent
from tests.replication.client.processes import Served, davenport

Opened = Callable[[str, str], Database]


def entry(id: str, *leaves: str) -> tuple[str, frozenset[str]]:
    return id, frozenset(leaves)


def test_both_lists_are_walked_side_by_side() -> None:
    there = [entry("a", "1-a"), entry("b", "2-b"), entry("d", "1-d"), entry("文", "1-x")]
    here = [entry("a", "1-a"), entry("b", "1-b"), entry("c", "1-c"), entry("文", "1-x", "1-y")]
    found = differences(iter(there), iter(here))
    assert (found.fetch, found.gone, found.send) == (["b", "d"], ["c"], ["b", "文"])


def test_planted_differences_are_repaired(laptop: MakeLaptop, opened: Opened) -> None:
    base = opened("notes", "south")
    revs = {f"n{number}": base.create({"n": number}, id=f"n{number}").rev for number in range(50)}
    mine = laptop("north")
    raw = mine.store.database("notes")
    context = Context("north", clock.now())
    mine.store.notes_unsent = False  # what is planted is not the person's edit
    raw.purge(["n1", "n2"], remember=False)
    raw.insert([Branch("stray", ["1-abc"], {"n": 1, "readers": ["*"], "authors": ["*"]})], context)
    raw.insert([Branch("n3", ["2-fff", revs["n3"]], {"n": -3, "readers": ["*"], "authors": ["*"]})], context)
    mine.store.notes_unsent = True
    again(mine)
    assert not own(mine).exists("n1")
    again(mine, recompare=True)
    assert own(mine).get("n1") == base.get("n1")
    assert not own(mine).exists("stray")
    assert own(mine).get("n3") == base.get("n3")
    assert own(mine).count() == base.count()
    assert unsent(mine) == 0


def test_edits_that_wait_survive_a_comparison(laptop: MakeLaptop, opened: Opened) -> None:
    mine = laptop("north")
    own(mine).create({"n": 1}, id="new")
    again(mine, recompare=True)
    assert own(mine).exists("new")
    assert opened("notes", "north").exists("new")


def test_a_restored_hub_gets_back_what_it_lacks(data: Path, tmp_path: Path, node: Node) -> None:
    node.close()
    backup, restored, mine = tmp_path / "hub.zip", tmp_path / "restored", tmp_path / "mine"
    hub = Served(data)
    davenport("join", hub.url, mine, "--person", "north", "--password-file", "-")
    davenport("backup", data, backup)
    with Node.open(mine) as laptop:
        own(laptop).create({"title": "after the backup"}, id="late")
    davenport("replicate", mine)
    assert hub.get("north", "late")
    port = hub.port
    hub.stop()
    Store.restore(backup, restored)
    hub = Served(restored, port=port)
    try:
        assert hub.get("north", "late") is None
        davenport("replicate", mine)
        assert hub.get("north", "late")["title"] == "after the backup"
    finally:
        hub.stop()
