"""Whatever happens to rights and documents, and wherever a replica stands meanwhile: at the end it has what the person
may read, and on the way it got nothing else.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access import SYSTEM, Database
from app.errors import Conflict, Forbidden, NotFound, Recompare
from app.store import Store
from tests.access.conftest import World

READERS: list[list[str]] = [
    [],
    ["ann"],
    ["bob"],
    ["sellers"],
    ["staff"],
    ["leader-of:east"],
    ["unit:east"],
    ["unit:acme"],
    ["[Special]"],
    ["level:editor"],
    ["bob", "sellers"],
]
COPY = ["replicate_or_copy", "create", "delete"]
OTHERS = {"-Default-": {"level": "none"}, "ada": {"type": "person", "level": "manager", "flags": ["delete"]}}
STANDINGS: list[dict[str, Any]] = [
    {"level": "editor", "flags": COPY},
    {"level": "reader", "flags": COPY},
    {"level": "editor", "flags": COPY, "roles": ["Special"]},
    {"level": "depositor", "flags": COPY},
    {"level": "none", "flags": [*COPY, "read_public"]},
]


class Replica:
    """A naive client: applies rows, remembers the token of the last one it applied."""

    def __init__(self, open: Any, *, revocations: bool) -> None:
        self._open = open
        self.revocations = revocations
        self.token: str = "0"
        self.documents: dict[str, str] = {}
        self.told: list[str] = []

    def pull(self, limit: int) -> bool:
        """One call; whether it was the last one needed."""
        database: Database = self._open()
        replica = database.replica
        try:
            place, incarnation = replica.place(self.token, revocations=self.revocations)
            found = replica.follow(place, limit, revocations=self.revocations, content=True)
        except Recompare:
            assert self.revocations
            self.documents, self.token = {}, "0"
            return False
        assert len(found.rows) <= limit
        for told in found.rows:
            self.token = told.place.text(incarnation)
            if told.row is None:
                assert self.revocations
                self.told.append(told.id)
                self.documents.pop(told.id, None)
                continue
            assert told.row.access in database.visible.sets, "a row that the person may not read"
            if told.row.deleted:
                self.documents.pop(told.id, None)
            else:
                self.documents[told.id] = told.row.rev
        self.token = found.place.text(found.incarnation)
        return found.end

    def catch_up(self, limit: int = 1000) -> None:
        for _ in range(2000):
            if self.pull(limit):
                return
        raise AssertionError("the feed does not end")


class Hub:
    """A database `n…` of a world, and one replica of each kind that ann has of it."""

    names = itertools.count()

    def __init__(self, world: World) -> None:
        self.world = world
        self.name = f"n{next(self.names)}"
        world.make(self.name, {**OTHERS, "ann": {"type": "person", **STANDINGS[0]}})
        self._set_groups()
        self.replicas = [Replica(self.open, revocations=True), Replica(self.open, revocations=False)]
        self.readable: set[str] = set()

    def _set_groups(self) -> None:
        directory = self.world.directory
        for group, member in (("sellers", "ann"), ("staff", "sellers")):
            directory.change_group(SYSTEM, group, add=[member])
        directory.change_unit(SYSTEM, "east", leader="lea")
        directory.change_person(SYSTEM, "ann", unit="unit:east")

    def open(self) -> Database:
        return self.world.open(self.name, "ann")

    def system(self) -> Database:
        return self.world.databases.open(self.name, SYSTEM)

    def current(self) -> dict[str, str]:
        """What ann may read now."""
        database = self.open()
        rows = self.system().changes()
        found = database.get_many([row.id for row in rows if not row.deleted])
        return {id: document["_rev"] for id, document in found.items() if id != "acl"}

    def act(self, kind: str, a: int, b: int) -> None:
        """One step; what cannot be done does nothing."""
        directory, base, id = self.world.directory, self.system(), f"d{a}"
        try:
            if kind == "create":
                base.create({"readers": READERS[b % len(READERS)]}, id=id)
            elif kind == "readers":
                base.change(id, {"readers": READERS[b % len(READERS)]}, base.get(id)["_rev"])
            elif kind == "touch":
                base.change(id, {"n": b}, base.get(id)["_rev"])
            elif kind == "delete":
                base.delete(id, base.get(id)["_rev"])
            elif kind == "restore":
                base.restore(id)
            elif kind == "purge":
                self.world.store.database(self.name).purge(id, remember=False)
            elif kind == "member":
                change = {"add": ["ann"]} if b % 2 else {"remove": ["ann"]}
                directory.change_group(SYSTEM, "sellers", **change)
            elif kind == "nested":
                change = {"add": ["sellers"]} if b % 2 else {"remove": ["sellers"]}
                directory.change_group(SYSTEM, "staff", **change)
            elif kind == "leader":
                directory.change_unit(SYSTEM, "east", leader=("ann", "lea")[b % 2])
            elif kind == "unit":
                directory.change_person(SYSTEM, "ann", unit=("unit:east", "unit:sales", "")[b % 3])
            elif kind == "acl":
                acl = {**OTHERS, "ann": {"type": "person", **STANDINGS[b % len(STANDINGS)]}}
                self.world.databases.set_acl(self.name, SYSTEM, _acl(acl))
            elif kind == "sync":
                for replica in self.replicas:
                    for _ in range(1 + b % 3):
                        replica.pull(1 + a % 4)
        except (NotFound, Conflict, Forbidden):
            pass
        self.readable |= self.current().keys()

    def check(self) -> None:
        for replica in self.replicas:
            replica.catch_up(3)
        expected = self.current()
        assert self.replicas[0].documents == expected
        assert expected.items() <= self.replicas[1].documents.items()
        never = set(self.replicas[0].told) - self.readable - {"acl"}
        assert not never, "told of documents that were never for this person"


def _acl(entries: dict[str, Any]) -> Any:
    from app.access import acl

    return acl.make(entries)


KINDS = ["readers", "touch", "delete", "restore", "purge", "member", "nested", "leader", "unit", "acl"]
STEPS = st.tuples(
    st.sampled_from([*KINDS, "create", "create", "sync", "sync", "sync"]), st.integers(0, 7), st.integers(0, 11)
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=5, max_size=60))
def test_a_replica_ends_with_what_the_person_may_read(world: World, steps: list[tuple[str, int, int]]) -> None:
    hub = Hub(world)
    for step in steps:
        hub.act(*step)
    hub.check()


# -- each cause by itself, at each moment

CAUSES = {
    "readers edited": (("readers", 0, 2), ("readers", 0, 3)),
    "group": (("member", 0, 0), ("member", 0, 1)),
    "nested group": (("nested", 1, 0), ("nested", 1, 1)),
    "leader": (("leader", 2, 1), ("leader", 2, 0)),
    "unit": (("unit", 3, 2), ("unit", 3, 0)),
    "role": (("acl", 4, 0), ("acl", 4, 2)),
    "level": (("acl", 5, 1), ("acl", 5, 2)),
    "no reading": (("acl", 0, 3), ("acl", 0, 2)),
}
SETS = {0: 3, 1: 4, 2: 5, 3: 6, 4: 8, 5: 9}


@pytest.fixture
def hub(world: World) -> Hub:
    """d0 … d5, one for each way to be let in, and three more of each kind; ann has every standing."""
    found = Hub(world)
    found.act("leader", 0, 0)
    found.act("acl", 0, 2)
    for number, readers in SETS.items():
        found.act("create", number, readers)
        for more in range(3):
            found.act("create", 10 + number * 3 + more, readers)
    return found


@pytest.mark.parametrize("moment", ["between", "half-way", "twice"])
@pytest.mark.parametrize("cause", CAUSES)
def test_each_way_to_lose_and_gain_access(hub: Hub, cause: str, moment: str) -> None:
    lose, gain = CAUSES[cause]
    laptop, plain = hub.replicas
    for replica in hub.replicas:
        replica.catch_up()
    full = dict(laptop.documents)
    assert full == hub.current()
    hub.act(*lose)
    lost = full.keys() - hub.current().keys()
    assert lost
    if moment == "half-way":
        laptop.pull(1)
        hub.act(*gain)
        laptop.pull(1)
        plain.pull(1)
        hub.act(*lose)
    laptop.catch_up(1)
    plain.catch_up(1)
    assert laptop.documents == hub.current()
    assert plain.documents.keys() >= lost, "a plain client keeps what it had"
    hub.act(*gain)
    if moment == "twice":
        for step in (lose, gain, lose, gain):
            laptop.pull(1)
            plain.pull(1)
            hub.act(*step)
    laptop.catch_up(2)
    plain.catch_up(2)
    assert laptop.documents == hub.current()
    assert laptop.documents.keys() == full.keys()
    assert hub.current().items() <= plain.documents.items()


def test_a_token_of_another_person_reveals_nothing(hub: Hub) -> None:
    hub.world.databases.set_acl(
        hub.name,
        SYSTEM,
        _acl({**OTHERS, **{key: {"type": "person", **STANDINGS[0]} for key in ("ann", "eve")}}),
    )
    hub.act("create", 7, 0)
    laptop = hub.replicas[0]
    laptop.catch_up()
    eve = hub.world.open(hub.name, "eve").replica
    with pytest.raises(Recompare):
        eve.place(laptop.token, revocations=True)
    place, _ = eve.place(laptop.token)
    found = eve.follow(place, 1000)
    expected = {row.id for row in hub.world.open(hub.name, "eve").changes()}
    assert {told.id for told in found.rows} == expected
    assert expected < laptop.documents.keys()
    own = eve.place("now")[0].text(found.incarnation)
    seq, incarnation, epoch = own.split("-")
    anns = laptop.token.split("-")[2]
    for forged in (
        f"{seq}-{incarnation}-{anns}.{epoch}_s_{seq}_0_0",
        f"1-{incarnation}-{anns}",
        f"9999-{incarnation}-{epoch}",
    ):
        with pytest.raises(Recompare):
            eve.place(forged, revocations=True)


def test_a_token_older_than_the_log_compares_anew(hub: Hub, store: Store) -> None:
    laptop, plain = hub.replicas
    for replica in hub.replicas:
        replica.catch_up()
    hub.act("readers", 0, 2)
    with store.transaction() as connection:
        connection.execute("UPDATE access_log SET at = '2020-01-01T00:00:00.000Z'")
    store.database(hub.name).compact()
    with pytest.raises(Recompare):
        hub.open().replica.place(laptop.token, revocations=True)
    plain.catch_up()


def test_who_lost_access_and_then_the_document_was_purged_is_told(hub: Hub) -> None:
    laptop = hub.replicas[0]
    laptop.catch_up()
    hub.act("readers", 0, 2)
    hub.act("purge", 0, 0)
    hub.act("create", 0, 2)
    hub.act("purge", 0, 0)
    hub.act("delete", 1, 0)
    hub.act("purge", 1, 0)
    laptop.catch_up(1)
    assert laptop.documents == hub.current()
    assert {"d0", "d1"} <= set(laptop.told)


def test_documents_that_were_never_for_the_person_are_not_named(hub: Hub) -> None:
    laptop = hub.replicas[0]
    laptop.catch_up()
    hub.act("member", 0, 0)
    hub.act("create", 7, 3)
    hub.act("readers", 7, 2)
    hub.act("create", 8, 3)
    laptop.catch_up()
    assert not {"d7", "d8"} & set(laptop.told)
