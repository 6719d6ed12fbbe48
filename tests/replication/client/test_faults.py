"""Rounds through a proxy that spoils what passes: whatever comes, nothing is lost, nothing twice, nothing half."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from io import BytesIO

import pytest

from app.access import Database
from app.node import Node
from replication.client import trying
from replication.client.faults import Unreachable
from tests.replication.client import faulty
from tests.replication.client.conftest import MakeLaptop, again, own, unsent
from tests.replication.client.faulty import Fault, Faulty

Opened = Callable[[str, str], Database]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are short here."""
    monkeypatch.setattr(trying, "FIRST", 0.01)


def filled(base: Database, many: int = 600) -> None:
    for number in range(many):
        base.create({"n": number, "text": "x" * 400}, id=f"n{number:04}")


EVERY = {
    "cut in the head of the body": faulty.cut(10),
    "cut in the middle": faulty.cut(9_000),
    "the answer twice": faulty.twice(),
    "slow": faulty.slow(0.001),
    "bad gateway": faulty.bad(502),
    "too short": faulty.short(20),
    "too long": faulty.long(20),
    "the answer lost": faulty.lost(),
    "the request lost": faulty.deaf(),
}


@pytest.mark.parametrize("fault", EVERY.values(), ids=EVERY.keys())
def test_every_third_request_spoilt_and_all_is_the_same_in_the_end(
    fault: Fault, laptop: MakeLaptop, proxy: Faulty, opened: Opened
) -> None:
    base = opened("notes", "south")
    filled(base)
    mine = laptop("north", url=proxy.url, run=False)
    content = hashlib.shake_128(b"y").digest(70_000)
    proxy.fault = lambda number, method, path: fault if number % 3 == 1 else None
    stubbornly(mine)
    for number in range(60):
        rev = own(mine).create({"mine": number}, id=f"m{number:02}").rev
        if number % 20 == 0:
            own(mine).put_attachment(f"m{number:02}", "f", BytesIO(content), "text/plain", rev)
    stubbornly(mine)
    proxy.fault = lambda number, method, path: None
    again(mine)
    assert unsent(mine) == 0
    assert mine.databases.mirror("notes").rejected() == []
    same(mine, base)
    _stub, file = base.attachment("m20", "f")
    with file:
        assert file.read() == content


def stubbornly(laptop: Node) -> None:
    """Rounds until one comes to its end: all tries of a call may be spoilt by chance, and a laptop begins anew."""
    for left in range(9, -1, -1):
        try:
            again(laptop)
            return
        except Unreachable:
            if not left:
                raise


def same(mine: object, base: Database) -> None:
    """Every document with every revision is the same on both sides."""
    here = own(mine)  # type: ignore[arg-type]
    ids = [revision.id for revision in base.replica.listing(None, None, 10_000, 0, descending=False)]
    assert [revision.id for revision in here.replica.listing(None, None, 10_000, 0, descending=False)] == ids
    assert ids
    for id in ids:
        assert here.get(id) == base.get(id)


@pytest.mark.parametrize("seed", range(3))
def test_random_faults(seed: int, laptop: MakeLaptop, proxy: Faulty, opened: Opened) -> None:
    chance = random.Random(seed)
    base = opened("notes", "south")
    filled(base, 300)
    mine = laptop("north", url=proxy.url, run=False)
    proxy.fault = lambda number, method, path: chance.choice([*EVERY.values(), *[None] * 12])
    for step in range(6):
        for number in range(20):
            own_id = f"s{step}-{number}"
            if "notes" in mine.store.names():
                own(mine).create({"n": number}, id=own_id)
            base.create({"n": number}, id=f"h{own_id}")
        try:
            again(mine)
        except Unreachable:
            continue
    proxy.fault = lambda number, method, path: None
    again(mine)
    assert unsent(mine) == 0
    same(mine, base)


def test_a_line_that_breaks_after_30_kb_still_moves(laptop: MakeLaptop, proxy: Faulty, opened: Opened) -> None:
    base = opened("notes", "south")
    filled(base)
    mine = laptop("north", url=proxy.url, run=False)
    proxy.fault = lambda number, method, path: faulty.cut(30_000) if "_pull" in path else None
    assert mine.replication is not None
    mine.replication.rounds._tries = 8
    again(mine)
    same(mine, base)


def test_a_large_attachment_goes_on_where_it_broke_off(laptop: MakeLaptop, proxy: Faulty, opened: Opened) -> None:
    content = hashlib.shake_128(b"z").digest(3_000_000)
    base = opened("notes", "south")
    rev = base.create({"n": 1}, id="d").rev
    base.put_attachment("d", "f", BytesIO(content), "text/plain", rev)
    mine = laptop("north", url=proxy.url, run=False)
    asked: list[int] = []

    def fault(number: int, method: str, path: str) -> Fault | None:
        if "_content" in path:
            asked.append(number)
            return faulty.cut(1_000_000)
        return None

    proxy.fault = fault
    again(mine)
    assert 3 <= len(asked) <= 4  # about a third each: no more than the last piece comes twice
    _stub, file = own(mine).attachment("d", "f")
    with file:
        assert file.read() == content


def test_what_is_not_the_hub_is_told_apart(laptop: MakeLaptop, proxy: Faulty, opened: Opened) -> None:
    mine = laptop("north", url=proxy.url)
    proxy.fault = lambda number, method, path: faulty.bad(200)
    with pytest.raises(Unreachable, match="not a Davenport hub"):
        again(mine)
