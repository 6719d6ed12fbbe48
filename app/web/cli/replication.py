"""join, replicate: a laptop and its hub."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from app.design.expressions import Expression, ExpressionError
from app.errors import UserError
from app.node import Node
from app.store import keys
from app.web.cli.terminal import (
    Commands,
    Progress,
    command,
    listed,
    opened,
    passphrase_argument,
    password,
    password_argument,
    settings_of,
)
from app.web.joining import join
from replication.client import wiping
from replication.client.faults import Revoked
from replication.client.options import EVERY
from replication.client.rounds import Done
from replication.client.service import Replication
from replication.client.states import Progress as Step

PHASES = {"pull": "fetching", "push": "sending", "content": "attachments", "compare": "comparing"}


def add(commands: Commands) -> None:
    """Register the commands."""
    found = command(
        commands, "join", "Make a laptop: a node with what one person may read on a hub", run_join, data=False
    )
    found.add_argument("url", metavar="HUB_URL")
    found.add_argument("data", metavar="DATA", type=Path)
    found.add_argument("--person", metavar="NAME", required=True, help="sign-in name on the hub")
    password_argument(found)
    found.add_argument("--databases", metavar="A,B", help="take these along, and the directory (all)")
    found.add_argument("--selection", metavar="EXPR", help="take along only documents for which this is true")
    found.add_argument("--encrypted", action="store_true", help="keep everything here encrypted under a passphrase")
    passphrase_argument(found)
    found.add_argument("--insecure", action="store_true", help="plain http beyond this machine")
    again = command(commands, "replicate", "Exchange changes with the hub: pull, push, pull", run_replicate)
    again.add_argument("--watch", action="store_true", help="go on until stopped")
    again.add_argument("--recompare", action="store_true", help="compare every document with the hub and repair")


def run_join(arguments: argparse.Namespace) -> int:
    """Register, make the directory, complete the first sync; called again it goes on."""
    secret = password(arguments, prompt=f"Password of {arguments.person} on the hub: ", twice=False)
    node = join(
        arguments.url,
        arguments.data,
        arguments.person,
        secret,
        databases=listed(arguments.databases) or None,
        selection=_selection(arguments.selection),
        insecure=arguments.insecure,
        encrypted=arguments.encrypted,
        settings=settings_of(arguments, new=arguments.encrypted and not keys.is_encrypted(arguments.data)),
    )
    with node, _wiped(node):
        done = shown(replication_of(node))
        while node.views.catch_up(limit=5000):
            pass
    print(f"{arguments.data} is a laptop of {arguments.person} now ({done.pulled:,} documents).")
    print(f"Serve it with: davenport serve {arguments.data} --port 8001")
    return 0


def _selection(expression: str | None) -> dict[str, str]:
    if not expression:
        return {}
    try:
        Expression(expression)
    except ExpressionError as problem:
        raise UserError(f"--selection: {problem}") from problem
    return {EVERY: expression}


def run_replicate(arguments: argparse.Namespace) -> int:
    """A full round that begins now; with --watch, live until stopped."""
    with opened(arguments) as node, _wiped(node):
        replication = replication_of(node)
        done = shown(replication, recompare=arguments.recompare)
        print(f"{done.pulled:,} fetched, {done.pushed:,} sent.", flush=True)
        if arguments.watch:
            _watch(node, replication)
    return 0


def _watch(node: Node, replication: Replication) -> None:
    signal.signal(signal.SIGTERM, _interrupt)
    replication.start()
    node.store.serve()
    print("Watching; Ctrl+C ends it.", file=sys.stderr, flush=True)
    said: str | None = None
    while not replication.revoked:
        time.sleep(0.5)
        problem = replication.trouble
        reason = str(problem.reason) if problem is not None else None
        if reason != said:
            print(reason or "In touch with the hub again.", file=sys.stderr, flush=True)
            said = reason
    raise Revoked(wiping.SENTENCE)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def replication_of(node: Node) -> Replication:
    """A laptop's replication. UserError for other nodes."""
    if node.replication is None:
        raise UserError(f"{node.data} has no hub; `davenport join` makes a laptop.")
    return node.replication


def shown(replication: Replication, *, recompare: bool = False) -> Done:
    """A round with a bar."""
    bars = Bars()
    replication.states.watch(bars)
    try:
        return replication.run(recompare=recompare, waiting=_say_waiting)
    finally:
        replication.states.watch(lambda step: None)
        bars.end()


def _say_waiting() -> None:
    print("Another program replicates this directory; waiting for it.", file=sys.stderr, flush=True)


@contextmanager
def _wiped(node: Node) -> Iterator[None]:
    """Close the node and remove its data when the hub proves that this device was revoked."""
    try:
        yield
    except Revoked:
        finish_revoked(node)
        raise


def finish_revoked(node: Node) -> None:
    """The node of a revoked device ends, and nothing is left."""
    node.close()
    wiping.wipe(node.data)
    if node.replication is not None:
        node.replication.tell_wiped()


class Bars:
    """One bar for all databases: rows that are durable, of those known to come."""

    def __init__(self) -> None:
        self._steps: dict[str, tuple[str, int, int]] = {}
        self._lock = threading.Lock()
        self._phase = ""
        self._bar: Progress | None = None

    def __call__(self, step: Step) -> None:
        if step.phase not in PHASES:
            return
        with self._lock:
            if step.phase != self._phase:
                self._renew(step.phase)
            self._steps[step.name] = (step.phase, step.done, step.total)
            same = [each for each in self._steps.values() if each[0] == step.phase]
            done, total = sum(each[1] for each in same), sum(each[2] for each in same)
            if self._bar is not None and total:
                self._bar(done, total)

    def _renew(self, phase: str) -> None:
        self.end()
        self._phase, self._bar = phase, Progress(PHASES[phase].capitalize())

    def end(self) -> None:
        """Leave the line."""
        if self._bar is not None:
            self._bar.end()
