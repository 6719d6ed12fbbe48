"""The parts of the machine: a hub behind a real socket, and laptops as open nodes with a replicator each."""

from __future__ import annotations

import itertools
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from app.access import SYSTEM, Database, Identity
from app.access.acl import make
from app.access.mirror import Joined, Mirror
from app.errors import DavenportError
from app.node import Node
from app.store import Revision
from app.web import create_app
from replication.client.faults import HubError
from replication.client.hub import Credentials, Hub
from replication.client.options import Options
from replication.client.rounds import Rounds
from replication.client.states import States
from tests.conftest import PASSWORD, QUICK
from tests.replication.machine.wire import TOKEN, Wire

DATABASE = "notes"
PERSONS = ("north", "south", "leader")
FULL = ["create", "delete", "replicate_or_copy"]
TRIES = 1  # the machine itself tries again


class Killed(BaseException):
    """The laptop's process ended here."""


def first_acl() -> dict[str, Any]:
    """Everybody editor; admins manage."""
    return {
        "-Default-": {"level": "editor", "flags": FULL},
        "admins": {"type": "group", "level": "manager", "flags": FULL},
    }


class Quiet(WSGIRequestHandler):
    """Says nothing of requests, cut ones included."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""


class HubSide:
    """The hub, served on loopback."""

    def __init__(self, data: Path) -> None:
        self.node = Node.open(data)
        self.node.secrets._hasher = QUICK
        app = create_app(self.node, TESTING=True)
        self.wire = Wire(app.wsgi_app)
        app.wsgi_app = self.wire  # type: ignore[method-assign]
        self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop serving, close the node."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.node.close()

    def opened(self, person: str) -> Database:
        """The database for a person. NotFound."""
        found = self.node.directory.person(person)
        assert found is not None
        return self.node.databases.open(DATABASE, Identity(found))

    def readable(self, person: str) -> dict[str, list[Revision]]:
        """Live documents the person may take along, with the live leaves they read, the winner first."""
        try:
            replica = self.opened(person).replica
        except DavenportError:
            return {}
        found = {}
        for revision in replica.listing(None, None, 100_000, 0, descending=False):
            found[revision.id] = [leaf for leaf in replica.leaves(revision.id) if not leaf.deleted]
        return found

    def not_lost(self, person: str, ids: set[str]) -> set[str]:
        """Those documents that the person may take along, or could when they were deleted."""
        try:
            return set(self.opened(person).replica.winners(ids))
        except DavenportError:
            return set()

    def tokens(self, person: str) -> set[str]:
        """Everything in what the person may take along."""
        return {
            token
            for leaves in self.readable(person).values()
            for leaf in leaves
            for token in tokens_in(leaf.body, leaf.attachments)
        }


class LaptopSide:
    """A laptop of one person; `open` and `close` as its process starts and ends."""

    def __init__(self, data: Path, person: str, hub: HubSide) -> None:
        self.data, self.person, self.hub = data, person, hub
        self.problem = ""  # of the last round that failed
        self.kill: tuple[str, str, int] | None = None  # (method of the mirror, before | inside | after, which call)
        self.open()

    def open(self) -> None:
        """Start the program."""
        self.node = Node.open(self.data)
        laptop = self.node.laptop
        assert laptop is not None
        credentials = Credentials(laptop.name, laptop.token, device=laptop.device, wipe_key=laptop.wipe_key)
        self.rounds = Rounds(
            self.data,
            self._mirror,
            laptop.apply_me,
            lambda counting: Hub(self.hub.url, credentials, count=counting, read_timeout=20),
            Options(self.node.store.node),
            States(),
            tries=TRIES,
        )

    def close(self) -> None:
        """End the program."""
        self.rounds.close()
        self.node.close()

    def restart(self) -> None:
        """End it and start it anew."""
        self.close()
        self.open()

    def opened(self) -> Database:
        """The database for the laptop's person. NotFound."""
        laptop = self.node.laptop
        assert laptop is not None
        return self.node.databases.open(DATABASE, laptop.identity())

    def sync(self) -> bool:
        """A round; whether it came to its end. A kill restarts the program."""
        try:
            self.rounds.full(threading.Event())
        except HubError as problem:
            self.problem = repr(problem)
            return False
        except Killed:
            self.kill = None
            self.restart()
            return False
        return True

    def _mirror(self, name: str) -> Mirror:
        mirror = self.node.databases.mirror(name)
        return Fragile(mirror, self) if name == DATABASE and self.kill else mirror  # type: ignore[return-value]

    def here(self) -> dict[str, list[Revision]]:
        """Live documents of the replica with their live leaves, the winner first; whatever the person's rights."""
        if DATABASE not in self.node.store.names():
            return {}
        raw = self.node.store.database(DATABASE)
        found = {}
        for change in raw.changes():
            leaves = [leaf for leaf in raw.leaves(change.id) if not leaf.deleted]
            if leaves:
                found[change.id] = leaves
        return found

    def rejected(self) -> str:
        """Everything kept of refused edits, as text."""
        with self.node.store.reading() as connection:
            return repr(connection.execute("SELECT * FROM rejected").fetchall())

    def raw_tokens(self) -> set[str]:
        """Every token in any file of the laptop."""
        return {
            token.decode()
            for path in self.data.rglob("*")
            if path.is_file()
            for token in TOKEN.findall(path.read_bytes())
        }


class Fragile:
    """A mirror during whose work the process ends."""

    def __init__(self, mirror: Mirror, laptop: LaptopSide) -> None:
        self._mirror, self._laptop = mirror, laptop
        assert laptop.kill is not None
        self._method, self._when, self._left = laptop.kill

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._mirror, name)
        return self._ending(found) if name == self._method else found

    def _ending(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left > 0:
                return work(*arguments, **named)
            if self._when == "before":
                raise Killed
            if self._when == "after":
                work(*arguments, **named)
                raise Killed
            with self._laptop.node.store.transaction():  # all that was written is lost with the process
                work(*arguments, **named)
                raise Killed

        return call


def tokens_in(*values: object) -> set[str]:
    """The tokens anywhere in some values."""
    return {found.decode() for value in values for found in TOKEN.findall(repr(value).encode())}


def template(made_once: Path, folder: Path) -> Path:
    """A hub and three joined laptops, closed: made once, copied for each run. The folder holds hub, north, south, …"""
    shutil.copytree(made_once, folder / "hub")
    with Node.open(folder / "hub") as node:
        node.databases.create(DATABASE, SYSTEM, make(first_acl()))
        for group in ("inner", "outer"):
            node.directory.create_group(SYSTEM, name=group, key=group, members=["inner"] if group == "outer" else [])
    hub = HubSide(folder / "hub")
    try:
        for person in PERSONS:
            with _joined(folder / person, person, hub):
                pass
    finally:
        hub.close()
    return folder


@contextmanager
def _joined(data: Path, person: str, hub: HubSide) -> Iterator[Node]:
    connection = Hub(hub.url, Credentials(person, PASSWORD))
    told = connection.register(label=f"{person}'s", platform="test", databases=[DATABASE])
    joined = Joined(
        hub.url,
        told["hub"],
        connection.me()["person"],
        person,
        PASSWORD,
        told["device"],
        told["token"],
        told["wipe_key"],
        databases=[DATABASE],
    )
    with Node.join_local(data, joined) as node:
        yield node


class World:
    """A copy of the template, running."""

    def __init__(self, template: Path, folder: Path) -> None:
        shutil.copytree(template, folder)
        self.hub = HubSide(folder / "hub")
        self.laptops = {person: LaptopSide(folder / person, person, self.hub) for person in PERSONS}
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """End everything."""
        for laptop in self.laptops.values():
            laptop.close()
        self.hub.close()

    def token(self) -> str:
        """A value that occurs nowhere else."""
        return f"tok{next(self._numbers):06d}q"

    def opened(self, place: str, person: str = "") -> Database:
        """The database on the hub for a person, or on a laptop for its own."""
        return self.hub.opened(person) if place == "hub" else self.laptops[place].opened()
