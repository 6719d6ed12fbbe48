"""Views through the door: pages for persons who see 100 %, 10 %, 1 %, 0.01 % of 10k … 1M documents, 7,000 reader sets.

`p100` is in every set, `p10` in sets with a tenth of the documents, and so on. A document's region goes with its set:
`c5` sees the sets of the last region only, so that everything this person sees stands together at the far end.
"""

from __future__ import annotations

import random
import shutil
import string
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from app.access import SYSTEM, Database, Identity, acl, open_access
from app.design import Design, load_folder
from app.store import Context, Edit, Store
from app.views import ViewQuery, Views
from bench import Row, percentile

SIZES = (10_000, 1_000_000)
SETS, REGIONS = 7_000, 20
PERSONS = {"p100": 1.0, "p10": 0.1, "p1": 0.01, "p001": 0.0001, "c5": 0.05}
CONTEXT = Context("system", "2026-11-22T08:00:00.000Z")
BATCH = 1_000
REPEATS = 40
STAGES = ("lead", "contacted", "offer", "won", "lost")
FORM = """
label: {en: Customer}
title: name
sections:
  - name: basics
    label: {en: Basics}
    items:
      - {name: code, type: text, label: {en: Code}}
      - {name: name, type: text, label: {en: Name}}
      - {name: stage, type: text, label: {en: Stage}}
      - {name: region, type: text, label: {en: Region}}
      - {name: amount, type: money, label: {en: Amount}}
      - {name: remark, type: text, label: {en: Remark}}
"""
COLUMNS = """
forms: [customer]
sort: [{by: name}]
columns:
  - {name: code}
  - {name: name, sortable: true}
  - {name: stage, sortable: true, indexed: true}
  - {name: region, sortable: true, indexed: true}
  - {name: amount, sortable: true, indexed: true, total: true}
"""
VIEWS = {"all": "label: {en: A}" + COLUMNS, "by_region": "label: {en: R}\ncategories: [region, stage]" + COLUMNS}
QUERIES: dict[str, tuple[str, ViewQuery]] = {
    "sorted": ("all", ViewQuery()),
    "sorted by click": ("all", ViewQuery(sort="amount", descending=True)),
    "categorised": ("by_region", ViewQuery()),
    "filtered": ("all", ViewQuery(filter="stage=won")),
    "sorted and filtered": ("all", ViewQuery(sort="amount", filter="stage=won")),
    "clustered": ("all", ViewQuery(sort="region")),
}


def run(scale: float) -> list[Row]:
    """Measure at each size, and how much the largest is slower than the smallest."""
    rows: list[Row] = []
    slowest: dict[int, dict[str, float]] = {}
    for size in SIZES:
        many = max(5_000, int(size * scale)) if size > SIZES[0] else size
        found, slowest[size] = _at(many)
        rows += found
    for name, figure in slowest[SIZES[-1]].items():
        rows.append(Row(f"{name}: largest to smallest", figure / max(slowest[SIZES[0]][name], 1e-9), "x", "≤ 2"))
    return rows


def _at(many: int) -> tuple[list[Row], dict[str, float]]:
    folder = Path(tempfile.mkdtemp(prefix="davenport-bench-"))
    try:
        bench = Bench(folder, many)
        rows = bench.fill() + bench.saves()
        pages = bench.pages()
        rows += [Row(f"{many:,}: {name}", figure, "ms", "p95 < 10") for name, figure in pages.items()]
        bench.store.close()
        return rows, {name: figure for name, figure in pages.items() if "p95" in name}
    finally:
        shutil.rmtree(folder)


class Bench:
    """One node of a size."""

    def __init__(self, folder: Path, many: int) -> None:
        self.many = many
        design = _design(folder / "design")
        self.store = Store.open(folder / "node", create=True)
        self.access = open_access(self.store)

        def designs(name: str) -> Design | None:
            return design if name == "customers" else None

        self.access.databases.designs = designs
        self.views = Views(self.store, designs)
        everybody = acl.make({"-Default-": {"level": "editor", "flags": ["create"]}})
        self.access.databases.create("directory", SYSTEM, everybody)
        with self.store.transaction():
            for key in PERSONS:
                self.access.directory.create_person(SYSTEM, name=key, key=key, email=f"{key}@example.org")
        self.access.databases.create("customers", SYSTEM, everybody)
        self.raw = self.store.database("customers")
        self.readers = _readers()

    def open(self, person: str) -> Database:
        """The database for a person."""
        found = self.access.directory.person(person)
        assert found is not None
        return self.access.databases.open("customers", Identity(found))

    def fill(self) -> list[Row]:
        """Bulk write, then catch up."""
        started, batch = time.perf_counter(), []
        for edit in self._edits():
            batch.append(edit)
            if len(batch) == BATCH:
                self.raw.put_many(batch, CONTEXT)
                batch = []
        if batch:
            self.raw.put_many(batch, CONTEXT)
        written = time.perf_counter() - started
        busy = time.process_time()
        holds = self._catch_up()
        busy = time.process_time() - busy
        seconds = time.perf_counter() - started - written
        self.store.documents.checkpoint()
        with self.store.reading() as connection:
            orders = connection.execute("SELECT count(*) FROM orders").fetchone()[0]
        name = f"{self.many:,}"
        return [
            Row(f"{name}: bulk write", self.many / written, "documents/s", "≥ 12,000"),
            Row(f"{name}: catch up, {orders} orders", self.many / seconds, "documents/s", "≥ 5,000"),
            Row(f"{name}: catch up 100k", 100_000 * seconds / self.many, "s", "< 20"),
            Row(f"{name}: catch up 100k, processor time", 100_000 * busy / self.many, "s"),
            Row(f"{name}: catch up, write lock held p95", percentile(holds, 0.95) * 1000, "ms", "≤ 50"),
            Row(f"{name}: catch up, write lock held longest", holds[-1] * 1000, "ms"),
            Row(f"{name}: documents.db", self.store.documents.size() / 1e6, "MB"),
        ]

    def _catch_up(self) -> list[float]:
        """Seconds each transaction held the write lock; somebody else copies the log, as in a node that serves."""
        holds: list[float] = []
        transaction = self.store.transaction

        @contextmanager
        def timed() -> Iterator[Any]:
            began = time.perf_counter()
            with transaction() as connection:
                outermost = not inside.locked()
                with inside if outermost else nullcontext():
                    began = time.perf_counter()
                    yield connection
            if outermost:
                holds.append(time.perf_counter() - began)

        inside = threading.Lock()
        self.store.transaction = timed  # type: ignore[method-assign]
        self.store.documents.leave_log(True)
        while self.views.index.step():
            if len(holds) % 200 == 0:
                self.store.documents.copy_log()
        self.store.documents.leave_log(False)
        self.store.transaction = transaction  # type: ignore[method-assign]
        return sorted(holds) or [0.0]

    def _edits(self) -> Iterator[Edit]:
        chance = random.Random(7)
        filler = "".join(chance.choices(string.ascii_letters + "     ", k=4000))
        for n in range(self.many):
            number = min(int(chance.paretovariate(0.6)) - 1, SETS - 1) if n % 3 else chance.randrange(SETS)
            yield Edit(f"{chance.getrandbits(128):032x}", None, self._body(chance, n, number, filler))

    def _body(self, chance: random.Random, n: int, number: int, filler: str) -> dict[str, Any]:
        start = chance.randrange(3000)
        return {
            "form": "customer",
            "code": f"C2026{n:07}",
            "name": "".join(chance.choices(NAMES, k=4)) + "有限公司" if n % 2 else f"{filler[start : start + 12]} Ltd",
            "stage": chance.choice(STAGES),
            "region": f"region {number % REGIONS:02}",
            "amount": round(chance.lognormvariate(9, 2), 2),
            "remark": filler[start : start + 560],
            "created_at": "2026-11-22T08:00:00.000Z",
            "readers": self.readers[number],
        }

    def saves(self) -> list[Row]:
        """Single saves with view rows: a new document, and a change of two columns."""
        chance, times = random.Random(9), []
        for n in range(120):
            items = self._body(chance, n, n, "x" * 4000)
            began = time.perf_counter()
            rev = self.raw.put(Edit(f"save{n}", None, items), CONTEXT)
            self.raw.put(Edit(f"save{n}", rev, {**items, "name": "Other", "stage": "won"}), CONTEXT)
            times.append((time.perf_counter() - began) / 2 * 1000)
        return [Row(f"{self.many:,}: one save with view rows p95", percentile(times, 0.95), "ms", "< 10")]

    def pages(self) -> dict[str, float]:
        """p50 and p95 of a first and a middle page of each view, for each person."""
        found: dict[str, float] = {}
        for person, share in PERSONS.items():
            database = self.open(person)
            for name, (view, query) in QUERIES.items():
                middle = self._middle(database, view, query)
                for place, asked in (("first", query), ("middle", middle)):
                    times = _times(lambda v=view, q=asked, d=database: self.views.page(d, v, q))  # type: ignore[misc]
                    label = f"{person} ({share:.2%}) {name}, {place} page"
                    found[f"{label} p50"] = percentile(times, 0.5)
                    found[f"{label} p95"] = percentile(times, 0.95)
            cold = time.perf_counter()
            self.views.categories(database, "by_region", ViewQuery(expand=True))
            found[f"{person} ({share:.2%}) categories, first time"] = (time.perf_counter() - cold) * 1000
            times = _times(
                lambda d=database: self.views.categories(d, "by_region", ViewQuery(expand=True))  # type: ignore[misc]
            )
            found[f"{person} ({share:.2%}) categories p95"] = percentile(times, 0.95)
        return found

    def _middle(self, database: Database, view: str, query: ViewQuery) -> ViewQuery:
        """A page some way in: by token, after up to 20 pages."""
        after = None
        for _ in range(20):
            page = self.views.page(database, view, ViewQuery(**{**query.__dict__, "limit": 200, "after": after}))
            if page.next is None:
                break
            after = page.next
        return ViewQuery(**{**query.__dict__, "after": after})


NAMES = "华纳科技上海北京重庆贸易实业发展张王李赵长江明日新世界电子股份"


def _times(call: Callable[[], object]) -> list[float]:
    times = []
    call()
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1000)
    return times


def _readers() -> list[list[str]]:
    """The readers of each set; persons are in sets with about their share of the documents."""
    chance = random.Random(3)
    found = [[f"g{number}", "p100"] for number in range(SETS)]
    for number in range(SETS):
        if number >= 20:  # the first sets hold many documents each
            for key, share in (("p10", 0.2), ("p1", 0.022)):
                if chance.random() < share:
                    found[number].append(key)
        if number % REGIONS == REGIONS - 1 and number > 20:
            found[number].append("c5")
    found[SETS - 7].append("p001")
    found[SETS - 17].append("p001")
    return found


def _design(folder: Path) -> Design:
    folder = folder / "customers"
    for name, text in [("forms/customer", FORM)] + [(f"views/{name}", text) for name, text in VIEWS.items()]:
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "database.yaml").write_text("title: {en: Customers}\n", encoding="utf-8")
    return load_folder(folder)
