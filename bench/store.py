"""The store alone: durable bulk writes with the access index, single saves, reader sets, the feed, memory.

Documents of 1 KB; 7,000 reader sets of skewed size. `p100` is in every set, `p10` in every tenth, and so on.
"""

from __future__ import annotations

import itertools
import random
import resource
import shutil
import string
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from app.store import Context, Edit, RawDatabase, Store, Visible
from bench import Row, percentile

DOCUMENTS = 1_000_000
SETS = 7_000
BATCH = 1_000
SECONDS = 120.0  # the bulk write ends then at the latest
CONTEXT = Context("north", "2026-11-22T08:00:00.000Z")


def run(scale: float) -> list[Row]:
    """Measure on a share of the full amount."""
    folder = Path(tempfile.mkdtemp(prefix="davenport-bench-"))
    try:
        store = Store.open(folder, create=True)
        database = store.create("customers")
        rows = [
            *bulk(store, database, int(DOCUMENTS * scale)),
            *saves(database),
            *reader_sets(store, database),
            *feed(store, database),
            Row("memory at the end", memory(), "MB", "< 250"),
        ]
        store.close()
        return rows
    finally:
        shutil.rmtree(folder)


def documents(many: int, seed: int = 7) -> Iterator[Edit]:
    """Documents as a trading company has them, about 1 KB each as JSON."""
    chance = random.Random(seed)
    filler = "".join(chance.choices(string.ascii_letters + "     ", k=4000))
    for n in range(many):
        number = min(int(chance.paretovariate(0.6)) - 1, SETS - 1) if n % 3 else chance.randrange(SETS)
        start = chance.randrange(3000)
        yield Edit(f"{chance.getrandbits(128):032x}", None, body(n, number, filler[start : start + 560]))


def body(n: int, number: int, remark: str) -> dict[str, Any]:
    """One customer. Set `number` admits `p100`, and `p10`, `p1`, `p0` where the number divides."""
    levels = ((1, "p100"), (10, "p10"), (100, "p1"), (3500, "p0"))
    return {
        "form": "customer",
        "code": f"C2026{n:07}",
        "name": f"纳华科技{n % 9973}有限公司",
        "name_en": f"Nahua {n % 7919} Trading Co., Ltd.",
        "phone": f"138{n % 100_000_000:08}",
        "city": ("上海", "北京", "深圳", "杭州", "成都")[n % 5],
        "level": "ABC"[n % 3],
        "turnover": n % 100_000 * 10,
        "tags": ["vip", "export"][: n % 3],
        "remark": remark,
        "created_at": "2026-11-22T08:00:00.000Z",
        "created_by": "north",
        "readers": [f"set{number}", *(name for every, name in levels if (number + 1) % every == 0)],
        "authors": ["north"],
    }


def bulk(store: Store, database: RawDatabase, many: int) -> list[Row]:
    """New documents in batches, each batch one durable transaction."""
    rates: list[float] = []
    edits, began = documents(many), time.monotonic()
    while time.monotonic() - began < SECONDS:
        batch = list(itertools.islice(edits, BATCH))
        if not batch:
            break
        rates.append(len(batch) / timed(lambda made: database.put_many(made, CONTEXT), batch))
    written = database.info().documents
    tenth = max(1, len(rates) // 10)
    return [
        Row("bulk write, batches of 1,000", harmonic(rates), "documents/s", "≥ 12,000"),
        Row("… the last tenth of them", harmonic(rates[-tenth:]), "documents/s"),
        Row("documents", written, ""),
        Row("file", store.documents.size() / written, "bytes/document"),
        Row("memory after the bulk write", memory(), "MB", "< 250"),
    ]


def saves(database: RawDatabase) -> list[Row]:
    """One document edited and committed, history included."""
    ids = [change.id for change in database.changes(limit=300)]
    times = []
    for document in ids:
        found = database.get(document)
        edit = Edit(document, found.rev, {**found.body, "level": "D"})
        times.append(timed(lambda made: database.put(made, CONTEXT), edit))
    reads = [timed(database.get, document) for document in ids]
    return [
        Row("one save, median", median(times) * 1e3, "ms"),
        Row("one save, p95", percentile(times, 0.95) * 1e3, "ms", "< 10 with views"),
        Row("one read, median", median(reads) * 1e6, "µs"),
    ]


def reader_sets(store: Store, database: RawDatabase) -> list[Row]:
    """The visible sets of a person in ten principals who sees a tenth of them."""
    principals = frozenset({"*", "p10", *(f"unit:{n}" for n in range(8))})

    def visible(_: object = None) -> object:
        return store.sets.visible(database.number, principals)

    first = timed(visible, None)
    cached = [timed(visible, None) for _ in range(200)]
    after = []
    for n in range(20):
        database.put(Edit(f"new{n}", None, {"readers": [f"new{n}"]}), CONTEXT)
        after.append(timed(visible, None))
    return [
        Row("visible sets, first time", first * 1e3, "ms"),
        Row("visible sets, remembered", median(cached) * 1e3, "ms", "< 1"),
        Row("visible sets, after a new set", median(after) * 1e3, "ms", "< 1"),
    ]


def feed(store: Store, database: RawDatabase) -> list[Row]:
    """A page of 100 changes from the beginning and from the middle, by the share a person sees."""
    rows = []
    middle = database.info().update_seq // 2
    for name in ("p100", "p10", "p1", "p0"):
        visible = store.sets.visible(database.number, frozenset({"*", name}))

        def page(since: int, seen: Visible = visible) -> object:
            return database.changes(since, 100, visible=seen)

        times = [timed(page, since) for since in [0, middle] * 20]
        share = 100 * store.sets.count(database.number, visible) / max(database.info().documents, 1)
        rows.append(Row(f"100 changes, sees {share:.3g} %, p95", percentile(times, 0.95) * 1e3, "ms"))
    return rows


def timed(call: Callable[[Any], object], argument: object) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    call(argument)
    return time.perf_counter() - began


def harmonic(rates: list[float]) -> float:
    """The overall rate of equal batches."""
    return len(rates) / sum(1 / rate for rate in rates)


def memory() -> float:
    """Resident megabytes of this process now (its peak where the system does not tell)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
