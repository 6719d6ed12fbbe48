"""Re-compare: every id and its leaf revisions here and on the hub, side by side in the order of ids, page by page.

    hub  a  b  d        only there, or a leaf there that is not here   ─► fetched
    here a  c  d'       only here                                      ─► leaves, unless it was never sent
                        a leaf here that the hub lacks                 ─► sent (again)

A hub that was restored from a backup has a new incarnation: what it lacks is then sent, not removed. Answers of the
hub are taken in the order it gives them; ids compare as their UTF-8 bytes, as SQLite does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from app.access.mirror import Mirror
from replication.client.hub import Hub
from replication.client.states import Progress
from replication.client.trying import Patience

PAGE = 5_000

Entry = tuple[str, frozenset[str]]


class Differences(NamedTuple):
    """Ids: to be fetched, only here, with leaves that the hub lacks."""

    fetch: list[str]
    gone: list[str]
    send: list[str]


def differences(there: Iterator[Entry], here: Iterator[Entry]) -> Differences:
    """Walk both lists, each in the order of ids."""
    found = Differences([], [], [])
    theirs, ours = next(there, None), next(here, None)
    while theirs is not None or ours is not None:
        if ours is None or (theirs is not None and _key(theirs) < _key(ours)):
            assert theirs is not None
            found.fetch.append(theirs[0])
            theirs = next(there, None)
        elif theirs is None or _key(ours) < _key(theirs):
            found.gone.append(ours[0])
            ours = next(here, None)
        else:
            if theirs[1] - ours[1]:
                found.fetch.append(theirs[0])
            if ours[1] - theirs[1]:
                found.send.append(ours[0])
            theirs, ours = next(there, None), next(here, None)
    return found


def _key(entry: Entry) -> bytes:
    return entry[0].encode()


def theirs(hub: Hub, database: str, selection: str | None, patience: Patience, progress: Progress) -> Iterator[Entry]:
    """Everything the person reads on the hub and takes along."""
    after: str | None = None
    seen = 0
    while True:
        answer = patience.call(lambda after=after: hub.ids(database, after, PAGE, selection))  # type: ignore[misc]
        for id, leaves, *_ in answer["ids"]:
            yield id, frozenset(leaves)
        seen += len(answer["ids"])
        progress.moved(seen, seen)
        after = answer.get("next")
        if after is None:
            return


def ours(mirror: Mirror) -> Iterator[Entry]:
    """Everything here."""
    after: str | None = None
    while page := mirror.ids(after, PAGE):
        for id, leaves in page:
            yield id, frozenset(leaves)
        after = page[-1][0]


__all__ = ["Differences", "differences", "ours", "theirs"]
