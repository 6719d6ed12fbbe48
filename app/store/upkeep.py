"""What a node that serves does once a day: old tombstones are purged, old bodies and logs dropped, contents collected.

A tombstone lives for 90 days. A device that was away longer learns of the purge, or compares anew when its token is no
longer understood; what it pushes with nothing newer than the purged generation is `forbidden: deleted`, so nothing
rises again. On a laptop a deletion that waits to be sent is kept, however old.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from app import clock
from app.errors import DavenportError, NotFound

if TYPE_CHECKING:
    from app.store.store import Store

TOMBSTONE_DAYS = 90
EVERY = 24 * 3600.0  # seconds
FIRST = 600.0  # seconds after the start: not while everybody signs in

log = logging.getLogger(__name__)


def tidy(store: Store) -> int:
    """Do it now; how many tombstones were purged."""
    before = clock.stamp(clock.utcnow() - timedelta(days=TOMBSTONE_DAYS))
    purged = 0
    for name in store.names():
        try:
            database = store.database(name)
            purged += database.purge_deleted(before)
            database.compact()
        except NotFound:  # dropped meanwhile
            continue
    store.collect()
    return purged


def work(store: Store, wait: Callable[[float], bool]) -> None:
    """Once a day, until `wait(seconds)` says that it is over."""
    pause = FIRST
    while not wait(pause):
        pause = EVERY
        try:
            tidy(store)
        except DavenportError as problem:
            log.warning("Old deletions are not purged: %s", problem.reason)
