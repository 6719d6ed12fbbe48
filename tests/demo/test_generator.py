"""Generated data: the same for the same seed, valid for its forms, and seen in the shares it promises."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from app.access import SYSTEM, Identity
from app.demo import bulk, crowd, generate
from app.demo.bulk import Made
from app.node import Node

COUNT = 4_000
NOT_SENT = ("readers", "authors", "code", "created_by", "created_at", "changed_by", "changed_at")
COMPUTED = {"code", "order_total", "received_total", "outstanding", "next_payment"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    node = Node.create(tmp_path_factory.mktemp("bulk") / "node", admin="admin", password="admin-password")
    assert generate(node.databases, node.directory, documents=COUNT, seed=7) == COUNT
    return node


def test_same_seed_same_documents() -> None:
    assert list(bulk.documents(3, 500)) == list(bulk.documents(3, 500))


def test_more_documents_continue_the_fewer() -> None:
    assert list(islice(bulk.documents(3, 900), 500)) == list(bulk.documents(3, 500))


def test_another_seed_gives_other_documents() -> None:
    assert {made.id for made in bulk.documents(3, 500)}.isdisjoint(made.id for made in bulk.documents(4, 500))


def test_two_nodes_get_the_same_revisions(node: Node, tmp_path: Path) -> None:
    with Node.create(tmp_path / "node", admin="admin", password="admin-password") as other:
        generate(other.databases, other.directory, documents=300, seed=7)
        raw = other.store.database("customers")
        ids = [made.id for made in bulk.documents(7, 300) if made.kind != "deal"]
        mine = node.store.database("customers").get_many(ids)
        assert {id: revision.rev for id, revision in raw.get_many(ids).items()} == {
            id: revision.rev for id, revision in mine.items()
        }


def test_a_second_run_adds_nothing(node: Node) -> None:
    assert generate(node.databases, node.directory, documents=200, seed=7) == 0


def test_some_seven_thousand_reader_sets_are_skewed() -> None:
    teams, slots = crowd.teams(1)
    sets = {tuple(sorted({*team.customer_lists["readers"], *team.customer_lists["authors"]})) for team in teams}
    assert 6_900 <= len(sets) <= crowd.TEAMS
    assert slots.count(0) > 50 * slots.count(len(teams) // 2)


@pytest.mark.parametrize(("observer", "share"), crowd.OBSERVERS.items())
def test_observers_see_their_share(observer: str, share: float) -> None:
    teams, slots = crowd.teams(1)
    seen = sum(observer in teams[number].helpers for number in slots) / len(slots)
    assert 0.9 * share <= seen <= 1.05 * share


def test_counts_through_the_door(node: Node) -> None:
    everything = _count(node, crowd.ALL_SEEING)
    assert everything >= 0.9 * COUNT
    assert 0.07 < _count(node, "bench-10") / everything < 0.13
    assert 0.004 < (_count(node, "bench-1") - _count(node, "bench-001")) / everything < 0.02


def _count(node: Node, key: str) -> int:
    person = node.directory.person(key)
    assert person is not None
    return node.databases.open("customers", Identity(person)).count()


@pytest.mark.parametrize("kind", ["customer", "contact", "deal"])
def test_forms_would_store_the_same(kind: str, node: Node) -> None:
    database = node.databases.open("deals" if kind == "deal" else "customers", SYSTEM)
    for made in _some(kind):
        sent = {name: value for name, value in made.body.items() if name not in NOT_SENT}
        composed = node.rules.compose(database, None, sent).items
        lists = {name: made.body[name] for name in ("readers", "authors")}
        assert {name: composed.get(name) for name in (*sent, *lists)} == sent | lists
        assert set(composed) - set(sent) - set(lists) <= COMPUTED


def _some(kind: str) -> list[Made]:
    return [made for made in bulk.documents(7, 400) if made.kind == kind][:20]


def test_observers_cannot_sign_in(node: Node) -> None:
    assert not any(node.secrets.has_password(key) for key in (crowd.ALL_SEEING, *crowd.OBSERVERS))
