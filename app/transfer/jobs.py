"""Long work: imports, exports and bulk updates as jobs with progress, cancel, undo and a life after kill −9.

    waiting -> running -> done | failed | cancelled      undo: -> waiting -> running -> undone

A job is a row in node.db, what it did to each document a row in `job_rows`, its files lie in
`DATA/jobs/<id>/`. Whoever runs a job holds it by a heartbeat; when that stops for `LEASE` seconds another
process takes the job over and the work goes on where its rows end. A process runs at most as many jobs at
once as it has cores.

A kind of work is an object with `run(Run)` and `undo(Run)`; it calls `run.progress(…)` after each batch,
which is also where a cancelled or interrupted job leaves.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from app import jsonio
from app.clock import now, stamp, utcnow
from app.errors import Conflict, DavenportError, Message, NotFound, packed
from app.ids import new_id
from app.store import SqliteFile
from app.store.files import Files, Place

LEASE = 30.0  # seconds without a heartbeat after which a job is taken over
BEAT = 5.0
DAY = 86_400.0
KEEP_DAYS = 30  # how long finished jobs, their files and the chance to undo stay

log = logging.getLogger(__name__)
ERROR = "!"  # how the reason of a refused row begins; that of a skipped duplicate has no mark
UNEXPECTED = Message("Something unexpected happened; the log of the node says more.")


@dataclass(frozen=True)
class Job:
    """A job as others see it. `detail` is the plan, the counts and, when it failed, the `problem`."""

    id: str
    kind: str
    person: str
    database: str | None
    state: str
    done: int
    total: int | None
    detail: dict[str, Any] = field(default_factory=dict)
    started_at: str = ""
    ended_at: str | None = None

    @property
    def finished(self) -> bool:
        return self.state not in {"waiting", "running"}

    @property
    def may_go_on(self) -> bool:
        """Whether it was stopped, or failed, in the middle."""
        stopped = self.state in {"cancelled", "failed"} and self.kind in {"import", "update"}
        return stopped and not self.detail.get("taken_back") and not self.detail.get("dry_run")

    @property
    def problem(self) -> str | None:
        """Why it failed."""
        kept = self.detail.get("problem")
        return Message.unpack(kept) if kept else None

    def shown(self) -> dict[str, Any]:
        """As REST and `--json` give it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "person": self.person,
            "database": self.database,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "counts": self.detail.get("counts", {}),
            "problem": self.problem,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
        }


class JobRow(NamedTuple):
    """What a job did to one document, or why it skipped it. `before` holds what an undo puts back."""

    n: int
    id: str | None = None
    before: dict[str, Any] | None = None
    after_rev: str | None = None
    skipped: str | None = None  # ERROR and a kept sentence, or that alone where it was there already

    @property
    def why(self) -> str:
        """Why it was skipped, as a sentence."""
        return Message.unpack((self.skipped or "").removeprefix(ERROR))


class Cancelled(Exception):
    """The person wants the job to stop."""


class Interrupted(Exception):
    """The process ends, or another one has taken the job: it goes on elsewhere."""


class Work(Protocol):
    """A kind of job."""

    def run(self, run: Run) -> None:
        """Do it, or go on with it after `run.rows()`."""

    def undo(self, run: Run) -> None:
        """Take back what `run.rows()` says was done."""


class Run:
    """A job in the hands of the one who runs it."""

    def __init__(self, jobs: Jobs, job: Job, watch: Callable[[Job], None] | None) -> None:
        self.job = job
        self.detail: dict[str, Any] = dict(job.detail)
        self._jobs = jobs
        self._watch = watch

    def progress(self, done: int, total: int | None = None, rows: Sequence[JobRow] = (), **detail: Any) -> None:
        """Note how far it is, with the rows done since, in one transaction; a row written twice is the same
        row.

        Cancelled or Interrupted when it must stop here.
        """
        self.detail.update(detail)
        self.job = self._jobs._progress(self.job, done, total, self.detail, rows)
        if self._watch:
            self._watch(self.job)
        self.check()

    def check(self) -> None:
        """Cancelled or Interrupted when the job must stop here."""
        self._jobs._check(self.job.id)

    def file(self, name: str) -> Place:
        """A file of the job."""
        return self._jobs.file(self.job.id, name)

    def forget(self, numbers: list[int]) -> None:
        """Drop rows that have been undone."""
        with self._jobs._file.transaction() as connection:
            connection.executemany("DELETE FROM job_rows WHERE job = ? AND n = ?", [(self.job.id, n) for n in numbers])

    def rows(self, *, batch: int = 500, backwards: bool = False) -> Iterator[JobRow]:
        """What the job did so far, in order."""
        return self._jobs.rows(self.job.id, batch=batch, backwards=backwards)

    @property
    def last(self) -> int:
        """The number of the last row kept; 0 when there is none."""
        with self._jobs._file.reading() as connection:
            found = connection.execute("SELECT max(n) FROM job_rows WHERE job = ?", (self.job.id,)).fetchone()
        return found[0] or 0


class Jobs:
    """The jobs of a node. `file` is node.db, `folder` where jobs keep their files."""

    def __init__(
        self, file: SqliteFile, folder: Path, *, files: Files | None = None, workers: int | None = None
    ) -> None:
        self._file = file
        self._folder = folder
        self._files = files or Files()
        self._kinds: dict[str, Work] = {}
        self._owner = new_id()
        self._workers = min(workers or os.cpu_count() or 1, os.cpu_count() or 1)
        self._pool: ThreadPoolExecutor | None = None
        self._held: set[str] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None

    def register(self, kind: str, work: Work) -> None:
        """Make a kind of job known."""
        self._kinds[kind] = work

    # what is asked for

    def create(self, kind: str, person: str, database: str | None, detail: Mapping[str, Any]) -> Job:
        """A new job, not begun: put its files where `file` says, then `submit` or `run_here`."""
        job = Job(new_id(), kind, person, database, "waiting", 0, None, dict(detail), now())
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO jobs (id, kind, person, database, state, detail, started_at, heartbeat)"
                " VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?)",
                (job.id, kind, person, database, _text(job.detail), job.started_at, time.time() + LEASE),
            )
        return job

    def submit(self, id: str) -> None:
        """Let the job run in the background of this process."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="job")
        self._keep()
        self._pool.submit(self._run, id, None)

    def run_here(self, id: str, watch: Callable[[Job], None] | None = None) -> Job:
        """Run the job in this thread (command line); `watch` hears of progress."""
        self._keep()
        self._run(id, watch)
        return self.get(id)

    def cancel(self, id: str) -> None:
        """Ask a job to stop after its present batch."""
        with self._file.transaction() as connection:
            connection.execute("UPDATE jobs SET cancel = 1 WHERE id = ? AND state IN ('waiting', 'running')", (id,))
            connection.execute(
                "UPDATE jobs SET state = 'cancelled', ended_at = ? WHERE id = ? AND state = 'waiting'",
                (now(), id),
            )

    def undo(self, id: str, person: str, *, background: bool = True) -> None:
        """Take a finished job back with the rights of `person`. Conflict when it is not one that can be."""
        with self._file.transaction() as connection:
            found = connection.execute(
                "UPDATE jobs SET state = 'waiting', cancel = 0, done = 0, ended_at = NULL, heartbeat = ?,"
                " detail = json_set(detail, '$.undo_by', ?)"
                " WHERE id = ? AND state IN ('done', 'cancelled', 'failed') AND kind IN ('import', 'update')",
                (time.time() + LEASE, person, id),
            )
        if not found.rowcount:
            raise Conflict("This job cannot be undone now.")
        if background:
            self.submit(id)

    def go_on(self, id: str, *, background: bool = True) -> None:
        """Let a job that was stopped, or failed, go on where it was. Conflict when it is not one that can.

        One whose process was killed needs no asking: `resume` takes it over.
        """
        with self._file.transaction() as connection:
            found = connection.execute(
                "UPDATE jobs SET state = 'waiting', cancel = 0, ended_at = NULL, heartbeat = ?,"
                " detail = json_remove(detail, '$.problem')"
                " WHERE id = ? AND state IN ('cancelled', 'failed') AND kind IN ('import', 'update')"
                " AND json_extract(detail, '$.taken_back') IS NULL",
                (time.time() + LEASE, id),
            )
        if not found.rowcount:
            raise Conflict("This job cannot go on now.")
        if background:
            self.submit(id)

    def get(self, id: str) -> Job:
        """A job. NotFound."""
        with self._file.reading() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise NotFound("There is no such job.")
        return _job(row)

    def list(
        self,
        *,
        person: str | None = None,
        database: str | None = None,
        kind: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Jobs, newest first."""
        wanted = {"person": person, "database": database, "kind": kind}
        named = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"{name} = :{name}" for name in named) or "1"
        with self._file.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE {where} ORDER BY started_at DESC, id LIMIT :limit",
                {**named, "limit": limit},
            ).fetchall()
        return [_job(row) for row in rows]

    def rows(self, id: str, *, batch: int = 500, skipped: bool = False, backwards: bool = False) -> Iterator[JobRow]:
        """What a job did, or only what it skipped, in batches so that nothing is held meanwhile."""
        last, sign, order = (1 << 62, "<", "DESC") if backwards else (0, ">", "ASC")
        only = "AND skipped IS NOT NULL" if skipped else ""
        while True:
            with self._file.reading() as connection:
                found = connection.execute(
                    "SELECT n, id, before, after_rev, skipped FROM job_rows"
                    f" WHERE job = ? AND n {sign} ? {only} ORDER BY n {order} LIMIT ?",
                    (id, last, batch),
                ).fetchall()
            for n, document, before, rev, reason in found:
                yield JobRow(n, document, jsonio.loads(before) if before else None, rev, reason)
            if len(found) < batch:
                return
            last = found[-1][0]

    def file(self, id: str, name: str) -> Place:
        """A file that a job keeps."""
        path = self._folder / id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return self._files.at(path)

    # keeping

    def resume(self) -> int:
        """Take over jobs whose process is gone; how many."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT id FROM jobs WHERE state IN ('waiting', 'running') AND heartbeat < ?",
                (time.time() - LEASE,),
            ).fetchall()
        with self._lock:
            found = [id for (id,) in rows if id not in self._held]
        for id in found:
            self.submit(id)
        return len(found)

    def clean(self) -> int:
        """Forget jobs that ended more than `KEEP_DAYS` ago, and files of jobs that are no longer there."""
        before = stamp(utcnow() - timedelta(days=KEEP_DAYS))
        with self._file.transaction() as connection:
            old = [id for (id,) in connection.execute("SELECT id FROM jobs WHERE ended_at < ?", (before,))]
            for id in old:
                connection.execute("DELETE FROM job_rows WHERE job = ?", (id,))
                connection.execute("DELETE FROM jobs WHERE id = ?", (id,))
            known = {id for (id,) in connection.execute("SELECT id FROM jobs")}
        for folder in self._folder.glob("*"):
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)
        return len(old)

    def serve(self) -> None:
        """Begin keeping: take over orphaned jobs now and then (called by `davenport serve`)."""
        self._serving = True
        self._keep()

    def close(self) -> None:
        """Stop after the present batches; what is not done goes on at the next start."""
        self._stopping.set()
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
        if self._keeper:
            self._keeper.join()

    _serving = False
    _next_clean = 0.0

    def _keep(self) -> None:
        with self._lock:
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keeping, name="jobs", daemon=True)
                self._keeper.start()

    def _keeping(self) -> None:
        while not self._stopping.wait(BEAT):
            try:
                with self._file.transaction() as connection:
                    connection.execute("UPDATE jobs SET heartbeat = ? WHERE owner = ?", (time.time(), self._owner))
                if self._serving:
                    self.resume()
                    self._clean_daily()
            except DavenportError:
                log.warning("The jobs cannot be kept now", exc_info=True)

    def _clean_daily(self) -> None:
        if time.monotonic() > self._next_clean:
            self._next_clean = time.monotonic() + DAY
            self.clean()

    # running

    def _run(self, id: str, watch: Callable[[Job], None] | None) -> None:
        if self._stopping.is_set() or not self._claim(id):
            return
        run = Run(self, self.get(id), watch)
        undoing = "undo_by" in run.detail
        try:
            work = self._kinds[run.job.kind]
            run.check()
            (work.undo if undoing else work.run)(run)
            state = "undone" if undoing else "done"
        except Cancelled:
            state = "cancelled"
            if undoing:
                run.detail["taken_back"] = True  # half of it: an import must not go on from there
        except Interrupted:
            self._release(id)
            return
        except DavenportError as problem:
            state = "failed"
            run.detail["problem"] = packed(problem.reason)
        except Exception:
            log.exception("Job %s (%s) failed", id, run.job.kind)
            state = "failed"
            run.detail["problem"] = UNEXPECTED.pack()
        run.detail.pop("undo_by", None)
        self._end(run, state)
        if watch:
            watch(self.get(id))

    def _claim(self, id: str) -> bool:
        with self._file.transaction() as connection:
            found = connection.execute(
                "UPDATE jobs SET state = 'running', owner = ?, heartbeat = ? WHERE id = ?"
                " AND (state = 'waiting' OR (state = 'running' AND (owner IS NULL OR heartbeat < ?)))",
                (self._owner, time.time(), id, time.time() - LEASE),
            )
        with self._lock:
            if found.rowcount:
                self._held.add(id)
        return bool(found.rowcount)

    def _release(self, id: str) -> None:
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET owner = NULL, heartbeat = 0 WHERE id = ? AND owner = ?", (id, self._owner)
            )
        with self._lock:
            self._held.discard(id)

    def _end(self, run: Run, state: str) -> None:
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, ended_at = ?, owner = NULL, detail = ? WHERE id = ? AND owner = ?",
                (state, now(), _text(run.detail), run.job.id, self._owner),
            )
        with self._lock:
            self._held.discard(run.job.id)

    def _progress(self, job: Job, done: int, total: int | None, detail: dict[str, Any], rows: Sequence[JobRow]) -> Job:
        total = job.total if total is None else total
        with self._file.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO job_rows (job, n, id, before, after_rev, skipped)"
                " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM jobs WHERE id = ?1)",
                [(job.id, n, id, before and _text(before), rev, why) for n, id, before, rev, why in rows],
            )
            connection.execute(
                "UPDATE jobs SET done = ?, total = ?, detail = ?, heartbeat = ? WHERE id = ? AND owner = ?",
                (done, total, _text(detail), time.time(), job.id, self._owner),
            )
        return replace(job, state="running", done=done, total=total, detail=dict(detail))

    def _check(self, id: str) -> None:
        if self._stopping.is_set():
            raise Interrupted
        with self._file.reading() as connection:
            row = connection.execute("SELECT owner, cancel FROM jobs WHERE id = ?", (id,)).fetchone()
        if row is None or row[0] != self._owner:
            raise Interrupted
        if row[1]:
            raise Cancelled


_COLUMNS = "id, kind, person, database, state, done, total, detail, started_at, ended_at"


def _job(row: tuple[Any, ...]) -> Job:
    id, kind, person, database, state, done, total, detail, started, ended = row
    return Job(id, kind, person, database, state, done, total, jsonio.loads(detail), started, ended)


def _text(value: Any) -> str:
    return jsonio.dumps(value).decode()
