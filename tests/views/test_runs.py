"""A run indexes a large backlog: whatever is written, or killed, in the middle of it, the index is right in the end."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.design import Design
from app.views import index, runs
from app.views.entries import Difference
from app.views.keys import Held
from tests.views.conftest import VIEWS, World, make_design

MANY = 120
FLAT = {name: text for name, text in VIEWS.items() if "threads" not in name}


@pytest.fixture(autouse=True)
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "LEAST", 60)
    monkeypatch.setattr(runs, "TOGETHER", 25)
    monkeypatch.setattr(runs, "PART", 10)
    monkeypatch.setattr(index, "AT_ONCE", 10)


def backlog(world: World) -> None:
    world.put_many(
        {
            f"d{n:03}": {
                "title": f"t{n % 9}",
                "stage": ("won", "lost", None)[n % 3],
                "region": f"r{n % 4}",
                "amount": n,
                "labels": ["x", "y"][: n % 3],
                "readers": [[], ["ann"], ["sellers"]][n % 3],
            }
            for n in range(MANY)
        }
    )


def assert_right(world: World) -> None:
    """The tables hold exactly what the documents' bodies give."""
    with world.store.reading() as connection:
        state = world.views.index.state(connection, world.raw.number)
        difference = Difference(state.counted)
        for doc, access, body in connection.execute("SELECT doc, access, body FROM documents WHERE deleted = 0"):
            items = orjson.loads(body)
            if not items.get("parent"):
                held = Held(access, state.maker.make(items, doc, None))
                difference.add(doc, Held(0, {}), held)
        wanted = sorted(difference.added)
        columns = "ord, key, doc, n, access"
        for table in ("entries", "entries_of_access"):
            assert sorted(connection.execute(f"SELECT {columns} FROM {table}")) == wanted
        totals = {
            tuple(place): [count, *map(float, orjson.loads(sums or "[]"))]
            for *place, count, sums in connection.execute(
                "SELECT ord, access, level, category, count, sums FROM totals"
            )
        }
        assert totals == {place: [amounts[0], *map(float, amounts[1:])] for place, amounts in difference.totals.items()}
        assert connection.execute("SELECT count(*) FROM pending").fetchone()[0] == 0
        assert connection.execute("SELECT count(*) FROM placing").fetchone()[0] == 0


def killed(world: World) -> None:
    """What a kill leaves: the run is gone, its rows are there."""
    index = world.views.index
    if index._run is not None:
        index._run.close()  # type: ignore[attr-defined]
        index._run = None
    index._left.clear()


def test_a_backlog_is_indexed_by_a_run(world: World) -> None:
    backlog(world)
    world.views.index.step()
    assert world.views.index._run is not None
    world.views.catch_up()
    assert_right(world)
    assert not list(world.store.documents.path.parent.glob("index.tmp"))


def test_documents_of_a_run_wait_until_it_is_over(world: World) -> None:
    backlog(world)
    while world.views.index.step():
        waiting = world.views.pending(world.open("ann"))
        assert waiting or world.views.index._run is None or not _placing(world)
    assert world.views.pending(world.open("ann")) == 0


def _placing(world: World) -> int:
    with world.store.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM placing").fetchone()[0])


def test_responses_follow_after_a_run(world: World) -> None:
    world.put_many({f"r{n:03}": {"form": "reply", "parent": f"d{n:03}", "title": f"r{n}"} for n in range(MANY)})
    backlog(world)
    world.views.catch_up()
    rows = world.walk("ann", "threads", limit=200)
    assert [row.level for row in rows] == [0, 1] * MANY
    assert all(reply.id == f"r{main.id[1:]}" for main, reply in zip(rows[::2], rows[1::2], strict=True))


def test_a_second_process_waits_for_the_run(world: World) -> None:
    backlog(world)
    world.views.index.step()
    with world.store.reading() as connection:
        state = world.views.index.state(connection, world.raw.number)
    assert runs.Run.begin(world.store, world.raw.number, False, lambda _: state) is None


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from(["put", "delete", "readers", "bulk", "bulk readers", "kill", "design", "page"]),
        st.integers(0, MANY - 1),
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> tuple[Design, Design]:
    more = {**FLAT, "more": "label: {en: M}\nforms: [deal]\ncategories: [region]\nsort: [{by: note}]\n" + _COLUMNS}
    return make_design(tmp_path_factory.mktemp("flat"), FLAT), make_design(tmp_path_factory.mktemp("more"), more)


_COLUMNS = "columns:\n  - {name: title, indexed: true}\n  - {name: amount, total: true}\n"


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=EVENTS, building=st.booleans())
def test_whatever_happens_in_the_middle_of_a_run(
    flat: tuple[Design, Design], events: list[tuple[int, str, int]], building: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "node", flat[0])
        try:
            backlog(world)
            if building:
                world.views.catch_up()
                world.design = flat[1]
                world.views.index.current(world.raw.number)
            for steps, event, which in events:
                for _ in range(steps):
                    world.views.index.step()
                _happens(world, event, f"d{which:03}", flat)
            world.views.catch_up()
            assert_right(world)
        finally:
            world.store.close()


def _happens(world: World, event: str, id: str, flat: tuple[Design, Design]) -> None:
    fillers: dict[str, Any] = {f"f{n}": {"form": "other", "n": len(event)} for n in range(101)}
    alive = id in world.raw.get_many([id])
    if event == "put":
        world.put(id, title="z", stage="new", amount=7, readers=["eve"])
    elif event == "delete" and alive:
        world.delete(id)
    elif event == "readers" and alive:
        body = {name: value for name, value in world.raw.get(id).body.items() if name != "form"}
        world.put(id, **{**body, "readers": ["bob"]})
    elif event == "bulk":
        world.put_many({**fillers, id: {"title": "b", "stage": "lost", "amount": 5}})
    elif event == "bulk readers" and alive:
        body = {name: value for name, value in world.raw.get(id).body.items() if name != "form"}
        world.put_many({**fillers, id: {**body, "readers": ["bob", "eve"]}})
    elif event == "kill":
        killed(world)
    elif event == "design":
        world.design = flat[1]
        world.views.index.current(world.raw.number)
    elif event == "page":
        world.ids("ann")
