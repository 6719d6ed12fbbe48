"""Random threads, readers and edits: each person's tree is the naive one, placeholders for what is not readable."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.design import Design
from app.views.collation import key
from tests.views.conftest import World

NAMES = [f"d{n}" for n in range(8)]
EDIT = st.tuples(
    st.sampled_from(NAMES),
    st.one_of(st.none(), st.sampled_from(NAMES)),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from([[], ["ann"], ["bob"]]),
    st.booleans(),
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(EDIT, max_size=20), st.booleans())
def test_trees_equal_the_naive_answer(design: Design, edits: list[Any], bulk: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "node", design)
        try:
            now = _write(world, edits, bulk)
            for person in ("ann", "bob"):
                rows = world.walk(person, "threads", limit=3)
                found = [("?" if row.restricted else row.id, row.level) for row in rows]
                assert found == _naive(world, now, person)
        finally:
            world.store.close()


def _write(world: World, edits: list[Any], bulk: bool) -> dict[str, dict[str, Any]]:
    now: dict[str, dict[str, Any]] = {}
    for id, parent, title, readers, gone in edits:
        if gone:
            if id in now:
                world.delete(id)
                del now[id]
            continue
        if parent is not None and _chained(now, parent, id):
            continue  # rings are not trees; see test_many_levels_and_rings_do_no_harm
        body = {"title": title, "readers": readers, "form": "deal" if parent is None else "reply", "parent": parent}
        body["created_at"] = f"2026-01-01T00:00:{ord(title) - 97:02}.000Z"
        fillers: dict[str, Any] = {f"f{n}": {"form": "other"} for n in range(101)} if bulk else {}
        world.put_many({**fillers, id: body}, defer=bulk)
        now[id] = body
    return now


def _chained(now: dict[str, dict[str, Any]], start: str, id: str) -> bool:
    seen: set[str] = set()
    while start not in seen:
        if start == id:
            return True
        seen.add(start)
        if start not in now or not now[start]["parent"]:
            return False
        start = now[start]["parent"]
    return True


def _naive(world: World, now: dict[str, dict[str, Any]], person: str) -> list[tuple[str, int]]:
    with world.store.reading() as connection:
        numbers = dict(connection.execute("SELECT id, doc FROM documents"))

    def readable(id: str) -> bool:
        return not now[id]["readers"] or person in now[id]["readers"]

    def below(id: str) -> list[str]:
        children = [each for each in now if now[each]["parent"] == id]
        return sorted(children, key=lambda each: (now[each]["created_at"], numbers[each]))

    def walk(id: str, level: int) -> list[tuple[str, int]]:
        inside = [row for child in below(id) for row in walk(child, level + 1)]
        if readable(id):
            return [(id, level), *inside]
        return [("?", level), *inside] if inside else []

    orphans = [id for id in now if now[id]["parent"] and now[id]["parent"] not in now]
    roots = [id for id in now if not now[id]["parent"]]
    tops = [((key(now[id]["title"]), numbers[id]), (id, 0)) for id in roots]
    tops += [((key(now[id]["title"]), 0, now[id]["created_at"], numbers[id]), (id, 1)) for id in orphans]
    found: list[tuple[str, int]] = []
    shown: set[str] = set()
    for _, (id, level) in sorted(tops, key=lambda top: top[0]):
        rows = walk(id, level)
        if level and rows:
            title = now[id]["title"]
            rows = ([] if title in shown else [("?", 0)]) + rows
            shown.add(title)
        found += rows
    return found
