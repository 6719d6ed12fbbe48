"""Whatever is written: for each person the view is what filtering and sorting all documents by hand gives."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.design import Design
from app.views import ViewQuery, plans
from app.views.collation import exact, key
from tests.views.conftest import World

READERS = st.sampled_from([[], ["ann"], ["bob"], ["sellers"], ["eve"], ["ann", "eve"]])
DOCUMENTS = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["a", "B", "张", "章", "é", "", "重庆"]),
        "stage": st.sampled_from([None, "won", "Won", "lost", "new", "", 3]),
        "region": st.sampled_from(["n", "s", None]),
        "amount": st.sampled_from([None, 1, 0.1, -5, 10**12, "2.50"]),
        "labels": st.lists(st.sampled_from(["x", "y", "z"]), max_size=3),
        "readers": READERS,
    }
)
IDS = st.sampled_from([f"d{n}" for n in range(12)])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), IDS, DOCUMENTS),
        st.tuples(st.just("delete"), IDS, st.none()),
        st.tuples(st.just("bulk"), st.lists(st.tuples(IDS, DOCUMENTS), max_size=8), st.none()),
        st.tuples(st.just("read"), st.none(), st.none()),
    ),
    max_size=15,
)
GROUPS = {"ann": {"ann", "sellers"}, "bob": {"bob", "sellers"}, "eve": {"eve"}}


def _apply(world: World, steps: list[Any]) -> dict[str, dict[str, Any]]:
    now: dict[str, dict[str, Any]] = {}
    for action, which, body in steps:
        if action == "put":
            world.put(which, **body)
            now[which] = body
        elif action == "delete" and which in now:
            world.delete(which)
            del now[which]
        elif action == "bulk":
            documents = dict(which)
            # the store puts work off from 100 documents on: fillers that no view lists
            fillers: dict[str, Any] = {f"f{n}": {"form": "other", "n": len(now)} for n in range(101)}
            world.put_many({**fillers, **documents})
            now |= documents
        elif action == "read":
            for person in GROUPS:
                world.views.categories(world.open(person), "by_stage")
                world.views.total(world.open(person), "all")
    return now


def _value(value: Any) -> Any:
    return None if value in ("", []) else value


def _number(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) and value else _value(value)


@pytest.mark.parametrize("plan", ["as chosen", "merge", "short scan"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, limit=st.integers(1, 5))
def test_views_equal_the_naive_answer(design: Design, plan: str, steps: list[Any], limit: int) -> None:
    patch = pytest.MonkeyPatch()
    if plan != "as chosen":
        patch.setattr(plans, "scan_budget", lambda *_: 0 if plan == "merge" else 2)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "node", design)
        try:
            now = _apply(world, steps)
            for person, names in GROUPS.items():
                readable = {id: body for id, body in now.items() if not body["readers"] or names & set(body["readers"])}
                _compare(world, person, readable, limit)
        finally:
            world.store.close()
            patch.undo()


def _compare(world: World, person: str, readable: dict[str, dict[str, Any]], limit: int) -> None:
    def walked(view: str, **query: Any) -> list[str]:
        return [row.id for row in world.walk(person, view, limit=limit, **query)]

    def by(*columns: Any) -> list[str]:
        with world.store.reading() as connection:
            numbers = dict(connection.execute("SELECT id, doc FROM documents"))
        return sorted(readable, key=lambda id: (*(column(readable[id]) for column in columns), numbers[id]))

    def title(body: dict[str, Any]) -> bytes:
        return key(_value(body["title"]))

    def amount(body: dict[str, Any]) -> bytes:
        return key(_number(body["amount"]))

    assert walked("all") == by(title)
    assert walked("all", sort="amount") == by(amount, title)
    assert walked("all", sort="amount", descending=True) == by(amount, title)[::-1]
    won = [id for id in by(title) if key(readable[id]["stage"]) == key("won")]
    assert walked("all", filter="stage=won") == won
    assert walked("all", sort="amount", filter="stage=won") == [id for id in by(amount, title) if id in won]
    not_lost = [id for id in readable if readable[id]["stage"] != "lost"]
    assert sorted(walked("open")) == sorted(not_lost)
    assert walked("open", sort="amount") == [id for id in by(amount, title) if id in not_lost]

    expected: dict[tuple[Any, ...], list[Decimal]] = {}
    for body in readable.values():
        path = (_value(body["stage"]), _value(body["region"]))
        worth = exact(_number(body["amount"]) or 0)
        for depth in (1, 2):
            known = expected.setdefault(path[:depth], [Decimal(0), Decimal(0)])
            known[0] += 1
            known[1] += worth
    database = world.open(person)
    rows = world.views.categories(database, "by_stage", ViewQuery(expand=True))
    assert {row.values: [row.count, row.totals["amount"]] for row in rows} == {
        path: [int(count), float(worth)] for path, (count, worth) in expected.items()
    }
    for row in rows:
        inside = [id for id in readable if _path(readable[id])[: row.level + 1] == row.values]
        assert sorted(set(walked("by_stage", category=row.category)) & set(inside)) == sorted(inside)
    labels = {label for body in readable.values() for label in body["labels"] or [None]}
    assert {row.values[0] for row in world.views.categories(database, "by_label")} == labels
    listed = sum(max(1, len(set(body["labels"]))) for body in readable.values())
    assert len(walked("by_label")) == listed
    total = world.views.total(database, "all")
    assert total is not None
    assert total.count == len(readable)
    assert total.sums["amount"] == float(sum(exact(_number(b["amount"]) or 0) for b in readable.values()))


def _path(body: dict[str, Any]) -> tuple[Any, ...]:
    return (_value(body["stage"]), _value(body["region"]))
