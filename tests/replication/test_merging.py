"""Branches that meet on a hub: what merges by itself, what waits for a person, and that two hubs make the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from app.access import SYSTEM, Identity
from app.access.acl import make
from app.node import Node
from app.store import RawDatabase
from tests.replication.conftest import ACL, revision

LATER = {"changed_at": "2026-01-02T00:00:00.000Z", "changed_by": "south"}


@pytest.fixture
def base(push: Any) -> str:
    """A document of `notes` that both replicas know: its revision."""
    items = {"title": "T", "phone": "1", "tags": ["a", "b"], "readers": ["*"]}
    assert push("north", "notes", revision("d", "1-a", **items)) == []
    return "1-a"


def sent(rev: str, base: str, **changed: Any) -> dict[str, Any]:
    items = {"title": "T", "phone": "1", "tags": ["a", "b"], "readers": ["*"], **changed}
    return revision("d", rev, base, **{name: value for name, value in items.items() if value is not None})


def leaves(node: Node, id: str = "d", database: str = "notes") -> tuple[list[str], list[str]]:
    """Live leaves, and tombstones."""
    tree = node.store.database(database).tree(id)
    return tree.live, [rev for rev in tree.leaves if tree.deleted(rev)]


def test_different_items_are_merged_and_the_loser_says_into_what(push: Any, opened: Any, base: str, node: Node) -> None:
    assert push("north", "notes", sent("2-b", base, title="North's")) == []
    assert push("south", "notes", sent("2-c", base, phone="2", tags=["a", "c"])) == []
    found = opened("notes", "north").get("d", conflicts=True)
    assert (found["title"], found["phone"], found["tags"]) == ("North's", "2", ["a", "c"])
    assert "_conflicts" not in found
    live, ended = leaves(node)
    assert live == [found["_rev"]]
    raw = node.store.database("notes")
    assert raw.tree("d").nodes[found["_rev"]].parent == "2-c"
    assert raw.tree("d").nodes[ended[0]].parent == "2-b"
    assert raw.get("d", ended[0]).body["merged_into"] == found["_rev"]
    actions = {entry.rev: (entry.action, entry.by) for entry in opened("notes", "north").history("d")}
    assert actions[found["_rev"]] == ("merge", "system")
    assert (actions["2-b"][1], actions["2-c"][1]) == ("north", "south")


def test_lists_without_order_are_merged_as_sets(push: Any, opened: Any, base: str) -> None:
    assert push("north", "notes", sent("2-b", base, tags=["b", "new"])) == []
    assert push("south", "notes", sent("2-c", base, tags=["a", "b", "other"])) == []
    assert opened("notes", "north").get("d")["tags"] == ["b", "other", "new"]


def test_the_same_change_twice_is_no_conflict(push: Any, opened: Any, base: str, node: Node) -> None:
    assert push("north", "notes", sent("2-b", base, phone="2")) == []
    assert push("south", "notes", sent("2-c", base, phone="2")) == []
    assert leaves(node)[0] == ["2-c"]  # the winner says it all: no further revision
    assert "_conflicts" not in opened("notes", "north").get("d", conflicts=True)


def test_the_same_item_waits_for_a_person(push: Any, opened: Any, base: str) -> None:
    assert push("north", "notes", sent("2-b", base, phone="2", title="x")) == []
    assert push("south", "notes", sent("2-c", base, phone="3")) == []
    found = opened("notes", "north").get("d", conflicts=True)
    assert (found["_rev"], found["_conflicts"]) == ("2-c", ["2-b"])


def test_an_edit_of_a_branch_that_was_merged_is_merged_against_that_branch(
    push: Any, opened: Any, base: str, node: Node
) -> None:
    assert push("north", "notes", sent("2-b", base, title="x")) == []
    assert push("south", "notes", sent("2-c", base, phone="2")) == []
    assert push("north", "notes", revision("d", "3-b", "2-b", base, title="y", phone="1", tags=["a"])) == []
    found = opened("notes", "north").get("d", conflicts=True)
    assert (found["title"], found["phone"], found["tags"]) == ("y", "2", ["a"])
    assert "readers" not in found
    assert "_conflicts" not in found


def test_a_save_on_the_hub_that_takes_the_other_side_ends_the_conflict(
    push: Any, opened: Any, base: str, node: Node
) -> None:
    assert push("north", "notes", sent("2-b", base, phone="2", title="x")) == []
    assert push("south", "notes", sent("2-c", base, phone="3")) == []
    saved = opened("notes", "south").change("d", {"phone": "2"})
    found = opened("notes", "south").get("d", conflicts=True)
    assert (found["_rev"], found["phone"], found["title"]) == (saved.rev, "2", "x")
    assert "_conflicts" not in found
    assert leaves(node)[0] == [saved.rev]


def test_attachments_are_merged_by_name(push: Any, opened: Any) -> None:
    def data(text: bytes) -> dict[str, Any]:
        import base64

        return {"content_type": "text/plain", "data": base64.b64encode(text).decode()}

    assert push("north", "notes", revision("f", "1-a", _attachments={"a.txt": data(b"a")})) == []
    kept = {"a.txt": {"stub": True, "digest": opened("notes", "north").get("f")["_attachments"]["a.txt"]["digest"]}}
    assert push("north", "notes", revision("f", "2-b", "1-a", _attachments={**kept, "b.txt": data(b"b")})) == []
    assert push("south", "notes", revision("f", "2-c", "1-a", _attachments={"c.txt": data(b"c")})) == []
    found = opened("notes", "north").get("f", conflicts=True)
    assert sorted(found["_attachments"]) == ["b.txt", "c.txt"]
    assert push("north", "notes", revision("f", "4-b", "3-b", "2-b", "1-a", _attachments={"c.txt": data(b"x")})) == []
    assert opened("notes", "north").get("f", conflicts=True)["_conflicts"]


# -- access


def test_who_changed_the_readers_on_both_sides_keeps_the_hubs(push: Any, opened: Any, base: str, node: Node) -> None:
    assert push("north", "notes", sent("2-c", base, readers=["north", "south"])) == []
    refused = push("south", "notes", sent("2-b", base, readers=["south", "leader"]))
    assert (refused[0]["error"], "who reads" in refused[0]["reason"]) == ("forbidden", True)
    assert opened("notes", "north").get("d")["readers"] == ["north", "south"]
    assert leaves(node) == (["2-c"], [])


def test_a_narrowed_branch_is_not_revealed_by_a_merge(push: Any, opened: Any, base: str) -> None:
    assert push("north", "notes", sent("2-b", base, readers=["north"], phone="secret")) == []
    refused = push("south", "notes", sent("2-c", base, title="South's"))
    assert refused[0]["error"] == "forbidden"  # the document is no longer there for south
    assert opened("notes", "north").get("d")["phone"] == "secret"


def test_a_narrowing_that_comes_second_narrows_the_merge(push: Any, opened: Any, base: str) -> None:
    assert push("south", "notes", sent("2-c", base, title="South's")) == []
    assert push("north", "notes", sent("2-b", base, readers=["north"], phone="secret")) == []
    found = opened("notes", "north").get("d", conflicts=True)
    assert (found["title"], found["phone"], found["readers"]) == ("South's", "secret", ["north"])
    assert "_conflicts" not in found
    assert not opened("notes", "south").exists("d")


def test_a_hidden_branch_is_not_told_of_and_stays_out_of_merges(push: Any, opened: Any, base: str, node: Node) -> None:
    """A hidden leaf that waits in a conflict: what others push meanwhile neither merges it nor names it."""
    assert push("south", "notes", sent("2-c", base, phone="3")) == []
    assert push("north", "notes", sent("2-b", base, readers=["north"], phone="secret")) == []
    assert opened("notes", "south").get("d", conflicts=True).get("_conflicts") is None
    assert push("south", "notes", revision("d", "3-c", "2-c", base, title="later", phone="3", readers=["*"])) == []
    found = opened("notes", "south").get("d", conflicts=True)
    assert "secret" not in repr([found, opened("notes", "south").history("d")])
    assert "2-b" in leaves(node)[0]
    assert "secret" in repr(opened("notes", "north").get("d", "2-b"))


# -- deletion


def test_edited_here_deleted_there_keeps_the_edit_and_asks(push: Any, opened: Any, base: str, node: Node) -> None:
    assert push("north", "notes", sent("2-b", base, phone="2")) == []
    assert push("south", "notes", revision("d", "2-x", base, _deleted=True)) == []
    assert opened("notes", "north").get("d")["phone"] == "2"
    assert node.store.database("notes").ends("d") == ["2-x"]


def test_who_removes_one_of_several_versions_is_not_asked(push: Any, opened: Any, base: str, node: Node) -> None:
    assert push("north", "notes", sent("2-b", base, phone="2")) == []
    assert push("south", "notes", sent("2-c", base, phone="3")) == []
    assert push("south", "notes", revision("d", "3-x", "2-c", base, _deleted=True)) == []
    assert opened("notes", "north").get("d")["phone"] == "2"
    assert node.store.database("notes").ends("d") == []


def test_deleted_on_both_is_deleted(push: Any, opened: Any, base: str, node: Node) -> None:
    assert push("north", "notes", revision("d", "2-x", base, _deleted=True)) == []
    assert push("south", "notes", revision("d", "2-y", base, _deleted=True)) == []
    assert not opened("notes", "north").exists("d")
    assert len(opened("notes", "north").trash()) == 1


# -- two hubs


@pytest.fixture
def hubs(made_once: Path, tmp_path: Path) -> Iterator[list[Node]]:
    made = []
    for name in ("one", "two"):
        shutil.copytree(made_once, tmp_path / name)
        made.append(Node.open(tmp_path / name))
        made[-1].databases.create("shared", SYSTEM, make(ACL))
    yield made
    for node in made:
        node.close()


def pushing(hub: Node, *docs: dict[str, Any], person: str = "north", database: str = "shared") -> None:
    from replication.shapes import incoming

    found = hub.directory.person(person)
    assert found is not None
    replica = hub.databases.open(database, Identity(found)).replica
    assert replica.push([incoming(doc) for doc in docs]) == [None] * len(docs)


def exchange(one: RawDatabase, other: RawDatabase, id: str) -> None:
    """What a follower of the same cluster does: every leaf of one comes to the other under its name."""
    from app.store import Branch, Context

    for source, target in ((one, other), (other, one)):
        tree = source.tree(id)
        branches = [
            Branch(id, tree.path(leaf.rev), leaf.body, leaf.deleted, leaf.attachments) for leaf in source.leaves(id)
        ]
        target.insert(branches, Context("system", "2026-01-01T00:00:00.000Z"))


BRANCHES = [
    revision("d", "2-b", "1-a", title="B", phone="1", tags=["a"]),
    revision("d", "2-c", "1-a", title="A", phone="2", tags=["a", "c"]),
    revision("d", "3-d", "2-d", "1-a", title="A", phone="1", tags=["a"], fax="3"),
]
FIRST = revision("d", "1-a", title="A", phone="1", tags=["a"])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_branches_that_come_together_make_the_same_revisions_in_any_order(
    hubs: list[Node], order: tuple[int, ...]
) -> None:
    pushing(hubs[0], FIRST, *BRANCHES)
    pushing(hubs[1], FIRST)
    pushing(hubs[1], *(BRANCHES[n] for n in order))
    trees = [hub.store.database("shared").tree("d") for hub in hubs]
    assert trees[0].nodes == trees[1].nodes
    assert len(trees[0].live) == 1
    found = hubs[0].store.database("shared").get("d").body
    assert {name: found[name] for name in ("title", "phone", "tags", "fax")} == {
        "title": "B",
        "phone": "2",
        "tags": ["a", "c"],
        "fax": "3",
    }


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_branches_that_come_one_by_one_converge(hubs: list[Node], order: tuple[int, ...]) -> None:
    from app.access.joining import Joiner

    pushing(hubs[0], FIRST)
    pushing(hubs[1], FIRST)
    for n in range(3):
        pushing(hubs[0], BRANCHES[n])
        pushing(hubs[1], BRANCHES[order[n]])
    raws = [hub.store.database("shared") for hub in hubs]
    for _ in range(3):
        exchange(raws[0], raws[1], "d")
        for hub, raw in zip(hubs, raws, strict=True):
            with hub.store.transaction():
                Joiner(hub.databases, raw).join("d")
    trees = [raw.tree("d") for raw in raws]
    assert trees[0].leaves == trees[1].leaves
    assert [trees[0].path(leaf) for leaf in trees[0].leaves] == [trees[1].path(leaf) for leaf in trees[1].leaves]
    assert len(trees[0].live) == 1
    assert raws[0].get("d").body == raws[1].get("d").body
    assert raws[0].get("d").body["title"] == "B"
    assert raws[0].get("d").body["fax"] == "3"


# -- where a form has rules

CUSTOMER = {"form": "customer", "name": "Acme", "class": "existing", "owner": "north"}


@pytest.fixture
def customer(opened: Any) -> tuple[str, str, dict[str, Any]]:
    """A customer of north, whose leader reads and edits it too: id, revision, items."""
    saved = opened("customers", "north").create(CUSTOMER)
    found = opened("customers", "north").get(saved.id)
    return saved.id, saved.rev, {name: value for name, value in found.items() if name[0] != "_"}


def test_computed_lists_follow_the_merged_items(push: Any, opened: Any, customer: Any) -> None:
    id, rev, items = customer
    assert push("north", "customers", revision(id, "2-b", rev, **{**items, "team": ["south"]})) == []
    assert push("leader", "customers", revision(id, "2-c", rev, **{**items, "phone": "020-1234567"})) == []
    found = opened("customers", "leader").get(id, conflicts=True)
    assert "_conflicts" not in found
    assert (found["phone"], found["team"]) == ("020-1234567", ["south"])
    assert "south" in found["readers"]
    assert opened("customers", "south").get(id)["phone"] == "020-1234567"
    assert found["created_by"] == "north"


def test_two_owners_at_once_leave_the_hubs(push: Any, opened: Any, customer: Any) -> None:
    id, rev, items = customer
    assert push("leader", "customers", revision(id, "2-c", rev, **{**items, "owner": "south"})) == []
    refused = push("leader", "customers", revision(id, "2-b", rev, **{**items, "owner": "leader"}))
    assert refused[0]["error"] == "forbidden"
    assert opened("customers", "leader").get(id)["owner"] == "south"


def test_a_rule_of_the_form_that_only_the_merge_breaks_leaves_a_conflict(push: Any, opened: Any, customer: Any) -> None:
    id, rev, items = customer
    leader = opened("customers", "leader")
    assert push("leader", "customers", revision(id, "2-b", rev, **{**items, "team": ["south"]})) == []
    assert push("leader", "customers", revision(id, "2-c", rev, **{**items, "owner": "south"})) == []
    versions = leader.conflicts.versions(id).versions
    assert sorted((one["owner"], one.get("team")) for one in versions) == [("north", ["south"]), ("south", None)]


def test_an_edit_beside_one_that_this_person_may_not_make_is_merged(push: Any, opened: Any, node: Node) -> None:
    """What somebody else changed is not judged as this person's change."""
    opened("notes", "admin").create({"form": "n", "title": "x", "phone": "1", "authors": ["leader"]}, id="own")
    rev = opened("notes", "admin").get("own")["_rev"]
    opened("notes", "admin").change("own", {"title": "y"})
    found = {"form": "n", "title": "x", "phone": "2", "authors": ["leader"]}
    assert push("leader", "notes", revision("own", "2-a", rev, **found)) == []
    now = opened("notes", "leader").get("own", conflicts=True)
    assert (now["title"], now["phone"]) == ("y", "2")
    assert "_conflicts" not in now


# -- documents that decide rights


def test_of_two_edits_of_the_acl_the_hubs_stands(push: Any, opened: Any, node: Node) -> None:
    admin = opened("notes", "admin")
    before = admin.get("acl")
    base = before["_rev"]
    mine = {**{name: value for name, value in before.items() if name[0] != "_"}}
    entries = {**mine["entries"], "south": {"type": "person", "level": "reader", "flags": []}}
    admin.update("acl", {**mine, "entries": entries}, base)
    theirs = {**mine, "entries": {**mine["entries"], "south": {"type": "person", "level": "manager", "flags": []}}}
    path = ["9-z", *(f"{n}-y" for n in range(8, int(base.split("-")[0]), -1)), base]
    assert push("admin", "notes", revision("acl", *path, **theirs)) == []
    assert node.databases.acl("notes").entries["south"].level.label == "reader"
    assert leaves(node, "acl")[0] == [admin.get("acl")["_rev"]]
    assert "9-z" in [entry.rev for entry in admin.history("acl")]


# -- one business key twice


def test_two_documents_with_one_code_are_both_kept(push: Any, opened: Any) -> None:
    assert push("north", "customers", revision("k1", "1-a", **{**CUSTOMER, "code": "C2026-7"})) == []
    assert push("north", "customers", revision("k2", "1-a", **{**CUSTOMER, "name": "B", "code": "C2026-7"})) == []
    north = opened("customers", "north")
    assert (north.get("k1")["code"], north.get("k2")["code"]) == ("C2026-7", "C2026-7")


def test_a_pushed_change_does_not_go_round_fixed_items(push: Any, opened: Any, customer: Any) -> None:
    id, rev, items = customer
    refused = push("north", "customers", revision(id, "2-b", rev, **{**items, "code": "C1999-1"}))
    assert [each["error"] for each in refused] == ["forbidden"]
    assert opened("customers", "north").get(id)["code"] == items["code"]


def test_hubs_agree_where_a_form_computes(hubs: list[Node]) -> None:
    stamps = {"created_by": "north", "changed_by": "north"}
    stamps |= dict.fromkeys(("created_at", "changed_at"), "2026-01-01T00:00:00.000Z")
    first = revision("k", "1-a", **{**CUSTOMER, **stamps, "code": "C2026-00099"})
    pushing(hubs[0], first, database="customers")
    base = hubs[0].store.database("customers").get("k")
    path = hubs[0].store.database("customers").tree("k").path(base.rev)
    exchange(hubs[0].store.database("customers"), hubs[1].store.database("customers"), "k")
    later = {"changed_at": "2026-01-02T00:00:00.000Z"}
    branches = [
        revision("k", f"{len(path) + 1}-b", *path, **{**base.body, **later, "team": ["south"]}),
        revision("k", f"{len(path) + 1}-c", *path, **{**base.body, "phone": "020-1234567"}),
    ]
    lists = hubs[0].rules.compose(
        hubs[0].databases.open("customers", SYSTEM), None, {**CUSTOMER, "team": ["south"]}, action="merge"
    )
    branches[0] |= {name: lists.items[name] for name in ("readers", "authors")}
    pushing(hubs[0], *branches, database="customers")
    pushing(hubs[1], branches[1], database="customers")
    pushing(hubs[1], branches[0], database="customers")
    raws = [hub.store.database("customers") for hub in hubs]
    assert raws[0].tree("k").leaves == raws[1].tree("k").leaves
    assert len(raws[0].tree("k").live) == 1
    found = raws[0].get("k").body
    assert found == raws[1].get("k").body
    assert ("south" in found["readers"], found["phone"]) == (True, "020-1234567")


def test_no_name_comes_into_an_anonymous_document(push: Any, opened: Any) -> None:
    items = {"title": "T", "anonymous": True}
    assert push("north", "notes", revision("s", "1-a", **items)) == []
    rev = opened("notes", "north").get("s")["_rev"]
    path = [rev] if rev == "1-a" else [rev, "1-a"]
    after = int(rev.split("-")[0]) + 1
    assert push("north", "notes", revision("s", f"{after}-b", *path, **items, phone="1")) == []
    assert push("south", "notes", revision("s", f"{after}-c", *path, **items, fax="2")) == []
    found = opened("notes", "leader").get("s", conflicts=True)
    assert (found["phone"], found["fax"], "_conflicts" in found) == ("1", "2", False)
    told = repr([found, opened("notes", "leader").history("s")])
    assert not [name for name in ("north", "south", "system") if name in told]


def test_what_a_merge_needs_outlives_compaction(push: Any, opened: Any, base: str, node: Node) -> None:
    assert push("north", "notes", sent("2-b", base, phone="2")) == []
    assert push("south", "notes", sent("2-c", base, phone="3")) == []
    raw = node.store.database("notes")
    raw.compact(keep_days=-1)
    assert opened("notes", "south").conflicts.versions("d").base["phone"] == "1"
    assert push("south", "notes", revision("d", "3-c", "2-c", base, **{**raw.get("d").body, "phone": "2"})) == []
    assert raw.tree("d").conflicts == []
