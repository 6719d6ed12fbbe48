"""Numbers and sums of filtered lists: from totals, by counting entries, by looking; what time cuts short is said."""

from __future__ import annotations

import random
from typing import Any

import pytest

from app.views import ViewQuery, counting, pages
from tests.views.conftest import World

STAGES = ("won", "Won", "lost", "new", None)
PERSONS = ("ann", "bob", "eve")


def fill(world: World, many: int = 60) -> dict[str, dict[str, Any]]:
    chance, documents = random.Random(5), {}
    for number in range(many):
        documents[f"d{number:04}"] = {
            "title": f"t{chance.randrange(40):02}",
            "stage": chance.choice(STAGES),
            "amount": chance.randrange(100),
            "labels": chance.sample(["x", "y", "X", "z"], chance.randrange(4)),
            "note": f"note {number}",
            "readers": chance.choice([[], ["ann"], ["sellers"], ["eve"]]),
        }
    world.put_many(documents, defer=False)
    return documents


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "stage=won"},
        {"filter": "stage=won", "sort": "amount", "descending": True},
        {"filter": "stage=won,new"},
        {"filter": "stage="},
        {"filter": "amount>=50"},
        {"filter": "labels=x"},
        {"filter": "labels=z"},
        {"filter": "labels=x,z"},
        {"filter": "stage=won;note~1"},
        {"filter": "stage=nothing"},
        {"starts": "t1"},
        {"starts": "wo", "sort": "stage"},
        {"unread": True},
        {"unread": True, "filter": "stage=won"},
    ],
)
@pytest.mark.parametrize("view", ["all", "by_stage", "by_label"])
def test_a_total_is_that_of_the_rows(world: World, view: str, query: dict[str, Any]) -> None:
    fill(world)
    for person in PERSONS:
        database, asked = world.open(person), ViewQuery(**query)
        rows = {row.id: row for row in world.walk(person, "all", limit=20, **query)}
        expected = (len(rows), sum(row.columns["amount"] for row in rows.values()))
        found = world.views.total(database, view, asked)
        assert (found.count, found.sums["amount"], found.more) == (*expected, False)
        known = world.views.known_total(database, view, asked)
        assert known is None or known == found


def test_totals_of_one_value_of_a_column_are_kept(world: World) -> None:
    fill(world)
    for person in PERSONS:
        assert world.views.known_total(world.open(person), "all", ViewQuery(filter="stage=lost")) is not None
        assert world.views.known_total(world.open(person), "all", ViewQuery(filter="labels=z")) is not None
        assert world.views.known_total(world.open(person), "all", ViewQuery(filter="note~1")) is None
        assert world.views.known_total(world.open(person), "all", ViewQuery(filter="amount>5")) is None


def test_a_page_that_holds_everything_knows_the_total(world: World) -> None:
    fill(world)
    for query in (ViewQuery(filter="note~1", limit=200), ViewQuery(limit=200)):
        page = world.views.page(world.open("ann"), "all", query)
        assert page.total == world.views.total(world.open("ann"), "all", query)
    assert world.views.page(world.open("ann"), "all", ViewQuery(limit=5)).total is None


def test_entries_are_counted_where_there_are_too_many_to_add_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(world)
    monkeypatch.setattr(counting, "SUMMED", 3)
    monkeypatch.setattr(counting, "SETS", 2)
    for person in PERSONS:
        rows = world.walk(person, "all", filter="title^t1")
        found = world.views.total(world.open(person), "all", ViewQuery(filter="title^t1"))
        assert (found.count, found.sums, found.more) == (len(rows), {}, False)


def test_a_search_that_runs_out_of_time_says_so_and_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put_many({f"d{n:04}": {"title": f"t{n:04}", "note": "odd" if n % 2 else "even"} for n in range(6_000)})
    while world.views.catch_up():
        pass
    monkeypatch.setattr(pages, "SEARCH", -1.0)
    found = world.views.total(world.open("ann"), "all", ViewQuery(filter="note=odd"))
    assert (found.more, found.sums) == (True, {})
    assert 0 < found.count < 3_000
    first = world.views.page(world.open("ann"), "all", ViewQuery(filter="note=nothing"))
    assert (first.partial, first.more, first.rows, first.total) == (True, True, [], None)
    assert world.walk("ann", "all", filter="note=nothing") == []
    assert len(world.walk("ann", "all", filter="note=odd", limit=100)) == 3_000
    assert [row.id for row in world.walk("ann", "all", filter="title=t5999")] == ["d5999"]


@pytest.mark.parametrize("limit", [3, 7, 100])
def test_too_many_candidates_to_sort_are_tested_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    documents = fill(world)
    monkeypatch.setattr(pages, "FEW", 3)
    monkeypatch.setattr(pages, "LOOK_AT", 4)
    monkeypatch.setattr(pages, "BATCH_MOST", 5)
    expected = sorted(
        (each["title"], id)
        for id, each in documents.items()
        if each["stage"] in ("won", "Won") and each["readers"] in ([], ["ann"], ["sellers"])
    )
    rows = world.walk("ann", "all", filter="stage=won", sort="title", limit=limit)
    assert sorted((row.columns["title"], row.id) for row in rows) == expected
    assert [row.columns["title"] for row in rows] == [title for title, _ in expected]
