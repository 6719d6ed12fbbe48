"""The index follows the documents: saves at once, bulk soon, designs in the background, access always."""

from __future__ import annotations

from pathlib import Path

from app.views import ViewQuery
from tests.views.conftest import VIEWS, World, make_design


def rows_left(world: World) -> dict[str, int]:
    tables = ("entries", "doc_entries", "totals", "pending", "responses")
    with world.store.reading() as connection:
        return {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}


def test_nothing_is_left_when_documents_are_gone(world: World) -> None:
    world.put("a", title="a", labels=["x", "y"], amount=3)
    world.put("r", form="reply", parent="a", title="r")
    world.delete("a")
    world.delete("r")
    assert rows_left(world) == dict.fromkeys(rows_left(world), 0)


def test_a_page_right_after_a_bulk_write_is_right(world: World) -> None:
    world.put_many({f"d{n:03}": {"title": f"t{n:03}"} for n in range(400)})
    assert world.views.pending(world.open("ann")) == 400
    page = world.views.page(world.open("ann"), "all")
    assert [row.id for row in page.rows] == [f"d{n:03}" for n in range(50)]
    assert page.indexing == 0


def test_a_large_bulk_write_is_said_and_caught_up(world: World) -> None:
    world.put_many({f"d{n:04}": {"title": f"t{n:04}"} for n in range(1500)})
    page = world.views.page(world.open("ann"), "all")
    assert page.indexing == 1500
    world.put("own", title="a")
    assert world.ids("ann") == ["own"]
    assert world.views.catch_up() >= 1500
    assert len(world.walk("ann", "all", limit=200)) == 1501
    assert world.views.page(world.open("ann"), "all").indexing == 0


def test_access_changes_at_once_even_when_columns_wait(world: World) -> None:
    documents = {f"d{n:04}": {"title": f"t{n:04}", "amount": 1} for n in range(700)}
    world.put_many(documents, defer=False)
    assert world.views.total(world.open("eve"), "all").count == 700
    world.put_many({id: {**each, "readers": ["ann"]} for id, each in documents.items()})
    assert world.views.pending(world.open("ann")) == 700
    assert world.ids("eve") == []
    assert world.views.total(world.open("eve"), "all").count == 0
    assert len(world.ids("ann")) == 50


def test_rows_that_wait_are_not_shown_at_their_old_place(world: World) -> None:
    documents = {f"d{n:04}": {"title": f"t{n:04}", "stage": "won"} for n in range(700)}
    world.put_many(documents, defer=False)
    world.put_many({id: {**each, "stage": "lost"} for id, each in documents.items()})
    assert world.ids("ann", filter="stage=won") == []
    world.views.catch_up()
    assert len(world.ids("ann", filter="stage=lost")) == 50


def test_a_changed_design_builds_what_is_new_and_drops_what_is_not_used(world: World, tmp_path: Path) -> None:
    world.put_many({f"d{n:03}": {"title": f"t{n:03}", "stage": "won"} for n in range(300)}, defer=False)
    before = rows_left(world)["entries"]
    other = VIEWS["all"].replace("sort: [{by: title}]", "sort: [{by: note}]")
    world.design = make_design(tmp_path, {"all": other})
    page = world.views.page(world.open("ann"), "all")
    assert page.indexing >= 300
    world.put("z", title="z", note="a", stage="new")
    assert world.ids("ann") == ["z"]
    world.views.catch_up()
    assert world.ids("ann", limit=2, descending=True) == ["z", "d299"]
    assert world.views.page(world.open("ann"), "all").indexing == 0
    with world.store.reading() as connection:
        assert connection.execute("SELECT count(*) FROM orders WHERE ready < 1").fetchone()[0] == 0
    assert rows_left(world)["entries"] < before


def test_rebuild_gives_the_same_pages(world: World) -> None:
    world.put_many({f"d{n:03}": {"title": f"t{n:03}", "stage": "won"} for n in range(120)}, defer=False)
    before = world.ids("ann", "by_stage")
    world.views.rebuild(world.open("ann"))
    world.views.catch_up()
    assert world.ids("ann", "by_stage") == before
    assert world.views.total(world.open("ann"), "all").count == 120


def test_a_database_without_design_has_no_index(world: World) -> None:
    world.design = None
    world.put_many({f"d{n:03}": {"title": "x"} for n in range(150)})
    assert rows_left(world) == dict.fromkeys(rows_left(world), 0)


def test_a_design_that_comes_later_lists_what_was_there(world: World) -> None:
    design, world.design = world.design, None
    world.put_many({f"d{n:03}": {"title": f"t{n:03}"} for n in range(150)})
    world.design = design
    world.views.catch_up()
    world.views.page(world.open("ann"), "all")
    world.views.catch_up()
    assert len(world.walk("ann", "all")) == 150


def test_a_save_that_fails_leaves_no_rows(world: World) -> None:
    before = rows_left(world)
    try:
        with world.store.transaction():
            world.put("a", title="a")
            raise RuntimeError
    except RuntimeError:
        pass
    assert rows_left(world) == before
    assert world.views.page(world.open("ann"), "all", ViewQuery()).rows == []
