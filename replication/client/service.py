"""Replication of an open laptop, for everything above: start and stop, run now, what it says of itself.

    Replication ── Worker (live, while the node serves) ──┐
               └── run() for command line, REST and page ─┴── Rounds ── Hub

Made by the node where there is an upstream; it contacts nobody before `start` or `run`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

from app.access import Databases
from app.access.laptop import Laptop
from app.access.mirroring import Missing
from app.errors import DavenportError, Message, NotFound, Unavailable
from app.views.personal import Personal
from replication.client import wiping
from replication.client.address import hub_url
from replication.client.faults import HubError, Revoked, Stopped, Unreachable
from replication.client.hub import Credentials, Hub
from replication.client.options import Options
from replication.client.rounds import Done, Rounds
from replication.client.states import States
from replication.client.worker import Worker

REMEMBER = 1.0  # seconds what the header says is good for
OFFSET = 300.0  # seconds between two clocks that are worth a warning
AWAY = "The content of this attachment has not come to this laptop, and the hub cannot be reached."

log = logging.getLogger(__name__)


class Standing(NamedTuple):
    """How replication stands as a whole. `state`: ok, running, offline, error, stopped."""

    state: str
    sentence: str
    short: str


class Replication:
    """The replication of one laptop."""

    def __init__(self, data: Path, laptop: Laptop, databases: Databases, personal: Personal | None = None) -> None:
        self._personal = personal
        self._data = data
        self._laptop = laptop
        self._databases = databases
        self.states = States()
        self.options = Options(laptop.store.node)
        self.url = hub_url(laptop.url, insecure=True)  # judged when it was joined
        self._breaks: set[threading.Event] = set()  # of the rounds that somebody asked for
        self._worker: Worker | None = None
        self._rounds: Rounds | None = None
        self._lock = threading.Lock()
        self._said: tuple[float, Standing] | None = None
        self.problem: DavenportError | None = None
        self.on_revoked: Callable[[], None] = lambda: None
        self.revoked = False
        laptop.prove = self.prove
        laptop.fetch = self.fetch

    # -- running

    @property
    def rounds(self) -> Rounds:
        """The rounds of this laptop, made when first needed."""
        with self._lock:
            if self._rounds is None:
                self._rounds = Rounds(
                    self._data,
                    self._databases.mirror,
                    self._laptop.apply_me,
                    self._hub,
                    self.options,
                    self.states,
                )
                self._rounds.personal = self._personal
            return self._rounds

    def _hub(self, count: Callable[[int, int], None]) -> Hub:
        laptop = self._laptop
        who = Credentials(laptop.person, laptop.token, device=laptop.device, wipe_key=laptop.wipe_key)
        return Hub(self.url, who, count=count)

    def start(self) -> None:
        """Live replication from now on."""
        self._worker = Worker(self.rounds, revoked=self._wipe, version=self._laptop.store.data_version)
        self._laptop.wake = self._worker.wake
        self._worker.start()

    def close(self) -> None:
        """End everything that runs; what a round has written stays."""
        for broken in list(self._breaks):
            broken.set()
        if self._worker is not None:
            self._worker.stop()
        if self._rounds is not None:
            self._rounds.close()

    def run(self, *, recompare: bool = False, waiting: Callable[[], None] = lambda: None) -> Done:
        """A full round that begins now, or when the one that runs has ended. HubError."""
        broken = threading.Event()
        self._breaks.add(broken)
        try:
            done = self.rounds.full(broken, recompare=recompare, waiting=waiting)
            self.problem = None
            if self._worker is not None:
                self._worker.nudge()
            return done
        except Revoked as problem:
            self.problem = problem
            self._wipe()
            raise
        except DavenportError as problem:
            self.problem = None if isinstance(problem, Stopped) else problem
            raise
        finally:
            self._breaks.discard(broken)

    def begin(self, *, recompare: bool = False) -> None:
        """A full round, beside whatever runs; how it ends stands in `trouble`."""

        def work() -> None:
            try:
                self.run(recompare=recompare)
            except DavenportError as problem:  # kept for the page
                log.info("replication: %s", problem.reason)

        threading.Thread(target=work, name="replication-asked", daemon=True).start()

    def interrupt(self) -> None:
        """Stop the round that runs; it goes on from there next time."""
        for broken in list(self._breaks):
            broken.set()
        if self._worker is not None:
            self._worker.interrupt()

    def pause(self, paused: bool) -> None:
        """Nothing by itself until further notice, or again."""
        self._said = None
        self.options.put_json("paused", paused)
        if self._worker is not None:
            self._worker.nudge()

    def choose(self, databases: list[str] | None) -> None:
        """Take these databases along from the next round on (None: all); the directory always comes."""
        self._laptop.databases = databases
        self.options.put_json("databases", databases)
        self._changed()

    def select(self, selection: dict[str, str]) -> None:
        """Take along only documents for which the expression of their database is true, from the next round on."""
        self._laptop.selection = selection
        self.options.put_json("selection", selection)
        self._changed()

    def _changed(self) -> None:
        self.options.settled(None)
        if self._worker is not None:
            self._worker.nudge()

    def _wipe(self) -> None:
        wiping.mark(self._data)
        self.revoked = True
        self.on_revoked()

    def tell_wiped(self) -> None:
        """Let the hub's list say so; when that fails the list says "revoked", and the data is gone all the same."""
        try:
            self._hub(lambda sent, received: None).wiped()
        except HubError as problem:
            log.warning("The hub was not told that this device is empty: %s", problem.reason)

    # -- asked by others

    def prove(self, name: str, password: str) -> bool:
        """Whether the hub knows this password of the laptop's person; False too when it cannot be asked."""
        try:
            who = Hub(self.url, Credentials(name, password), read_timeout=10.0).prove()
        except HubError as problem:
            log.info("A password could not be proved to the hub: %s", problem.reason)
            return False
        return who == self._laptop.person

    def fetch(self, database: str, missing: Missing) -> IO[bytes]:
        """The content of an attachment that was left with the hub. Unavailable, NotFound."""
        try:
            self.rounds.fetch(database, [missing], threading.Event())
        except Unreachable as problem:
            raise Unavailable(AWAY) from problem
        except HubError as problem:
            raise NotFound("missing") from problem
        return self._laptop.store.blobs.open(missing.address)

    # -- what it says of itself

    def databases(self, only: str | None = None) -> list[dict[str, Any]]:
        """Per database (or of one) what lies with the data (`Mirror.state`) and how far this process is."""
        found, synced = [], self.options.synced
        for name in self._laptop.names() if only is None else [only]:
            try:
                mirror = self._databases.mirror(name)
            except NotFound:  # dropped meanwhile
                continue
            state = mirror.state()
            if state["error"] is None and state["last_sync"] and synced:
                state["last_sync"] = max(state["last_sync"], synced)
            coming = bool(mirror.missing_content(1, self.options.attachments))
            found.append({"name": name, **state, "coming": coming, **self.states.of(name).shown()})
        return found

    @property
    def running(self) -> bool:
        """Whether documents move right now."""
        return any(self.states.of(name).phase not in ("idle", "waiting") for name in self._laptop.names())

    @property
    def trouble(self) -> DavenportError | None:
        """Why nothing moves; None while all is well."""
        return self._worker.problem if self._worker is not None else self.problem

    def standing(self) -> Standing:
        """One state and one sentence for the header of every page; looked at once a second."""
        now = time.monotonic()
        if self._said is None or now > self._said[0] + REMEMBER:
            self._said = (now, self._standing())
        return self._said[1]

    def _standing(self) -> Standing:
        if self.running:
            rows = [each for each in self.databases() if each["phase"] not in ("idle", "waiting")]
            done, total = sum(each["done"] for each in rows), sum(each["total"] for each in rows)
            if total:
                return Standing(
                    "running",
                    Message("Replicating: %(done)s of %(total)s", done=done, total=total),
                    Message("%(share)s %%", share=100 * done // total),
                )
            return Standing("running", Message("Replicating"), Message("Replicating"))
        if self.options.paused:
            return Standing("stopped", Message("Replication is stopped until you start it."), Message("Stopped"))
        if self.options.exhausted():
            return Standing("stopped", Message("The data limit of today is reached."), Message("Data limit"))
        trouble = self.trouble
        if isinstance(trouble, Unreachable):
            return Standing("offline", trouble.reason, Message("Offline"))
        if trouble is not None:
            return Standing("error", trouble.reason, Message("Replication failed"))
        errors = [each["error"] for each in self.databases() if each["error"]]
        if errors:
            return Standing("error", errors[0], Message("Replication failed"))
        whole, _ = self.complete()
        if not whole:
            return Standing("offline", Message("Not all of your data is here yet."), Message("Not complete"))
        return Standing("ok", Message("All your data is here."), Message("Up to date"))

    def clock_offset(self) -> float | None:
        """Seconds this machine's clock is ahead of the hub's, when that is too much."""
        found = self.options.json("offset")
        return float(found) if found is not None and abs(found) > OFFSET else None

    def complete(self) -> tuple[bool, str | None]:
        """Whether everything the person takes along is here, and as of when."""
        rows = self.databases()
        whole = bool(rows) and all(row["last_sync"] and not row["coming"] and not row["error"] for row in rows)
        return whole and self.options.synced is not None, self.options.synced
