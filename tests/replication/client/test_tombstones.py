"""Deletions of long ago are purged, and a laptop that was away brings nothing back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.access import Database
from app.errors import NotFound
from app.node import Node
from app.store import upkeep
from tests.replication.client.conftest import MakeLaptop, again, own, unsent

Opened = Callable[[str, str], Database]
LONG_AGO = "2026-01-01T00:00:00.000Z"


def age(node: Node) -> None:
    """As if everything had been long ago."""
    with node.store.transaction() as connection:
        connection.execute("UPDATE access_log SET at = ?", (LONG_AGO,))
        connection.execute("UPDATE bodies SET at = ?", (LONG_AGO,))


@pytest.fixture
def away(laptop: MakeLaptop, opened: Opened) -> Node:
    """A laptop that holds `a` and `b`."""
    for id in "ab":
        opened("notes", "south").create({"n": 1}, id=id)
    return laptop("north")


def test_the_hub_purges_after_its_time_and_not_before(node: Node, away: Node, opened: Opened) -> None:
    hub = opened("notes", "south")
    hub.delete("a", hub.get("a")["_rev"])
    assert upkeep.tidy(node.store) == 0
    age(node)
    assert upkeep.tidy(node.store) == 1
    assert node.store.check() == []
    again(away)
    with pytest.raises(NotFound):
        own(away).get("a")
    assert own(away).get("b")["n"] == 1


def test_comparing_brings_nothing_back_that_was_purged(node: Node, away: Node, opened: Opened) -> None:
    hub = opened("notes", "south")
    own(away).change("a", {"n": 2}, own(away).get("a")["_rev"])
    again(away)
    rev = hub.get("a")["_rev"]
    hub.delete("a", rev)
    age(node)
    upkeep.tidy(node.store)
    raw = node.store.database("notes")
    with pytest.raises(NotFound):
        raw.get("a")
    again(away, recompare=True)
    with pytest.raises(NotFound):
        raw.get("a")
    with pytest.raises(NotFound):
        own(away).get("a")


def test_a_laptop_whose_token_is_too_old_compares_anew(node: Node, away: Node, opened: Opened) -> None:
    hub = opened("notes", "south")
    hub.delete("a", hub.get("a")["_rev"])
    age(node)
    upkeep.tidy(node.store)
    with node.store.transaction() as connection:  # what told of the purge has gone, too
        connection.execute("UPDATE purged SET seq = 0")
    with node.store.node.transaction() as connection:
        connection.execute("DELETE FROM epochs")
    hub.create({"n": 3}, id="c")
    again(away)
    with pytest.raises(NotFound):
        own(away).get("a")
    assert {own(away).get(id)["n"] for id in "bc"} == {1, 3}
    with pytest.raises(NotFound):
        node.store.database("notes").get("a")


def test_a_laptop_keeps_a_deletion_that_waits(node: Node, away: Node, opened: Opened) -> None:
    own(away).delete("a", own(away).get("a")["_rev"])
    age(away)
    assert upkeep.tidy(away.store) == 0
    assert unsent(away) == 1
    again(away)
    with pytest.raises(NotFound):
        opened("notes", "south").get("a")
    age(away)
    assert upkeep.tidy(away.store) == 1
    assert away.store.check() == []
