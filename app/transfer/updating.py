"""One change to every document of a view, as a job with progress, a list of what was skipped, cancel and
undo.

The documents are noted first (`targets` in the job's folder, one id a line), so that a change which takes
documents out of the view does not move the rows under the feet of the job; each is then changed through the
door, with the person's own rights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

from app.access import Database, Databases, Directory
from app.errors import BadRequest, Conflict, DavenportError, Message
from app.store.files import Place, move
from app.transfer.exporting import PAGE, Views, complete
from app.transfer.importing import identity_of, reason, undo
from app.transfer.jobs import ERROR, JobRow, Run

BATCH = 50
TARGETS = "targets"
FIXED = {"form", "readers", "authors", "created_by", "created_at", "changed_by", "changed_at", "code"}


class MakeQuery(Protocol):
    """Builds app/views' query from what REST takes as parameters."""

    def __call__(self, parameters: dict[str, Any]) -> Any: ...


@dataclass(frozen=True)
class Updater:
    """The kind of job `update`: detail {view, query, items}."""

    databases: Databases
    directory: Directory
    views: Views
    query: MakeQuery

    def run(self, run: Run) -> None:
        """Change the documents, or go on after `run.last`."""
        database = self.databases.open(run.job.database or "", identity_of(self.directory, run.job.person))
        items = allowed(run.detail.get("items"))
        targets = run.file(TARGETS)
        if not targets.exists():
            self._note(run, database, targets)
        total = sum(1 for _ in _lines(targets))
        counts = Counter[str](run.detail.get("counts", {}))
        last = run.last
        rows = islice(enumerate(_lines(targets), start=1), last, None)
        while batch := list(islice(rows, BATCH)):
            made = [change(database, n, id, items) for n, id in batch]
            counts.update("error" if row.skipped else "same" if row.before is None else "updated" for row in made)
            run.progress(batch[-1][0], total, rows=made, counts=dict(counts))
        run.progress(total, total, counts=dict(counts))

    def undo(self, run: Run) -> None:
        """Put the old values back where nobody changed them since."""
        person = identity_of(self.directory, run.detail["undo_by"])
        undo(run, self.databases.open(run.job.database or "", person))

    def _note(self, run: Run, database: Database, targets: Place) -> None:
        """Write down what the view shows, each document once."""
        complete(self.views)
        query = replace(self.query(dict(run.detail.get("query", {}))), limit=PAGE)
        seen: set[str] = set()
        unfinished = targets.with_suffix(".new")
        with unfinished.open("w", encoding="utf-8") as file:
            while True:
                page = self.views.page(database, run.detail["view"], query)
                for row in page.rows:
                    if row.id not in seen and not getattr(row, "restricted", False):
                        seen.add(row.id)
                        file.write(row.id.replace("\n", "") + "\n")
                run.check()
                if not page.next or not page.rows:
                    break
                query = replace(query, after=page.next)
        move(unfinished, targets)


def _lines(path: Place) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")


def allowed(items: Any) -> dict[str, Any]:
    """The items of a bulk update. BadRequest when there are none, or ones that no person sets."""
    if not isinstance(items, dict) or not items:
        raise BadRequest("Say which items get which value.")
    wrong = sorted(name for name in items if name in FIXED or name.startswith("_"))
    if wrong:
        raise BadRequest(
            "Some of these items are not set by hand.",
            fields=dict.fromkeys(wrong, Message("This is not set by hand.")),
        )
    return items


def change(database: Database, n: int, id: str, items: dict[str, Any]) -> JobRow:
    """Change one document; a refusal becomes the reason why it was skipped."""
    for attempt in (1, 2, 3):
        try:
            old = database.get(id)
            changed = {name: value for name, value in items.items() if old.get(name) != value}
            if not changed:
                return JobRow(n, None)
            saved = database.change(id, changed, old["_rev"])
        except Conflict:
            if attempt < 3:
                continue
            return JobRow(n, id, skipped=ERROR + Message("Somebody else keeps changing it.").pack())
        except DavenportError as problem:
            form = database.design.forms.get(str(old.get("form"))) if database.design and problem.fields else None
            return JobRow(n, id, skipped=ERROR + reason(problem, form))
        before = {"old": {name: old.get(name) for name in changed}, "new": changed}
        return JobRow(n, id, before, saved.rev)
    raise AssertionError("unreachable")
