"""Pages of a view: order, paging, filters, starts-with, what each person sees."""

from __future__ import annotations

import pytest

from app.errors import BadRequest, NotFound
from app.views import ViewQuery
from tests.views.conftest import World


def fill(world: World) -> None:
    for n, (title, stage, amount) in enumerate(
        [("张三", "won", 10), ("acme", "lost", 5.5), ("Zed", "won", "7"), ("北京", None, None), ("Beta", "new", 100)]
    ):
        world.put(f"d{n}", title=title, stage=stage, amount=amount, note=f"note {n}")


def test_rows_come_in_the_views_order(world: World) -> None:
    fill(world)
    assert world.ids("ann") == ["d1", "d4", "d3", "d2", "d0"]


def test_a_click_sorts_both_ways(world: World) -> None:
    fill(world)
    assert world.ids("ann", sort="amount") == ["d3", "d1", "d2", "d0", "d4"]
    assert world.ids("ann", sort="amount", descending=True) == ["d4", "d0", "d2", "d1", "d3"]
    with pytest.raises(BadRequest):
        world.ids("ann", sort="note")


def test_where_decides_who_is_listed(world: World) -> None:
    fill(world)
    assert world.ids("ann", "open") == ["d4", "d0", "d2", "d3"]
    world.put("d4", title="Beta", stage="lost", amount=100)
    assert world.ids("ann", "open") == ["d0", "d2", "d3"]


def test_starts_with(world: World) -> None:
    fill(world)
    assert world.ids("ann", starts="be") == ["d4", "d3"]
    assert world.ids("ann", starts="北") == ["d3"]
    assert world.ids("ann", starts="be", sort="title") == ["d4", "d3"]
    assert world.ids("ann", starts="wo", sort="stage") == ["d2", "d0"]
    assert world.ids("ann", "threads", starts="zhang") == ["d0"]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("stage=won", {"d0", "d2"}),
        ("stage=WON", {"d0", "d2"}),
        ("stage=won,lost", {"d0", "d1", "d2"}),
        ("stage=", {"d3"}),
        ("stage!=", {"d0", "d1", "d2", "d4"}),
        ("stage!=won", {"d1", "d3", "d4"}),
        ("amount>=10", {"d0", "d4"}),
        ("amount>7;amount<100", {"d0"}),
        ("amount<=7", {"d1", "d2"}),
        ("amount=7", {"d2"}),
        ("title~华", set()),
        ("title~三", {"d0"}),
        ("note~NOTE 4", {"d4"}),
        ("note=note 1", {"d1"}),
        ("title^z", {"d0", "d2"}),
        ("stage=won;amount>8", {"d0"}),
        ("stage=won;note~2", {"d2"}),
        ({"stage": "won", "amount": ">8"}, {"d0"}),
        ({"stage": ["won", "new"]}, {"d0", "d2", "d4"}),
        ('title="Zed"', {"d2"}),
    ],
)
def test_filters(world: World, filter: str, expected: set[str]) -> None:
    fill(world)
    assert set(world.ids("ann", filter=filter)) == expected
    assert set(world.ids("ann", sort="title", filter=filter)) == expected
    assert set(world.ids("ann", "by_stage", filter=filter)) == expected


@pytest.mark.parametrize("filter", ["stage", "=won", "stage=won;;x", "amount>=", "amount=abc", 'a="b', "secret=1"])
def test_malformed_filters_are_refused(world: World, filter: str) -> None:
    with pytest.raises(BadRequest):
        world.ids("ann", filter=filter)


def test_list_items_are_found_by_each_entry_and_listed_once(world: World) -> None:
    world.put("a", title="a", labels=["x", "y"])
    world.put("b", title="b", labels=["y"])
    assert world.ids("ann", filter="labels=x") == ["a"]
    assert world.ids("ann", filter="labels=x,y") == ["a", "b"]


def test_pages_follow_each_other_while_others_write(world: World) -> None:
    world.put_many({f"d{n:03}": {"title": f"t{n:03}"} for n in range(100)}, defer=False)
    first = world.views.page(world.open("ann"), "all", ViewQuery(limit=30))
    world.put("new", title="t000a")  # before the end of the page: not shown again
    world.delete("d029")  # the last row shown
    world.put("d030", title="t099a")  # moves to the end
    second = world.views.page(world.open("ann"), "all", ViewQuery(limit=30, after=first.next))
    assert [row.id for row in second.rows] == [f"d{n:03}" for n in range(31, 61)]
    assert [row.id for row in world.walk("ann", "all", limit=7)][-1] == "d030"


def test_tokens_are_opaque_and_bound_to_their_list(world: World) -> None:
    world.put_many({f"d{n}": {"title": f"secret{n}"} for n in range(9)}, defer=False)
    page = world.views.page(world.open("ann"), "all", ViewQuery(limit=3))
    assert page.more
    for query in (
        ViewQuery(after="nonsense"),
        ViewQuery(after="äö"),
        ViewQuery(after=page.next, sort="title"),
        ViewQuery(after=(page.next or "")[:-2] + "AA"),
    ):
        with pytest.raises(BadRequest):
            world.views.page(world.open("ann"), "all", query)


def test_each_sees_what_the_readers_say(world: World) -> None:
    world.put("open", title="a")
    world.put("sellers", title="b", readers=["sellers"])
    world.put("ann", title="c", readers=["ann"])
    assert world.ids("ann") == ["open", "sellers", "ann"]
    assert world.ids("bob") == ["open", "sellers"]
    assert world.ids("eve") == ["open"]
    world.put("ann", title="c", readers=["eve"])
    assert world.ids("ann") == ["open", "sellers"]
    assert world.ids("eve") == ["open", "ann"]


def test_a_view_may_be_shown_to_some_only(world: World) -> None:
    assert world.ids("ann", "hidden") == []
    with pytest.raises(NotFound):
        world.ids("bob", "hidden")
    assert "hidden" in [view.name for view in world.views.describe(world.open("ann"))]
    assert "hidden" not in [view.name for view in world.views.describe(world.open("bob"))]
    with pytest.raises(NotFound):
        world.ids("ann", "no such view")


def test_calendar_and_board(world: World) -> None:
    world.put("a", title="a", due="2026-03-05", stage="won", amount=1)
    world.put("b", title="b", due="2026-02-27", ends="2026-03-02", stage="won", amount=2)
    world.put("c", title="c", due="2026-04-01", stage="new", amount=4, readers=["bob"])
    world.put("d", title="d", due="2026-02-27")
    rows = world.views.calendar(world.open("ann"), "calendar", "2026-03-01", "2026-04-01")
    assert [row.id for row in rows] == ["b", "a"]
    board = world.views.board(world.open("ann"), "board")
    assert [(each.value, each.count, each.totals, [row.id for row in each.rows]) for each in board] == [
        (None, 1, {"amount": 0}, ["d"]),
        ("won", 2, {"amount": 3}, ["a", "b"]),
    ]
