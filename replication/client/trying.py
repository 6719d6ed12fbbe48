"""Trying again: what may succeed in a moment is tried a few times, further and further apart, and out of step.

delay of the n-th try = random share (50–100 %) of FIRST · 2ⁿ, at most LONGEST
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from replication.client.faults import HubError, Stopped

FIRST, LONGEST = 0.25, 60.0  # seconds
STOPPED = "Stopped; it goes on from here next time."

T = TypeVar("T")


def delays(first: float = FIRST, longest: float = LONGEST) -> Iterator[float]:
    """Seconds to wait before each further try, without end."""
    step = first
    while True:
        yield random.uniform(step / 2, step)  # noqa: S311  (spreads the load, guards nothing)
        step = min(step * 2, longest)


class Patience:
    """How often one call is tried, and the way out: `stop` ends every wait."""

    def __init__(self, tries: int = 4, *, stop: threading.Event | None = None) -> None:
        self.tries = tries
        self.stop = stop or threading.Event()

    def check(self) -> None:
        """Stopped when somebody asked to stop."""
        if self.stop.is_set():
            raise Stopped(STOPPED)

    def call(self, work: Callable[[], T], *, failed: Callable[[], None] = lambda: None) -> T:
        """What `work` answers; the last error when every try failed. `failed` runs before each further try."""
        waits = delays()
        for left in range(self.tries - 1, -1, -1):
            self.check()
            try:
                return work()
            except HubError as problem:
                if not problem.again or not left:
                    raise
            failed()
            if self.stop.wait(next(waits)):
                break
        raise Stopped(STOPPED)
