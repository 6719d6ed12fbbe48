"""A document that its person may no longer read leaves no byte in the files of the laptop, also after a crash."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from app.access.mirroring import Joined, Pulled, Revoked
from app.node import Node
from app.store import erasing
from tests.conftest import QUICK
from tests.laptop import erasing_child
from tests.laptop.conftest import Pair

SECRET = "Zyxwolframsecret"
FILE = "Quillonattachment"


def traces(data: Path, *secrets: str) -> dict[str, list[str]]:
    """Which files still hold which secret."""
    found: dict[str, list[str]] = {}
    for path in sorted(data.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            hits = [
                each
                for each in secrets
                if each.encode() in content
                or each.lower().encode() in content
                or each.encode("utf-16-le") in content
                or each in path.name
            ]
            if hits:
                found[str(path.relative_to(data))] = hits
    return found


@pytest.fixture
def known(pair: Pair) -> str:
    """A customer that has been read, edited, marked, drafted, listed and exported to nobody, with an attachment."""
    hub = pair.at_hub("customers")
    items = {"form": "customer", "owner": "north", "class": "existing"}
    id: str = hub.create({**items, "name": f"{SECRET} Ltd", "remarks": f"about {SECRET}"}).id
    hub.put_attachment(id, f"{SECRET}.txt", BytesIO(FILE.encode() * 100), "text/plain")
    pair.pull()
    mirror = pair.laptop.databases.mirror("customers")
    for missing in mirror.missing_content():
        with pair.hub.store.blobs.open(missing.address) as content:
            mirror.content_arrived(missing.address, content)
    for n in range(3):
        pair.here("customers").change(id, {"remarks": f"{SECRET} " * (n + 1)})
        hub.change(id, {"fax": f"1234{n}", "remarks": f"{SECRET} there " * (n + 1)})
    mirror.settle([(each.n, None) for each in mirror.unsent()])
    pair.pull()
    here = pair.here("customers")
    pair.laptop.marks.read(here, [id])
    with pair.laptop.store.node.transaction() as connection:
        connection.execute(
            "INSERT INTO drafts (person, database, id, items, saved_at) VALUES ('north', 'customers', ?, ?, '')",
            (id, SECRET),
        )
        connection.execute(
            "INSERT INTO preferences (person, name, value) VALUES ('north', 'folds:customers/customers', ?)", (SECRET,)
        )
        connection.execute(
            "INSERT INTO jobs (id, kind, person, database, state, detail, started_at)"
            " VALUES ('j', 'update', 'north', 'customers', 'done', '{}', '')"
        )
        connection.execute("INSERT INTO job_rows (job, n, id, before) VALUES ('j', 1, ?, ?)", (id, SECRET))
    assert traces(pair.laptop.data, SECRET, FILE)
    return id


def test_nothing_is_left_when_it_is_reported_done(pair: Pair, known: str) -> None:
    pair.laptop.databases.mirror("customers").apply([Revoked(known)], "after")
    assert traces(pair.laptop.data, SECRET, FILE) == {}
    assert pair.laptop.store.check() == []
    assert pair.laptop.databases.mirror("customers").checkpoint() == "after"


def test_what_goes_from_the_laptop_is_no_deletion_for_other_devices(pair: Pair, known: str) -> None:
    pair.laptop.databases.mirror("customers").apply([Revoked(known)], "after")
    with pair.laptop.store.node.reading() as connection:
        assert connection.execute("SELECT kind, id FROM mine WHERE gone = 1").fetchall() == []
        assert connection.execute("SELECT count(*) FROM drafts").fetchone()[0] == 0


def test_nothing_is_left_while_the_node_serves_and_somebody_reads(pair: Pair, known: str) -> None:
    pair.laptop.serve()
    here = pair.here("customers")
    for _ in range(20):
        here.get(known)
    pair.laptop.databases.mirror("customers").apply([Revoked(known)], "after")
    assert traces(pair.laptop.data, SECRET, FILE) == {}


@pytest.mark.parametrize("stage", ["_erase_beside", "hook", "_remove_contents", "clear", "finish"])
def test_a_kill_in_the_middle_is_made_good_at_the_next_start(
    pair: Pair, known: str, laptop_data: Path, stage: str
) -> None:
    pair.laptop.close()
    child = subprocess.run(
        [sys.executable, erasing_child.__file__, str(laptop_data), known, stage], check=False, capture_output=True
    )
    assert child.returncode == -9, child.stderr.decode()
    with Node.open(laptop_data) as again:
        assert traces(laptop_data, SECRET, FILE) == {}
        assert again.databases.mirror("customers").checkpoint() == "after"
        assert again.store.check() == []
        with again.store.reading() as connection:
            assert connection.execute("SELECT count(*) FROM erasing").fetchone()[0] == 0


def test_a_kill_before_the_commit_leaves_everything_as_it_was(pair: Pair, known: str, laptop_data: Path) -> None:
    before = pair.laptop.databases.mirror("customers").checkpoint()

    def die() -> None:
        with pair.laptop.store.transaction():
            raw = pair.laptop.store.database("customers")
            erasing.purge(pair.laptop.store, "customers", raw.number, [known])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die()
    assert pair.here("customers").exists(known)
    assert pair.laptop.databases.mirror("customers").checkpoint() == before


def test_a_database_that_leaves_is_gone_with_everything(pair: Pair, known: str) -> None:
    told = pair.me()
    del told["databases"]["customers"]
    assert pair.laptop.laptop is not None
    pair.laptop.laptop.apply_me(told)
    assert traces(pair.laptop.data, SECRET, FILE) == {}
    assert pair.laptop.store.check() == []


def test_a_content_that_another_document_names_stays(pair: Pair, known: str) -> None:
    hub = pair.at_hub("customers")
    other = hub.create({"form": "customer", "owner": "north", "class": "existing", "name": "Other"}).id
    hub.put_attachment(other, "same.txt", BytesIO(FILE.encode() * 100), "text/plain")
    pair.pull()
    pair.laptop.databases.mirror("customers").apply([Revoked(known)], "after")
    _, content = pair.here("customers").attachment(other, "same.txt")
    with content:
        assert content.read() == FILE.encode() * 100
    assert set(traces(pair.laptop.data, SECRET, FILE).values().__iter__().__next__()) == {FILE}


@pytest.fixture
def plain(tmp_path: Path, joined: Joined) -> Iterator[Node]:
    with Node.join_local(tmp_path / "plain", joined) as node:
        node.secrets._hasher = QUICK
        assert node.laptop is not None
        rights: dict[str, Any] = {
            "level": "editor",
            "flags": ["create", "delete", "replicate_or_copy"],
            "roles": [],
            "principals": ["north", "*"],
            "reading": ["north", "*"],
        }
        node.laptop.apply_me({"person": dict(joined.person), "hub": "h", "databases": {"plain": rights}})
        yield node


@pytest.mark.parametrize("seed", range(4))
def test_pages_that_were_split_and_joined_hold_no_copy(plain: Node, seed: int) -> None:
    """Documents grow and shrink around the lost ones, so that their rows move from page to page."""
    chance = random.Random(seed)
    mirror = plain.databases.mirror("plain")
    ids = [f"{n:04d}" for n in chance.sample(range(10_000), 600)]
    lost = set(ids[::3])
    revs: dict[str, list[str]] = {id: [] for id in ids}
    for _ in range(4):
        rows: list[Pulled | Revoked] = []
        for id in chance.sample(ids, 400):
            revs[id].insert(0, f"{len(revs[id]) + 1}-{chance.getrandbits(60):x}")
            text = SECRET if id in lost else "plain text"
            body = {"text": f"{text} " * chance.choice((1, 20, 100, 1500)), "readers": ["north"], "authors": []}
            rows.append(Pulled(id, [(list(revs[id]), False, body, None)]))
        mirror.apply(rows, "t")
        plain.views.catch_up()
    assert traces(plain.data, SECRET)
    mirror.apply([Revoked(id) for id in ids if id in lost], "after")
    assert traces(plain.data, SECRET) == {}
    assert plain.store.check() == []
