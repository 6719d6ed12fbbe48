"""A hub and a laptop of `north` in one process: what the hub has is carried over as the gateway would carry it.

`Pair.pull` brings `north` everything the hub holds, by its own rules of reading; `Pair.push` sends what the laptop has
not sent and settles the answers. Both stand in for the replicator, without a network between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.access import Identity
from app.access.mirroring import Joined, Pulled, Refusal, Revoked
from app.access.pushing import Incoming
from app.access.replica import Replica
from app.errors import NotFound
from app.node import Node
from app.store import Stub
from tests.conftest import PASSWORD, QUICK

PERSON = "north"


class Pair:
    """A hub and one laptop."""

    def __init__(self, hub: Node, laptop: Node) -> None:
        self.hub, self.laptop = hub, laptop

    def identity(self, node: Node, person: str = PERSON) -> Identity:
        found = node.directory.person(person)
        assert found is not None
        return Identity(found)

    def at_hub(self, name: str, person: str = PERSON) -> Any:
        return self.hub.databases.open(name, self.identity(self.hub, person))

    def here(self, name: str) -> Any:
        return self.laptop.databases.open(name, self.identity(self.laptop))

    def replica(self, name: str) -> Replica:
        return self.at_hub(name).replica  # type: ignore[no-any-return]

    # -- carrying

    def me(self) -> dict[str, Any]:
        """As `/sync/_me` says it."""
        identity = self.identity(self.hub)
        databases = {}
        for info in self.hub.databases.readable(identity):
            database = self.hub.databases.open(info.name, identity)
            if database.may_copy:
                standing = self.hub.databases.known(info.name).standing(identity.key)
                databases[info.name] = {
                    "level": standing.rights.level.label,
                    "flags": sorted(standing.rights.flags),
                    "roles": sorted(standing.rights.roles),
                    "principals": sorted(standing.principals),
                    "reading": sorted(standing.reading),
                    "update_seq": 1,
                }
        person = identity.person
        told = {"key": person.key, "name": person.name, "unit": person.unit, "email": person.email}
        return {"person": told, "hub": "h", "databases": databases}

    def pull(self, name: str | None = None) -> None:
        """Rights first, then every database: what is readable comes, what is here and is not goes."""
        assert self.laptop.laptop is not None
        self.laptop.laptop.apply_me(self.me())
        for each in self.laptop.laptop.names():
            if name in (None, each):
                self._pull(each)
        self.laptop.views.catch_up()

    def _pull(self, name: str) -> None:
        mirror = self.laptop.databases.mirror(name)
        replica = self.replica(name)
        rows: list[Pulled | Revoked] = []
        for row in replica.feed(0, None):
            leaves = [
                (
                    found.path,
                    found.revision.deleted,
                    found.revision.body,
                    {key: list(stub) for key, stub in found.revision.attachments.items()} or None,
                )
                for found in replica.all_leaves(row.id)
            ]
            rows.append(Pulled(row.id, leaves))
        there = {row.id for row in rows}
        here = [id for id, _ in mirror.ids(limit=100_000) if id not in there and self._knows(name, id)]
        mirror.apply([*(Revoked(id) for id in here), *rows], f"token-{len(rows)}")

    def _knows(self, name: str, id: str) -> bool:
        try:
            self.hub.store.database(name).get(id, deleted=True)
        except NotFound:
            return False
        return True

    def push(self, name: str) -> list[Refusal]:
        """Everything unsent, and what was refused."""
        mirror = self.laptop.databases.mirror(name)
        refused: list[Refusal] = []
        while waiting := mirror.unsent():
            answers = []
            for unsent in waiting:
                kept = {}
                for file, stub in unsent.attachments.items():
                    with mirror.content(stub.address) as content:
                        blob = self.hub.store.blobs.write(content)
                    kept[file] = Stub(stub.content_type, blob.length, blob.digest, blob.address)
                sent = Incoming(unsent.id, unsent.path, unsent.body, unsent.deleted, kept)
                problem = self.replica(name).push([sent])[0]
                answers.append((unsent.n, Refusal(problem.error, problem.reason) if problem else None))
                refused += [Refusal(problem.error, problem.reason)] if problem else []
            mirror.settle(answers)
        return refused


@pytest.fixture
def laptop_data(tmp_path: Path) -> Path:
    return tmp_path / "laptop"


@pytest.fixture
def joined() -> Joined:
    person = {"key": PERSON, "name": "North", "unit": "unit:sales"}
    return Joined("http://127.0.0.1:1", "h", person, PERSON, PASSWORD, "d1", "secret-token", "wipe")


@pytest.fixture
def laptop(laptop_data: Path, joined: Joined) -> Iterator[Node]:
    """An empty laptop of north."""
    with Node.join_local(laptop_data, joined) as found:
        found.secrets._hasher = QUICK
        yield found


@pytest.fixture
def pair(node: Node, laptop: Node) -> Pair:
    """The hub and the laptop, which has pulled once."""
    found = Pair(node, laptop)
    found.pull()
    return found


Reopen = Callable[[], Node]
