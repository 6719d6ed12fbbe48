"""The rows an import did not take, as a file of the same kind with one more column: the reason.

People mend them there and import the file again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.store.files import Place
from app.transfer.importing import PART, SOURCE
from app.transfer.jobs import ERROR, Jobs
from app.transfer.plans import Plan
from app.transfer.readers import Text, open_table
from app.transfer.tables import writer

REASON = {"en": "Reason", "zh": "原因"}


def write(
    jobs: Jobs,
    job: str,
    path: Place,
    *,
    language: str = "en",
    duplicates: bool = False,
    say: Callable[[str], str] = str,
) -> int:
    """Write the refused rows of a job (and the skipped duplicates) into `path`; how many there are. `say` puts a
    sentence into the language."""
    found = jobs.get(job)
    plan = Plan.from_json(found.detail["plan"])
    table = open_table(jobs.file(job, SOURCE), plan.name)
    reasons = {
        row.n: say(row.why)
        for row in jobs.rows(job, skipped=True)
        if row.skipped and (duplicates or row.skipped.startswith(ERROR))
    }
    text = table if isinstance(table, Text) else None
    count = 0
    with writer(
        path,
        table.kind,
        encoding=text.encoding if text else "utf-8-sig",
        delimiter=text.delimiter if text else ",",
    ) as target:
        begun: set[str | None] = set()
        for part in plan.parts:
            if part.sheet in begun:
                continue
            numbers = [n for n, other in enumerate(plan.parts) if other.sheet == part.sheet]
            begun.add(part.sheet)
            width = 0
            for row in table.rows(part.sheet):
                if row.number == part.header:
                    width = len(row.cells)
                    target.begin(part.sheet or "Sheet1", [*row.cells, REASON.get(language, REASON["en"])])
                said = [reasons[n * PART + row.number] for n in numbers if n * PART + row.number in reasons]
                if said and row.number > part.header:
                    cells = [*row.cells[:width], *[None] * (width - len(row.cells))]
                    target.row([*cells, " ".join(said)])
                    count += 1
    return count


def name_of(plan_name: str, kind: str) -> str:
    """What the file of refused rows is called: `customers-errors.xlsx`."""
    stem = Path(plan_name).stem or "import"
    return f"{stem}-errors.{kind}"
