"""What a re-compare does about the differences it finds (see comparing.py): fetch, remove, send again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.access.mirror import Mirror, Revoked
from replication.client import comparing
from replication.client.hub import Hub
from replication.client.pulling import START, Wanted, batch_of
from replication.client.states import Progress
from replication.client.trying import Patience

AT_ONCE = 200  # documents fetched by id


class Repairer:
    """Repairs one database."""

    def __init__(self, hub: Hub, database: str, wanted: Wanted, patience: Patience, progress: Progress) -> None:
        self._hub = hub
        self._database = database
        self._wanted = wanted
        self._patience = patience
        self._progress = progress

    def run(self, mirror: Mirror, *, lost: bool) -> int:
        """Compare and repair; how many documents came or went. `lost`: the hub is not where it was (restored from a
        backup), so what only we have is sent to it. HubError."""
        self._progress.begin("compare")
        there = comparing.theirs(self._hub, self._database, self._wanted.selection, self._patience, self._progress)
        found = comparing.differences(there, comparing.ours(mirror))
        waiting = {unsent.id for unsent in mirror.unsent(1_000_000, 1 << 40)}  # a push came just before: few
        gone = [id for id in found.gone if id not in waiting]
        send = [id for id in found.send if id not in waiting]
        for ids in _portions(found.fetch):
            self._fetch(mirror, ids)
        if lost:
            send += gone
        else:
            for ids in _portions(gone):
                mirror.apply([Revoked(id) for id in ids], mirror.checkpoint() or START)
        if send:
            mirror.resubmit(send)
        return len(found.fetch) + len(gone)

    def _fetch(self, mirror: Mirror, ids: Sequence[str]) -> None:
        answer = self._patience.call(
            lambda: self._hub.pull(
                self._database,
                ids=list(ids),
                selection=self._wanted.selection,
                attachments_below=self._wanted.attachments_below,
            )
        )
        mirror.apply(batch_of(answer).rows, mirror.checkpoint() or START)


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
