"""Import end to end, and saves by a person: an xlsx of customers → documents; the door with forms and view rows.

The import is what the page and the command line do: a plan is proposed for the sheet, a job reads, converts, compares,
validates, numbers and writes. Saves go through `Database` on a node with 100,000 generated documents.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import xlsxwriter

from app.access import Database, Identity
from app.demo import bulk, generate
from app.node import Node
from app.transfer import plans
from app.transfer.importing import keep_source
from app.transfer.readers import open_table
from bench import Row, percentile

CUSTOMERS = 20_000
DOCUMENTS = 100_000
SAVES = 300
COLUMNS = (
    "name", "short_name", "class", "industry", "country", "region", "province", "address", "postcode", "phone",
    "mobile", "email", "website", "ownership", "legal_representative", "business_scope", "size", "importance",
    "status", "grade", "credit", "source", "next_contact",
)  # fmt: skip


def run(scale: float) -> list[Row]:
    """Measure on a share of the full amount."""
    folder = Path(tempfile.mkdtemp(prefix="davenport-bench-"))
    try:
        with Node.create(folder / "fresh", admin="admin", password="demo") as node:
            rows = imported(node, folder, max(500, int(CUSTOMERS * scale)))
        with Node.create(folder / "full", admin="admin", password="demo") as node:
            rows += saved(node, max(2_000, int(DOCUMENTS * scale)))
        return rows
    finally:
        shutil.rmtree(folder)


def customers(seed: int) -> Iterator[dict[str, Any]]:
    """Made-up customers as somebody types them: without what the program gives."""
    made = (document.body for document in bulk.documents(seed, 10**9) if document.kind == "customer")
    return ({name: body[name] for name in COLUMNS if name in body} for body in made)


def imported(node: Node, folder: Path, many: int) -> list[Row]:
    """An import and the catching up of views behind it; also the same rows through the door alone."""
    database = opened(node)
    path = sheet(folder / "customers.xlsx", database, islice(customers(3), many))
    job, took = measured(lambda: node.jobs.run_here(prepared(node, database, path)))
    counts = job.detail["counts"]
    if job.state != "done" or counts.get("error"):
        raise RuntimeError(f"the import is {job.state}: {job.detail}")
    _, behind = measured(lambda: catch_up(node))
    again = [{"form": "customer", **items} for items in islice(customers(4), many // 2)]
    answers, direct = measured(lambda: database.create_many(again))
    if not all(hasattr(answer, "rev") for answer in answers):
        raise RuntimeError("a row was refused")
    return [
        Row(f"import of {many:,} customers from xlsx", many / took[0], "rows/s", "≥ 2,000"),
        Row("… by processor time", many / took[1], "rows/s", "≥ 2,000"),
        Row("… of them new (others are duplicates)", counts.get("new", 0), ""),
        Row("… views caught up after it", behind[0], "s"),
        Row("create_many through the door", len(again) / direct[0], "rows/s", "≥ 3,000"),
        Row("… by processor time", len(again) / direct[1], "rows/s", "≥ 3,000"),
    ]


def sheet(path: Path, database: Database, rows: Iterator[dict[str, Any]]) -> Path:
    """Rows under the Chinese labels of the form."""
    assert database.design is not None
    items = database.design.forms["customer"].items
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        page = book.add_worksheet("客户")
        page.write_row(0, 0, [items[name].label.get("zh") for name in COLUMNS])
        for number, row in enumerate(rows, 1):
            page.write_row(number, 0, [row.get(name) for name in COLUMNS])
    return path


def prepared(node: Node, database: Database, path: Path) -> str:
    """The job, as pages and the command line make it."""
    plan = plans.propose(database.design, open_table(path), "customer", path.name)
    job = node.jobs.create("import", database.identity.key, database.name, {"plan": plan.to_json(), "dry_run": False})
    keep_source(node.jobs.folder(job.id), path)
    return job.id


def saved(node: Node, many: int) -> list[Row]:
    """New documents and edits one by one, with everything that belongs to them."""
    generate(node.databases, node.directory, documents=many)
    catch_up(node)
    node.store.serve()
    database = opened(node)
    ids: list[str] = []
    phones: list[str] = []

    def create(items: dict[str, Any]) -> None:
        ids.append(database.create({"form": "customer", **items}).id)

    def change(id: str) -> None:
        database.change(id, {"grade": "C", "phone": f"021-6{len(phones):07}"})
        phones.append(id)

    rows = []
    for name, save, arguments in (("new", create, list(islice(customers(9), SAVES))), ("edited", change, ids)):
        times = [measured(lambda save=save, one=one: save(one))[1] for one in arguments]  # type: ignore[misc]
        for kind, place in (("", 0), (" by processor time", 1)):
            taken = [each[place] * 1e3 for each in times]
            rows.append(Row(f"one {name} customer of {many:,}, median{kind}", median(taken), "ms"))
            rows.append(Row(f"one {name} customer of {many:,}, p95{kind}", percentile(taken, 0.95), "ms", "< 10"))
    return rows


def opened(node: Node) -> Database:
    """The customers, as the administrator."""
    admin = node.directory.person("admin")
    assert admin is not None
    return node.databases.open("customers", Identity(admin))


def catch_up(node: Node) -> None:
    """All view rows."""
    while node.views.catch_up(limit=5_000):
        pass


def measured(act: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """The answer, and seconds by the clock and of the processor."""
    began, busy = time.perf_counter(), time.process_time()
    answer = act()
    return answer, (time.perf_counter() - began, time.process_time() - busy)
