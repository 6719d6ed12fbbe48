"""Any edits on a hub and its replicas, synchronised at any time: in the end all hold the same, and nothing is lost.

A replica here is a bare store that does what a laptop does: it keeps what it pulls, edits what it shows, never merges,
and pushes every revision of its own, oldest first.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access import SYSTEM, Database, Identity
from app.access.acl import make
from app.access.joining import Joiner
from app.access.pushing import Incoming
from app.node import Node
from app.store import Branch, Context, Edit, Store
from app.store.model import Body
from tests.replication.conftest import ACL

PEOPLE = ("north", "south", "leader")
NUMBERS = itertools.count()


class Hub(NamedTuple):
    """A hub and three replicas."""

    node: Node
    replicas: dict[str, Store]

    def opened(self, person: str) -> Database:
        found = self.node.directory.person(person)
        assert found is not None
        return self.node.databases.open("shared", Identity(found))


@pytest.fixture(scope="module")
def hub(made_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("replicas")
    shutil.copytree(made_once, folder / "hub")
    with Node.open(folder / "hub") as node:
        acl = {**ACL, "leader": {"type": "person", "level": "editor", "flags": ACL["-Default-"]["flags"]}}
        node.databases.create("shared", SYSTEM, make(acl))
        stores = {person: Store.open(folder / person, create=True) for person in PEOPLE}
        for store in stores.values():
            store.create("shared")
        yield Hub(node, stores)
        assert node.store.check() == []
        for store in stores.values():
            assert store.check() == []
            store.close()


class Replica:
    """One person's copy of one document."""

    def __init__(self, hub: Hub, person: str, id: str) -> None:
        self.hub, self.person, self.id = hub, person, id
        self.raw = hub.replicas[person].database("shared")
        self.unsent: list[str] = []
        self.context = Context(person, "2026-01-01T00:00:00.000Z")

    def shown(self) -> tuple[str, Body] | None:
        found = self.raw.get_many([self.id]).get(self.id)
        return (found.rev, found.body) if found else None

    def edit(self, item: str, value: Any) -> bool:
        shown = self.shown()
        if shown is None:
            return False
        body = {**shown[1], item: value, "changed_by": self.person, "changed_at": f"2026-01-01T00:00:00.{value[1:]}Z"}
        self.unsent.append(self.raw.put(Edit(self.id, shown[0], body), self.context))
        return True

    def tag(self, add: str, drop: bool) -> bool:
        shown = self.shown()
        if shown is None:
            return False
        tags = [tag for tag in shown[1].get("tags", []) if not (drop and tag == "old")] + [add]
        self.unsent.append(self.raw.put(Edit(self.id, shown[0], {**shown[1], "tags": tags}), self.context))
        return True

    def delete(self) -> None:
        shown = self.shown()
        if shown is not None:
            self.unsent.append(self.raw.put(Edit(self.id, shown[0], {}, deleted=True), self.context))

    def sync(self) -> None:
        self.pull()
        tree = self.raw.tree(self.id)
        sent = []
        for rev in self.unsent:
            found = self.raw.get(self.id, rev, deleted=True)
            sent.append(Incoming(self.id, tree.path(rev), dict(found.body), found.deleted))
        assert self.hub.opened(self.person).replica.push(sent) == [None] * len(sent)
        self.unsent.clear()
        self.pull()

    def pull(self) -> None:
        found = self.hub.opened(self.person).replica.all_leaves(self.id)
        self.raw.insert(
            [Branch(self.id, leaf.path, leaf.revision.body, leaf.revision.deleted) for leaf in found], self.context
        )


WHO = st.sampled_from(PEOPLE)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), WHO, st.sampled_from("abc")),
        st.tuples(st.just("tag"), WHO, st.booleans()),
        st.tuples(st.just("delete"), WHO),
        st.tuples(st.just("sync"), WHO),
        st.tuples(st.just("hub"), WHO, st.sampled_from("abc")),
        st.tuples(st.just("settle"), WHO),
    ),
    max_size=14,
)


@given(steps=STEPS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_replicas_end_equal_and_nothing_is_lost(hub: Hub, steps: list[tuple[Any, ...]]) -> None:
    id = f"d{next(NUMBERS)}"
    hub.opened("north").create({"a": "v0", "tags": ["old", "kept"]}, id=id)
    replicas = {person: Replica(hub, person, id) for person in PEOPLE}
    for replica in replicas.values():
        replica.pull()
    acknowledged = []
    for step in steps:
        value = f"v{next(NUMBERS)}"
        if run(hub, replicas, id, step, value):
            acknowledged.append(value)
    for _ in range(2):
        for replica in replicas.values():
            replica.sync()
    raw = hub.node.store.database("shared")
    tree = raw.tree(id)
    for replica in replicas.values():
        there = replica.raw.tree(id)
        assert there.leaves == tree.leaves
        assert [there.path(leaf) for leaf in there.leaves] == [tree.path(leaf) for leaf in tree.leaves]
        assert replica.raw.get(id, deleted=True).body == raw.get(id, deleted=True).body
    told = repr([leaf.body for leaf in raw.leaves(id)] + raw.history(id))
    assert [value for value in acknowledged if f"'{value}'" not in told] == []
    joiner, joined = Joiner(hub.node.databases, raw), raw.joined(id)
    for other in tree.live[1:]:
        found = joiner.attempt(id, [tree.live[0], other], tree, joined)
        assert not hasattr(found, "merged"), "what merges has been merged"
    _tags_follow(raw.get(id, deleted=True).body, steps)


def _tags_follow(body: Body, steps: list[tuple[Any, ...]]) -> None:
    """What nobody took off a list stays on it."""
    if "tags" in body:
        assert "kept" in body["tags"]
        if not any(step[0] == "tag" and step[2] for step in steps):
            assert "old" in body["tags"]


def run(hub: Hub, replicas: dict[str, Replica], id: str, step: tuple[Any, ...], value: str) -> bool:
    """One step; whether somebody was told that the value is saved."""
    kind, person, *rest = step
    replica = replicas[person]
    if kind == "edit":
        return replica.edit(rest[0], value)
    if kind == "tag":
        return replica.tag(value, rest[0])
    database = hub.opened(person)
    if kind == "sync":
        replica.sync()
    elif kind == "delete":
        replica.delete()
    elif kind == "hub" and database.exists(id):
        database.change(id, {rest[0]: value})
        return True
    elif kind == "settle" and database.exists(id):
        found = database.conflicts.versions(id)
        if len(found.versions) > 1:
            revs = [version["_rev"] for version in found.versions]
            database.conflicts.settle(id, revs[0], revs[1:], {"a": value})
            return True
        if found.deletions:
            database.conflicts.keep(id)
    return False
