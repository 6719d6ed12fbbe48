"""Attachments that documents name and that are not here yet: small ones first, each resumed where it broke off.

    attachments/new/part-…     what has come of one; a kill leaves it, the next round asks for the rest (Range)

A content is taken only when it is the one of its address; a part that turns out wrong is thrown away and fetched
anew. Larger ones than the limit of this laptop stay with the hub until somebody asks for the whole document.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterable

from app.access.mirror import Mirror, Missing
from app.errors import InsufficientStorage
from app.store.blobs import Part
from app.store.sqlite import FULL
from replication.client.faults import Refused, Unreachable
from replication.client.hub import Hub
from replication.client.states import Progress
from replication.client.trying import Patience

AT_ONCE = 500


class Fetcher:
    """Fetches the contents of one database."""

    def __init__(self, hub: Hub, database: str, patience: Patience, progress: Progress, *, largest: int | None) -> None:
        self._hub = hub
        self._database = database
        self._patience = patience
        self._progress = progress
        self._largest = largest

    def run(self, mirror: Mirror) -> int:
        """Everything below the limit; how many came. What the hub no longer has is passed over. HubError."""
        done, passed = 0, set[tuple[str, str]]()
        while True:
            waiting = mirror.missing_content(AT_ONCE + len(passed), self._largest)
            fresh = [each for each in waiting if (each.id, each.name) not in passed]
            if not fresh:
                return done
            for each in fresh:
                if self._one(mirror, each):
                    done += 1
                else:
                    passed.add((each.id, each.name))
                self._progress.moved(done, done + len(fresh))

    def fetch(self, mirror: Mirror, wanted: Iterable[Missing]) -> int:
        """These, whatever their size."""
        return sum(self._one(mirror, each) for each in wanted)

    def _one(self, mirror: Mirror, missing: Missing) -> bool:
        part = mirror.part(missing.address)
        try:
            self._patience.call(lambda: self._load(missing, part))
            with part.reading() as file:
                mirror.content_arrived(missing.address, file)
        except Refused as problem:
            if problem.code in (401, 429):
                raise
            return False  # replaced or lost meanwhile: the next pull says so
        finally:
            if part.length >= missing.length:
                part.remove()
        return True

    def _load(self, missing: Missing, part: Part) -> None:
        """Bring the part to its full length. Unreachable when it broke off before, or is not what it should be."""
        start = part.length
        if start < missing.length or not part.path.exists():
            self._append(missing, part, start)
        if part.length != missing.length or _address(part) != missing.address:
            part.remove()
            raise Unreachable("An attachment came damaged; it is fetched again.")

    def _append(self, missing: Missing, part: Part, start: int) -> None:
        asked = (self._database, missing.id, missing.rev, missing.name, start)
        try:
            with self._hub.content(*asked) as (begin, pieces), part.writing(begin) as file:
                for piece in pieces:
                    self._patience.check()
                    file.write(piece)
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                raise InsufficientStorage(FULL) from problem
            raise


def _address(part: Part) -> str:
    with part.reading() as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
