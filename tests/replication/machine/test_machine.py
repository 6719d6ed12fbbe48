"""Whatever happens in whatever order: at the end all replicas agree, no acknowledged edit is gone, nothing leaked.

Edits, deletions, attachments, readers, groups and levels change on the hub and on three laptops; calls fail, answers
are lost or cut, laptops are killed while they write, clocks are wrong. `make machine` runs it long.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.access import SYSTEM
from app.access.acl import make
from app.clock import Clock
from app.errors import DavenportError
from tests.replication.machine.world import DATABASE, PERSONS, World, first_acl, template, tokens_in

EXAMPLES = int(os.environ.get("DAVENPORT_MACHINE_EXAMPLES", "12"))
STEPS = int(os.environ.get("DAVENPORT_MACHINE_STEPS", "30"))
SHRINK = os.environ.get("DAVENPORT_MACHINE_SHRINK", "1") == "1"  # a smaller example takes minutes to find
ROUNDS = 8  # quiet rounds after which everybody must agree

places = st.sampled_from(("hub", *PERSONS))
persons = st.sampled_from(PERSONS)
items = st.sampled_from(("title", "body", "remark"))
lists = st.sampled_from((None, [], ["north"], ["south", "north"], ["inner"], ["outer"], ["leader", "inner"]))
which = st.integers(0, 1_000_000)


class Machine(RuleBasedStateMachine):
    """One hub, three laptops."""

    made: Path

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="davenport-machine-"))
        self.world = World(self.made, self.folder / "world")
        self.edits: dict[str, tuple[str, str]] = {}  # token → (document, person)
        self.own: dict[str, set[str]] = {person: set() for person in PERSONS}
        self.allowed: dict[str, set[str]] = {person: set() for person in PERSONS}
        self.time, self.skew = datetime(2026, 11, 22, 8, tzinfo=UTC), timedelta()
        self._tick()

    def teardown(self) -> None:
        Clock.frozen = None
        if not hasattr(self, "world"):
            return
        try:
            self.settle()
        finally:
            self.world.close()
            shutil.rmtree(self.folder)

    # -- what people do

    @rule(place=places, person=persons, readers=lists, authors=lists)
    def create(self, place: str, person: str, readers: Any, authors: Any) -> None:
        person = self._person(place, person)
        token = self.world.token()
        new = {"form": "note", "title": token}
        new |= {name: value for name, value in (("readers", readers), ("authors", authors)) if value is not None}
        self._try(place, person, token, lambda database: database.create(new, id=f"doc-{token[3:-1]}").id)

    @rule(place=places, person=persons, n=which, item=items)
    def edit(self, place: str, person: str, n: int, item: str) -> None:
        person = self._person(place, person)
        token = self.world.token()
        self._on_one(place, person, n, token, lambda database, id: database.change(id, {item: token}))

    @rule(place=places, person=persons, n=which, readers=lists)
    def change_readers(self, place: str, person: str, n: int, readers: Any) -> None:
        person = self._person(place, person)
        token = self.world.token()
        change = {"readers": readers, "title": token}
        self._on_one(place, person, n, token, lambda database, id: database.change(id, change))

    @rule(place=places, person=persons, n=which)
    def attach(self, place: str, person: str, n: int) -> None:
        person = self._person(place, person)
        token = self.world.token()

        def put(database: Any, id: str) -> None:
            content = io.BytesIO(f"content {token}".encode() * 50)
            database.put_attachment(id, f"{token}.txt", content, "text/plain")

        self._on_one(place, person, n, token, put)

    @rule(place=places, person=persons, n=which)
    def delete(self, place: str, person: str, n: int) -> None:
        person = self._person(place, person)
        self._on_one(place, person, n, "", lambda database, id: database.delete(id))

    # -- what administrators do, on the hub

    @rule(person=persons, group=st.sampled_from(("inner", "outer")), joins=st.booleans())
    def change_group(self, person: str, group: str, joins: bool) -> None:
        members = {"add": [person]} if joins else {"remove": [person]}
        self.world.hub.node.directory.change_group(SYSTEM, group, **members)  # type: ignore[arg-type]

    @rule(person=persons, level=st.sampled_from(("editor", "author", "reader", "none")), copy=st.booleans())
    def change_level(self, person: str, level: str, copy: bool) -> None:
        flags = ["create", "delete", *(["replicate_or_copy"] if copy else [])]
        acl = first_acl() | {person: {"type": "person", "level": level, "flags": flags}}
        self.world.hub.node.databases.set_acl(DATABASE, SYSTEM, make(acl))

    # -- what machines and lines do

    @rule(person=persons)
    def sync(self, person: str) -> None:
        self._sync(person)

    @rule(person=persons, faults=st.lists(st.sampled_from(("", "", "refuse", "lose", "cut")), min_size=1, max_size=6))
    def sync_over_a_bad_line(self, person: str, faults: list[str]) -> None:
        self.world.hub.wire.faults = list(faults)
        self._sync(person)
        self.world.hub.wire.faults = []

    @rule(
        person=persons,
        method=st.sampled_from(("apply", "settle", "content_arrived", "unsent")),
        when=st.sampled_from(("before", "inside", "after")),
        call=st.integers(1, 2),
    )
    def kill_in_mid_sync(self, person: str, method: str, when: str, call: int) -> None:
        self.world.laptops[person].kill = (method, when, call)
        self._sync(person)
        self.world.laptops[person].kill = None

    @rule(person=persons)
    def restart(self, person: str) -> None:
        self.world.laptops[person].restart()

    @rule(hours=st.integers(-48, 48))
    def set_clock(self, hours: int) -> None:
        self.skew = timedelta(hours=hours)

    # -- what must be true

    @invariant()
    def nobody_heard_what_they_may_not_read(self) -> None:
        for person in PERSONS:
            heard = self.world.hub.wire.heard.get(person, set())
            assert heard <= self.allowed[person] | self.own[person], (person, heard - self.allowed[person])

    def settle(self) -> None:
        """Let everybody sync in peace; then compare."""
        self.skew = timedelta()
        for _ in range(ROUNDS):
            for person in PERSONS:
                assert self._sync(person), (person, self.world.laptops[person].problem)
        self.nobody_heard_what_they_may_not_read()
        for person in PERSONS:
            self._agrees(person)
            self._keeps_nothing_lost(person)
        self._nothing_is_gone()

    def _agrees(self, person: str) -> None:
        there, here = self.world.hub.readable(person), self.world.laptops[person].here()
        assert here.keys() == there.keys(), person
        for id, leaves in there.items():
            assert [(leaf.rev, leaf.body) for leaf in here[id]] == [(leaf.rev, leaf.body) for leaf in leaves], person
            stubs = [{name: stub.digest for name, stub in leaf.attachments.items()} for leaf in leaves]
            assert [{name: stub.digest for name, stub in leaf.attachments.items()} for leaf in here[id]] == stubs
        laptop = self.world.laptops[person]
        missing = laptop.node.databases.mirror(DATABASE).missing_content() if there else []
        assert not missing, (person, missing)
        for id, leaves in there.items():
            for name in leaves[0].attachments:
                with laptop.opened().attachment(id, name)[1] as content:
                    assert content.read(), (person, id, name)
        waiting = laptop.node.databases.mirror(DATABASE).count_unsent() if there else 0
        assert waiting == 0, person

    def _keeps_nothing_lost(self, person: str) -> None:
        """No file of the laptop holds what others wrote in documents that are not on it any more."""
        found = self.world.laptops[person].raw_tokens() - self.own[person]
        may = self.world.hub.not_lost(person, {self.edits[token][0] for token in found})
        for token in found:
            assert self.edits[token][0] in may, (person, token, self.edits[token])

    def _nothing_is_gone(self) -> None:
        """Every acknowledged value is in a document, in a kept revision, in the history, or among the rejected."""
        with self.world.hub.node.store.reading() as connection:
            kept = [
                connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("documents", "bodies", "history")
            ]
        found = tokens_in(*kept)
        for laptop in self.world.laptops.values():
            found |= tokens_in(laptop.rejected())
        gone = {token: edit for token, edit in self.edits.items() if token not in found}
        assert not gone

    # -- helpers

    def _person(self, place: str, person: str) -> str:
        return person if place == "hub" else place

    def _tick(self) -> None:
        """A second goes by: names of revisions depend on the time, and a failure must be found again."""
        self.time += timedelta(seconds=1)
        Clock.frozen = self.time + self.skew

    def _sync(self, person: str) -> bool:
        self._tick()
        hub = self.world.hub
        self.allowed[person] |= hub.tokens(person)
        try:
            return self.world.laptops[person].sync()
        finally:
            self.allowed[person] |= hub.tokens(person)

    def _on_one(self, place: str, person: str, n: int, token: str, work: Any) -> None:
        """Do something to one of the documents that the person sees there."""

        def act(database: Any) -> str | None:
            ids = sorted(change.id for change in database.changes() if not change.deleted)
            if not ids:
                return None
            id = str(ids[n % len(ids)])
            work(database, id)
            return id

        self._try(place, person, token, act)

    def _try(self, place: str, person: str, token: str, work: Any) -> None:
        """What is refused is not acknowledged; what returns is."""
        self._tick()
        try:
            id = work(self.world.opened(place, person))
        except DavenportError:
            return
        if id is not None and token:
            self.edits[token] = (id, person)
            self.own[person].add(token)


@pytest.fixture(scope="module")
def made(made_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub and three joined laptops, to be copied."""
    return template(made_once, tmp_path_factory.mktemp("machine"))


def test_replicas_agree_nothing_is_lost_nothing_leaks(made: Path) -> None:
    Machine.made = made
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            phases=[Phase.explicit, Phase.reuse, Phase.generate] + ([Phase.shrink] if SHRINK else []),
        ),
    )
