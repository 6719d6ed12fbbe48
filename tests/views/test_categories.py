"""Categories: levels, lists, counts and totals of what a person may read, paths, filters."""

from __future__ import annotations

from app.views import ViewQuery
from tests.views.conftest import World


def fill(world: World) -> None:
    world.put("a", title="a", stage="won", region="n", amount=1)
    world.put("b", title="b", stage="won", region="s", amount=2.5, readers=["ann"])
    world.put("c", title="c", stage="lost\\x", amount="4")
    world.put("d", title="d", stage="secret", region="n", amount=8, readers=["bob"])


def paths(world: World, person: str, **query: object) -> list[tuple[str, int, float]]:
    found = world.views.categories(world.open(person), "by_stage", ViewQuery(**query))  # type: ignore[arg-type]
    return [(row.category, row.count, row.totals["amount"]) for row in found]


def test_only_what_one_may_read_is_named_and_counted(world: World) -> None:
    fill(world)
    assert paths(world, "ann") == [("lost\\\\x", 1, 4), ("won", 2, 3.5)]
    assert paths(world, "bob") == [("lost\\\\x", 1, 4), ("secret", 1, 8), ("won", 1, 1)]
    assert paths(world, "ann", category="won") == [("won\\n", 1, 1), ("won\\s", 1, 2.5)]
    assert paths(world, "ann", expand=True) == [
        ("lost\\\\x", 1, 4),
        ("lost\\\\x\\(none)", 1, 4),
        ("won", 2, 3.5),
        ("won\\n", 1, 1),
        ("won\\s", 1, 2.5),
    ]


def test_remembered_counts_follow_every_change(world: World) -> None:
    fill(world)
    paths(world, "ann")
    world.put("a", title="a", stage="new", amount=1)
    assert paths(world, "ann") == [("lost\\\\x", 1, 4), ("new", 1, 1), ("won", 1, 2.5)]
    world.put("b", title="b", stage="won", amount=2.5, readers=["bob"])
    assert paths(world, "ann") == [("lost\\\\x", 1, 4), ("new", 1, 1)]
    world.delete("c")
    assert paths(world, "ann") == [("new", 1, 1)]
    world.put_many({f"n{n}": {"title": "x", "stage": "new", "amount": 1} for n in range(90)}, defer=False)
    assert paths(world, "ann") == [("new", 91, 91)]


def test_a_category_is_a_page(world: World) -> None:
    fill(world)
    assert world.ids("ann", "by_stage", category="won") == ["a", "b"]
    assert world.ids("ann", "by_stage", category="won\\s") == ["b"]
    assert world.ids("ann", "by_stage", category="lost\\\\x\\(none)") == ["c"]
    assert world.ids("ann", "by_stage", category="secret") == []
    assert world.ids("ann", "by_stage", category="won", sort="amount", descending=True) == ["b", "a"]
    assert [row.category for row in world.walk("ann", "by_stage")] == ["lost\\\\x\\(none)", "won\\n", "won\\s"]


def test_a_list_stands_under_each_entry(world: World) -> None:
    world.put("a", title="a", labels=["x", "y", "x"])
    world.put("b", title="b", labels=[])
    assert [row.id for row in world.walk("ann", "by_label", limit=1)] == ["b", "a", "a"]
    found = world.views.categories(world.open("ann"), "by_label")
    assert [(row.values, row.count) for row in found] == [((None,), 1), (("x",), 1), (("y",), 1)]
    assert world.ids("ann", "by_label", category="y") == ["a"]
    assert world.ids("ann", "by_label", category="(none)") == ["b"]


def test_counts_with_a_filter(world: World) -> None:
    fill(world)
    assert paths(world, "ann", filter="amount>2") == [("lost\\\\x", 1, 4), ("won", 1, 2.5)]
    total = world.views.total(world.open("ann"), "by_stage", ViewQuery(filter="stage=won"))
    assert total is not None
    assert (total.count, total.sums) == (2, {"amount": 3.5})


def test_totals_of_a_category(world: World) -> None:
    fill(world)
    total = world.views.total(world.open("ann"), "by_stage", ViewQuery(category="won"))
    assert total is not None
    assert (total.count, total.sums) == (2, {"amount": 3.5})
