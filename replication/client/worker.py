"""Live replication while a node serves: two threads and one long poll for all databases.

    follow   full round ─► `_updates` (waits on the hub) ─► the databases named ─► `_updates` …
               └── no answer: further and further apart, never in step with other laptops; then a full round again
    send     woken by a local write, or by another process's within a second ─► those databases

Nothing happens by itself while somebody has pressed stop or today's data limit is reached.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from app.errors import DavenportError
from replication.client.faults import Outdated, Revoked, Stopped
from replication.client.rounds import Rounds
from replication.client.trying import delays

POLL = 50.0  # seconds the hub lets us wait for news
LOOK = 1.0  # seconds between two looks for what other processes wrote here
LONGEST = 30.0  # seconds until a network that came back is noticed
OUTDATED = 600.0  # seconds until a hub that is too new or too old is asked again

log = logging.getLogger(__name__)


class Worker:
    """`start()`, and at the end `stop()`. `problem` is why nothing moves, None while all is well."""

    def __init__(self, rounds: Rounds, *, revoked: Callable[[], None], version: Callable[[], int]) -> None:
        """`revoked` is called once when this device is to be wiped; `version` tells whether any process has written."""
        self._rounds = rounds
        self._options = rounds.options
        self._revoked = revoked
        self._version = version
        self._stop = threading.Event()
        self._broken = threading.Event()  # ends the round that runs, and the worker with `_stop`
        self._woken = threading.Event()
        self._nudged = threading.Event()
        self._online = threading.Event()
        self._threads: list[threading.Thread] = []
        self.problem: DavenportError | None = None
        self.following = False

    def start(self) -> None:
        """Begin."""
        for work in (self._follow, self._send):
            thread = threading.Thread(target=work, name=f"replication{work.__name__}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End; a long poll that is open is left to itself."""
        self._stop.set()
        self._broken.set()
        self._woken.set()
        self._nudged.set()
        for thread in self._threads[1:]:
            thread.join(5)
        if self._threads and not self.following:
            self._threads[0].join(5)

    def interrupt(self) -> None:
        """Stop the round that runs."""
        self._broken.set()

    def _fresh(self) -> threading.Event:
        """For a round that begins now: nobody has asked it to stop yet."""
        if not self._stop.is_set():
            self._broken.clear()
        return self._broken

    def wake(self) -> None:
        """Something waits to be sent."""
        self._woken.set()

    def nudge(self) -> None:
        """Try again now, not when the pause is over."""
        self._nudged.set()

    @property
    def resting(self) -> bool:
        """Whether nothing may happen by itself."""
        return self._options.paused or self._options.exhausted()

    # -- follow

    def _follow(self) -> None:
        pauses = delays(longest=LONGEST)
        whole = True
        while not self._stop.is_set():
            if self.resting:
                self._pause(LOOK)
                continue
            try:
                if whole:
                    self._rounds.full(self._fresh())
                    whole = False
                    self._good()
                    pauses = delays(longest=LONGEST)
                whole = self._news()
            except Revoked as problem:
                self.problem = problem
                self._revoked()
                return
            except Stopped:
                whole = True
            except DavenportError as problem:
                whole = True
                self._bad(problem)
                self._pause(OUTDATED if isinstance(problem, Outdated) else next(pauses))
            except Exception as problem:  # a mistake of ours must not end replication for good
                log.exception("replication failed")
                whole = True
                self._bad(DavenportError(f"Something unexpected happened ({type(problem).__name__}: {problem})."))
                self._pause(LONGEST)

    def _news(self) -> bool:
        """Wait for news and fetch them; whether a full round is due."""
        self.following = True
        try:
            news = self._rounds.hub.updates(self._options.updates, POLL)
        finally:
            self.following = False
            self._options.add_traffic(self._rounds.states.of("").take())
        self._good()
        if self._stop.is_set() or self.resting:
            return True
        if news.get("me"):
            return True
        names = [each["database"] for each in news["results"]]
        if names:
            self._rounds.some(self._fresh(), names)
        self._options.settled(str(news["last_seq"]))
        return False

    def _pause(self, seconds: float) -> None:
        self._nudged.wait(seconds)
        if not self._stop.is_set():
            self._nudged.clear()

    def _good(self) -> None:
        self.problem = None
        self._online.set()

    def _bad(self, problem: DavenportError) -> None:
        self.problem = problem
        self._online.clear()
        log.info("replication: %s", problem.reason)

    # -- send

    def _send(self) -> None:
        version = self._version()
        while not self._stop.is_set():
            self._woken.wait(LOOK)
            if not self._online.is_set() or self.resting:
                self._woken.clear()
                self._stop.wait(LOOK / 4)
                continue
            found = self._version()
            if not self._woken.is_set() and found == version:
                continue
            version = found
            self._woken.clear()
            self._push()

    def _push(self) -> None:
        """What waits to be sent; when that fails, following notices too and sends it with its next full round."""
        try:
            names = [name for name in self._rounds.local_names() if self._rounds.mirror(name).count_unsent()]
            if names:
                self._rounds.some(self._fresh(), names)
        except DavenportError as problem:
            if not isinstance(problem, Stopped):
                log.info("sending: %s", problem.reason)
                self._stop.wait(next(delays(1.0)))
                self._woken.set()
