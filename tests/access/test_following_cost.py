"""What the feed costs, counted in steps of SQLite's machine: it follows what there is to tell, not what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.access import SYSTEM
from app.access.following import Place
from app.access.replica import Replica
from app.store import Context, Edit, Store
from tests.access.conftest import World

COPY = ["replicate_or_copy", "create", "delete"]
EVERYBODY = {"-Default-": {"level": "editor", "flags": COPY}, "ada": {"type": "person", "level": "manager"}}
SECRET = 100  # documents that the group `sellers` reads
EVERY = 10  # instructions between two counts


def steps(store: Store, work: Callable[[], Any]) -> int:
    """Instructions of SQLite's machine that some reading took."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += EVERY
        return 0

    with store.reading() as connection:
        connection.set_progress_handler(count, EVERY)
        try:
            work()
        finally:
            connection.set_progress_handler(None, 0)
    return counted


def filled(world: World, name: str, many: int) -> None:
    """So many documents for everybody, and a few for `sellers`, spread among them."""
    world.make(name, EVERYBODY)
    raw, context = world.store.database(name), Context("system", "2026-11-22T08:00:00.000Z")
    every = many // SECRET
    edits = [Edit(f"d{n}", None, {"readers": ["sellers"] if n % every == 0 else []}) for n in range(many)]
    for start in range(0, many, 1000):
        raw.put_many(edits[start : start + 1000], context)


def told(replica: Replica, place: Place) -> int:
    """Rows until the end."""
    rows = 0
    while True:
        found = replica.follow(place, revocations=True, content=True)
        rows += len(found.rows)
        place = found.place
        if found.end:
            return rows


@pytest.fixture(params=[2_000, 20_000])
def sized(world: World, request: pytest.FixtureRequest) -> tuple[World, int]:
    many: int = request.param
    filled(world, "notes", many)
    return world, many


LIMITS = {"nothing": 300, "gained": 60 * SECRET, "lost": 60 * SECRET, "few new": 1_500}


@pytest.mark.parametrize("what", LIMITS)
def test_cost_follows_what_there_is_to_tell(sized: tuple[World, int], what: str) -> None:
    world, many = sized
    directory = world.directory
    if what == "gained":
        directory.change_group(SYSTEM, "sellers", remove=["ann"])
    replica = world.open("notes", "ann").replica
    place, _ = replica.place("now", revocations=True)
    if what == "gained":
        directory.change_group(SYSTEM, "sellers", add=["ann"])
    if what == "lost":
        directory.change_group(SYSTEM, "sellers", remove=["ann"])
    if what == "few new":
        for number in range(5):
            world.put("notes", f"new{number}")
    replica = world.open("notes", "ann").replica
    replica.follow(place, 1, revocations=True)  # what is remembered of sets is found once for many
    counted: list[int] = []
    cost = steps(world.store, lambda: counted.append(told(replica, place)))
    assert counted == [{"nothing": 0, "gained": SECRET, "lost": SECRET, "few new": 5}[what]]
    assert cost < LIMITS[what], f"{cost} steps with {many} documents"
