"""Pull: batch after batch from the checkpoint on, the next one fetched while the last one is written.

    hub ── _pull(since) ──► rows ──► mirror.apply(rows, checkpoint)      data and checkpoint in one transaction
             ▲   one batch ahead, in a thread of its own                 a kill at any point: the batch comes again
             └── last_seq

The first batch is asked for without the thread: most syncs are one small batch.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from app.access.mirror import Mirror, Pulled, Revoked
from replication.client.faults import Unreachable
from replication.client.hub import Hub
from replication.client.sizes import Sizes
from replication.client.states import Progress
from replication.client.trying import Patience

START = "0"


class Wanted(NamedTuple):
    """What of a database a laptop takes: documents by a selection, attachments below a size in bytes."""

    selection: str | None = None
    attachments_below: int | None = None


class Batch(NamedTuple):
    """One answer of the hub. `pending`: rows that are still to come."""

    rows: list[Pulled | Revoked]
    checkpoint: str
    pending: int
    end: bool


class Puller:
    """Pulls one database."""

    def __init__(self, hub: Hub, database: str, wanted: Wanted, patience: Patience, progress: Progress) -> None:
        self._hub = hub
        self._database = database
        self._wanted = wanted
        self._patience = patience
        self._progress = progress
        self._sizes = Sizes()

    def run(self, mirror: Mirror, *, anew: bool = False) -> int:
        """Everything new since the checkpoint (`anew`: since ever) into the mirror; how many rows. HubError."""
        since = START if anew else mirror.checkpoint() or START
        done = 0
        for batch in self._batches(since):
            done += len(batch.rows)
            if batch.rows or batch.checkpoint != since:
                mirror.apply(batch.rows, batch.checkpoint)
            self._progress.moved(done, done + batch.pending)
        return done

    def _batches(self, since: str) -> Iterator[Batch]:
        batch = self._fetch(since)
        if batch.end:
            yield batch
            return
        ahead: queue.Queue[Batch | BaseException] = queue.Queue(1)
        closed = threading.Event()
        thread = threading.Thread(
            target=self._prefetch, args=(batch.checkpoint, ahead, closed), name=f"pull-{self._database}", daemon=True
        )
        thread.start()
        try:
            while True:
                yield batch
                if batch.end:
                    return
                found = ahead.get()
                if isinstance(found, BaseException):
                    raise found
                batch = found
        finally:
            closed.set()

    def _prefetch(self, since: str, ahead: queue.Queue[Batch | BaseException], closed: threading.Event) -> None:
        end = False
        while not end and not closed.is_set():
            found: Batch | BaseException
            try:
                found = self._fetch(since)
                since, end = found.checkpoint, found.end
            except BaseException as problem:
                found, end = problem, True
            while not closed.is_set():
                try:
                    ahead.put(found, timeout=0.5)
                    break
                except queue.Full:
                    continue

    def _fetch(self, since: str) -> Batch:
        return self._patience.call(lambda: self._ask(since), failed=self._sizes.failed)

    def _ask(self, since: str) -> Batch:
        began = time.monotonic()
        answer = self._hub.pull(
            self._database,
            since=since,
            limit=self._sizes.rows,
            bytes=self._sizes.bytes,
            selection=self._wanted.selection,
            attachments_below=self._wanted.attachments_below,
        )
        self._sizes.took(time.monotonic() - began)
        return batch_of(answer)


def batch_of(answer: dict[str, Any]) -> Batch:
    """The hub's JSON as rows for the mirror. Unreachable when it is not of the agreed shape."""
    try:
        return Batch(
            [_row(row) for row in answer["rows"]],
            str(answer["last_seq"]),
            int(answer["pending"]),
            bool(answer["end"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise Unreachable("The hub's answer is not understood; is something on the way changing it?") from problem


def _row(row: dict[str, Any]) -> Pulled | Revoked:
    return Revoked(row["id"]) if row.get("revoked") else Pulled(row["id"], row["leaves"])


__all__ = ["Batch", "Puller", "Wanted", "batch_of"]
