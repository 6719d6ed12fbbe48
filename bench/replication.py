"""A laptop's sync with its hub over loopback, each in a process of its own; beside it PouchDB with pouchdb-server.

Documents of about 1 KB. A first sync is durable at its end: everything is committed, with the checkpoint. PouchDB 9
pulls into LevelDB from pouchdb-server 4.2 (both from npm, see bench/pouch); without node that part is left out.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from app.access import SYSTEM
from app.access.acl import make
from app.node import Node
from app.store import Context, Edit
from app.web.joining import join
from bench import Row
from bench.pages import served
from bench.store import body, documents

DOCUMENTS = 100_000
PUSHED = 20_000
FEW = 1_000
PASSWORD = "orange-lamp-7"
POUCH = Path(__file__).parent / "pouch"
FULL = ["create", "delete", "replicate_or_copy"]
CONTEXT = Context("north", "2026-11-22T08:00:00.000Z")


def run(scale: float) -> list[Row]:
    """Measure on a share of the full amount."""
    many, pushed = int(DOCUMENTS * scale), int(PUSHED * scale)
    with temporary() as folder:
        make_hub(folder / "hub", many)
        with served(folder / "hub") as (url, _, _):
            rows = [*laptop_of_all(url, folder, many, pushed), *laptop_of_few(url, folder)]
        rows += pouch(folder, many, pushed)
    return rows


def make_hub(data: Path, many: int) -> None:
    """A hub whose database `notes` has `many` documents: all for `north`, a thousand of them for `south` too."""
    with Node.create(data, admin="admin", password=PASSWORD) as node:
        for key in ("north", "south"):
            node.directory.create_person(SYSTEM, name=key.capitalize(), key=key, sign_in=key)
            node.secrets.set_password(key, PASSWORD)
        node.directory.create_group(SYSTEM, "few", members=["south"])
        node.databases.create("notes", SYSTEM, make({"-Default-": {"level": "editor", "flags": FULL}}))
        raw = node.store.database("notes")
        made = (
            edit._replace(body=edit.body | {"readers": ["north", *(["south"] if n % max(many // FEW, 1) == 0 else [])]})
            for n, edit in enumerate(documents(many))
        )
        while batch := list(itertools.islice(made, 1_000)):
            raw.put_many(batch, CONTEXT)


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """A folder that goes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="davenport-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def round_of(node: Node) -> tuple[float, float]:
    """Seconds of a full round, and this process's share of processor time in it."""
    assert node.replication is not None
    began, used = time.perf_counter(), time.process_time()
    node.replication.run()
    return time.perf_counter() - began, time.process_time() - used


def laptop_of_all(url: str, folder: Path, many: int, pushed: int) -> list[Row]:
    """First sync of everything, nothing to do, a push of new documents."""
    with join(url, folder / "north", "north", PASSWORD, databases=["notes"]) as node:
        first, used = round_of(node)
        raw = node.store.database("notes")
        assert raw.info().documents >= many
        nothing = [round_of(node)[0] for _ in range(20)]
        for start in range(0, pushed, 1_000):
            raw.put_many([new(n) for n in range(start, min(start + 1_000, pushed))], CONTEXT)
        push, _ = round_of(node)
        assert node.databases.mirror("notes").count_unsent() == 0
    return [
        Row(f"first sync of {many:,} × 1 KB", many / first, "documents/s", "≥ 20,000"),
        Row("… processor time on the laptop", 1e6 * used / many, "µs/document"),
        Row("nothing to do, median", median(nothing) * 1e3, "ms", "< 30"),
        Row(f"push of {pushed:,} new documents", pushed / push, "documents/s", "≥ 3 × PouchDB"),
    ]


def new(n: int) -> Edit:
    """A document made on the laptop."""
    return Edit(f"new{n:08}", None, body(n, 0, "r" * 560) | {"readers": ["north"]})


def laptop_of_few(url: str, folder: Path) -> list[Row]:
    """Who sees a thousand of all documents."""
    with join(url, folder / "south", "south", PASSWORD, databases=["notes"]) as node:
        first, _ = round_of(node)
        found = node.store.database("notes").info().documents
    return [Row(f"first sync of {found:,} readable among all", first, "s", "< 0.5")]


def pouch(folder: Path, many: int, pushed: int) -> list[Row]:
    """The same with PouchDB and pouchdb-server; nothing where they are not installed."""
    if shutil.which("node") is None or not (POUCH / "node_modules").is_dir():
        return [Row("PouchDB is not installed (npm ci in bench/pouch)", 0, "")]
    asked = {"folder": str(folder / "pouch"), "documents": many, "pushed": pushed}
    done = subprocess.run(
        ["node", "measure.mjs", json.dumps(asked)], cwd=POUCH, capture_output=True, text=True, timeout=1_200
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return [
        Row("PouchDB 9 from pouchdb-server 4.2: first sync", many / told["pull"], "documents/s"),
        Row("PouchDB 9: push of new documents", pushed / told["push"], "documents/s"),
        Row("PouchDB 9: nothing to do", told["nothing"] * 1e3, "ms"),
    ]
