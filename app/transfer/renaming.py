"""A value of a keyword list renamed, or merged into another, as a job: the list first, then the documents that hold it.

Documents are changed through the door with the keeper's own rights; those it may not change keep the old value, which
stays readable, and stand among what was skipped. After a kill the job begins again: what has followed is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.access import Database, Databases, Directory
from app.errors import packed
from app.transfer.importing import identity_of
from app.transfer.jobs import ERROR, JobRow, Run

KIND = "rename"
BATCH = 50


class Outcome(Protocol):
    """What became of one document: its new revision, or why it was left."""

    @property
    def id(self) -> str: ...
    @property
    def rev(self) -> str | None: ...
    @property
    def problem(self) -> str | None: ...


class Renaming(NamedTuple):
    """The detail of the job."""

    list: str
    old: str
    new: str


@dataclass(frozen=True)
class Renamer:
    """The kind of job `rename`: detail {list, old, new, total}. `rename` is what app/forms does to a database."""

    databases: Databases
    directory: Directory
    rename: Callable[[Database, Renaming], Iterator[Outcome]]

    def run(self, run: Run) -> None:
        """Rename, with progress after every few documents."""
        database = self.databases.open(run.job.database or "", identity_of(self.directory, run.job.person))
        wanted = Renaming(*(str(run.detail[name]) for name in Renaming._fields))
        total = int(run.detail.get("total") or 0)
        counts, rows, done = Counter[str](), list[JobRow](), 0
        for done, one in enumerate(self.rename(database, wanted), start=1):
            counts["error" if one.problem else "updated"] += 1
            skipped = ERROR + packed(one.problem) if one.problem else None
            rows.append(JobRow(done, one.id, None, one.rev, skipped))
            if len(rows) == BATCH:
                run.progress(done, max(total, done), rows=rows, counts=dict(counts))
                rows = []
        run.progress(done, max(total, done), rows=rows, counts=dict(counts))

    def undo(self, run: Run) -> None:
        """Not offered: renaming back is a renaming of its own."""
