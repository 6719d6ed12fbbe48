"""A round: what I may, then for each database pull, push, pull, contents. Several databases at once, one round at once.

    lock ─► token of `_updates` ─► me ─► directory ─► the others, three at a time ─► token kept, hub told
                                          pull ─ push ─ pull (when pushed) ─ contents

A database that fails does not keep the others back; the first error is raised at the end, and each has its own in
`Mirror.state()`. A round that finds nothing to do costs one call to the hub.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from app import clock
from app.access.mirror import Mirror, Missing
from app.errors import DavenportError, InsufficientStorage, Message
from app.views.personal import Personal
from replication.client.contents import Fetcher
from replication.client.faults import Full, HubError, Outdated, Recompare, Refused, Revoked, Stopped, Unreachable
from replication.client.hub import Hub
from replication.client.leasing import lease
from replication.client.lock import RoundLock
from replication.client.options import Options
from replication.client.personal import exchange
from replication.client.pulling import Puller, Wanted
from replication.client.pushing import Pusher
from replication.client.repairing import Repairer
from replication.client.states import Progress, States
from replication.client.trying import Patience

REPORT_EVERY = 120.0  # seconds between two reports while nothing but live changes happens
TOGETHER = 3  # databases at once
DIRECTORY = "directory"
FULL = Message("The disk of this machine is full. Replication goes on where it stopped when there is room.")

log = logging.getLogger(__name__)


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """A full disk, wherever it is noticed, as the one sentence about it."""
    try:
        yield
    except InsufficientStorage as problem:
        raise Full(FULL) from problem


class Done(NamedTuple):
    """What a round moved: rows that came, revisions that the hub judged, contents that came."""

    pulled: int = 0
    pushed: int = 0
    contents: int = 0

    def __add__(self, other: object) -> Done:
        assert isinstance(other, Done)
        return Done(self.pulled + other.pulled, self.pushed + other.pushed, self.contents + other.contents)


class Rounds:
    """Runs rounds against one hub.

    `mirror(name)` gives the replica of a database, `apply_me` takes over what the hub says the person may (databases
    that are lost are removed), `hub(counting)` makes a connection whose bytes are counted by `counting`.
    """

    def __init__(
        self,
        data: Path,
        mirror: Callable[[str], Mirror],
        apply_me: Callable[[dict[str, Any]], object],
        hub: Callable[[Callable[[int, int], None]], Hub],
        options: Options,
        states: States,
        *,
        tries: int = 4,
    ) -> None:
        self.mirror = mirror
        self._apply_me = apply_me
        self.options = options
        self.states = states
        self.lock = RoundLock(data)
        self.personal: Personal | None = None  # the person's own marks, filters and drafts
        self._connect = hub
        self._tries = tries
        self.hub = hub(self.states.of("").count)
        self._noting = threading.Lock()
        self._hubs: dict[str, Hub] = {}
        self._executor = ThreadPoolExecutor(TOGETHER, thread_name_prefix="replicate")

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    # -- a round

    def full(
        self,
        stop: threading.Event,
        *,
        recompare: bool = False,
        waiting: Callable[[], None] = lambda: None,
    ) -> Done:
        """Everything, both ways. HubError, the first one when several databases failed."""
        patience = Patience(self._tries, stop=stop)
        with _disk(), self.lock.held(stop, waiting):
            known = self.options.updates
            news = patience.call(lambda: self.hub.updates(known))
            names = self._names_of(news) if known and not recompare else None
            if names is None or news.get("me"):
                names = self.names(patience)
            else:
                names += [name for name in self.local_names() if name not in names and self._waits(name)]
            done = self._databases(names, patience, recompare=recompare)
            self._exchange(patience)
            self.options.settled(str(news["last_seq"]))
            if done != Done() or not known or self._report_is_due():
                self._report()
            return done

    def some(self, stop: threading.Event, names: Iterable[str]) -> Done:
        """These databases alone: what is new on the hub, or unsent here."""
        with _disk(), self.lock.held(stop):
            done = self._databases(list(names), Patience(self._tries, stop=stop), recompare=False)
            if self._report_is_due():
                self._report()
            return done

    def names(self, patience: Patience) -> list[str]:
        """Ask what the person may, take it over, and give the databases that are to be taken along."""
        me = patience.call(self.hub.me)
        self._note_offset(me.get("time"))
        wanted = self.options.databases
        if wanted is not None:
            me = me | {"databases": {name: about for name, about in me["databases"].items() if name in wanted}}
        self._apply_me(me)
        self.options.put_json("names", sorted(me["databases"]))
        return sorted(me["databases"])

    def local_names(self) -> list[str]:
        """The databases of the last `me`."""
        return list(self.options.json("names", []))

    def _names_of(self, news: dict[str, Any]) -> list[str] | None:
        names = self.local_names()
        if any(self.mirror(name).checkpoint() is None for name in names):
            return None  # the first sync was interrupted
        return [each["database"] for each in news["results"] if each["database"] in names]

    def _waits(self, name: str) -> bool:
        """Whether something of a database is still to go out or to come."""
        mirror = self.mirror(name)
        return (
            mirror.count_unsent() > 0
            or bool(mirror.missing_content(1, self.options.attachments))
            or bool(mirror.state().get("error"))
        )

    def _note_offset(self, time: object) -> None:
        if isinstance(time, str):
            ahead = (clock.utcnow() - clock.parse(time)).total_seconds()
            self.options.put_json("offset", round(ahead, 1))

    def _exchange(self, patience: Patience) -> None:
        """The person's own marks, filters and drafts; a hub that does not take them spoils no round."""
        if self.personal is None:
            return
        personal = self.personal
        try:
            patience.call(lambda: exchange(self.hub, self.options, personal))
        except (Unreachable, Refused) as problem:
            log.info("The hub did not exchange marks and drafts: %s", problem.reason)

    def _report_is_due(self) -> bool:
        last = self.options.get("reported")
        return last is None or abs((clock.utcnow() - clock.parse(last)).total_seconds()) >= REPORT_EVERY

    def _report(self) -> None:
        """Tell the hub how far we are; it is for its list of devices only, so that a failure spoils nothing."""
        databases = {name: self.mirror(name).state() for name in self.local_names()}
        told = {
            name: {each: state.get(each) for each in ("unsent", "rejected", "last_sync")}
            for name, state in databases.items()
        }
        try:
            self.hub.report({"databases": told})
            self.options.put("reported", clock.now())
        except (Unreachable, Refused) as problem:
            log.info("The hub did not take the report of this device: %s", problem.reason)

    # -- the databases of a round

    def _databases(self, names: Sequence[str], patience: Patience, *, recompare: bool) -> Done:
        for name in names:
            self.states.of(name).begin("waiting")
        first = [name for name in names if name == DIRECTORY]
        rest = [name for name in names if name != DIRECTORY]
        problems: list[DavenportError] = []
        done = Done()
        for some in (first, rest):
            futures = [self._executor.submit(self._guarded, name, patience, recompare) for name in some]
            for future in futures:
                found = future.result()
                if isinstance(found, DavenportError):
                    problems.append(found)
                else:
                    done += found
            if any(isinstance(problem, Revoked | Stopped | Outdated) for problem in problems):
                break
        if problems:
            raise next((each for each in problems if isinstance(each, Revoked)), problems[0])
        return done

    def _guarded(self, name: str, patience: Patience, recompare: bool) -> Done | DavenportError:
        """One database; its error as an answer, noted."""
        progress = self.states.of(name)
        mirror = self.mirror(name)
        try:
            done = self._one(name, mirror, patience, progress, recompare=recompare)
            progress.error = None
            mirror.note_run()
            return done
        except InsufficientStorage:
            return self._failed(progress, mirror, Full(FULL), keep=False)
        except DavenportError as problem:
            return self._failed(progress, mirror, problem, keep=not isinstance(problem, Revoked))
        finally:
            progress.begin("idle")
            self.options.add_traffic(progress.take())

    def _failed(self, progress: Progress, mirror: Mirror, problem: DavenportError, *, keep: bool) -> DavenportError:
        progress.error = str(problem.reason)
        if keep:
            mirror.note_run(str(problem.reason))
        return problem

    def _one(self, name: str, mirror: Mirror, patience: Patience, progress: Progress, *, recompare: bool) -> Done:
        hub = self._hub(name, progress)
        wanted = Wanted(self.options.selection_of(name), self.options.attachments)
        puller = Puller(hub, name, wanted, patience, progress)
        pusher = Pusher(hub, name, patience, progress)
        repairer = Repairer(hub, name, wanted, patience, progress)
        if mirror.checkpoint() is None:
            self._note_selection(name, wanted.selection)
        progress.begin("pull")
        try:
            pulled = puller.run(mirror)
        except Recompare:
            pulled = puller.run(mirror, anew=True)
            pulled += repairer.run(mirror, lost=True)
        lease(hub, name, mirror, patience)
        pushed = self._pushed(pusher, mirror, progress)
        chosen = self.options.json("applied", {}).get(name)
        if chosen != wanted.selection:  # others than those that are here, or were to come
            pulled += puller.run(mirror, anew=True)
        if recompare or chosen != wanted.selection:
            pulled += repairer.run(mirror, lost=False)
            pushed += self._pushed(pusher, mirror, progress)
        if pushed:
            progress.begin("pull")
            pulled += puller.run(mirror)
        if chosen != wanted.selection:
            self._note_selection(name, wanted.selection)
        progress.begin("content")
        fetcher = Fetcher(hub, name, patience, progress, largest=wanted.attachments_below)
        return Done(pulled, pushed, fetcher.run(mirror))

    def _note_selection(self, name: str, selection: str | None) -> None:
        with self._noting:
            self.options.put_json("applied", self.options.json("applied", {}) | {name: selection})

    def _pushed(self, pusher: Pusher, mirror: Mirror, progress: Progress) -> int:
        if not mirror.count_unsent():
            return 0
        progress.begin("push")
        return pusher.run(mirror)

    def _hub(self, name: str, progress: Progress) -> Hub:
        found = self._hubs.get(name)
        if found is None:
            found = self._hubs[name] = self._connect(progress.count)
        return found

    def fetch(self, name: str, wanted: Sequence[Missing], stop: threading.Event) -> int:
        """These contents, whatever their size; how many came."""
        progress = self.states.of(name)
        patience = Patience(self._tries, stop=stop)
        fetcher = Fetcher(self._hub(name, progress), name, patience, progress, largest=None)
        return fetcher.fetch(self.mirror(name), wanted)


__all__ = ["Done", "HubError", "Rounds"]
