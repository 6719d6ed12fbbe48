"""Making this machine a laptop: register at the hub, make the data directory, or go on where an earlier try ended.

Used by `davenport join` and by the page of the first start. What is here afterwards is a node without documents; the
first round brings them.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.access.laptop import Laptop, settings_of
from app.errors import UserError
from app.node import Node
from app.settings import Settings
from app.store import Store, keys
from replication.client import joining, wiping
from replication.client.address import hub_url
from replication.client.hub import Credentials, Hub

OWN = ("documents.db", "node.db", "attachments", keys.FILE)  # what a join that broke off may have left


def join(
    url: str,
    data: Path,
    name: str,
    password: str,
    *,
    databases: Sequence[str] | None = None,
    selection: Mapping[str, str] | None = None,
    insecure: bool = False,
    encrypted: bool = False,
    settings: Settings | None = None,
) -> Node:
    """The open node; `encrypted` under the settings' passphrase.

    UserError for a bad address or a directory in use, HubError for what the hub says.
    """
    address = hub_url(url, insecure=insecure)
    wiping.refuse(data)
    settings = settings or Settings.load(data)
    if (data / "documents.db").exists():
        known = _known(data, settings.passphrase)
        if known:
            joining.same(address, name, known, insecure=insecure)
            return _again(data, settings, address, name, password)
        _clear(data)
    fresh = not data.exists()
    joined = joining.register(address, name, password, databases=databases, selection=selection, insecure=insecure)
    data.mkdir(parents=True, exist_ok=True)
    try:
        return Node.join_local(data, joined, encrypted=encrypted, settings=settings)
    except BaseException:
        _clear(data)
        if fresh:
            with contextlib.suppress(OSError):
                data.rmdir()
        raise


def _known(data: Path, passphrase: str) -> dict[str, str]:
    """The settings of the join that this directory comes from. UserError when it is another kind of node."""
    store = Store.open(data, passphrase=passphrase)
    try:
        found = settings_of(store)
        if not found.get("url") and store.names():
            raise UserError(f"{data} holds a node already.")
        return found if found.get("url") else {}
    finally:
        store.close()


def _clear(data: Path) -> None:
    """Take away what a join made that never came to hold a document."""
    for path in data.iterdir() if data.exists() else ():
        if path.name.startswith(OWN):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _again(data: Path, settings: Settings, address: str, name: str, password: str) -> Node:
    """The same laptop once more: the password is proved, and what is missing is made."""
    Hub(address, Credentials(name, password)).prove()
    node = Node.open(data, settings=settings)
    laptop = node.laptop
    assert isinstance(laptop, Laptop)
    if not laptop.everything():
        laptop.apply_me({"person": {"key": laptop.person, "name": name}, "databases": {}})
    node.secrets.set_password(laptop.person, password, check=False)  # the hub has judged it
    return node
