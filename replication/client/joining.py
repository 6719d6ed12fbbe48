"""Becoming a laptop: name and password once, then a device of its own, which outlives a change of the password.

hub ◄── POST /sync/_devices (name, password) ── label, platform, databases, selection
    ──► device, token, wipe key ──► GET /sync/_me as the device ──► Joined (the node makes the data directory of it)
"""

from __future__ import annotations

import getpass
import platform
from collections.abc import Mapping, Sequence

from app.access.mirroring import Joined
from app.errors import UserError
from replication.client.address import hub_url
from replication.client.faults import Unreachable
from replication.client.hub import Credentials, Hub
from replication.client.trying import Patience


def label() -> str:
    """What the hub's list calls this machine."""
    return f"{platform.node() or 'laptop'} ({getpass.getuser()})"


def register(
    url: str,
    name: str,
    password: str,
    *,
    databases: Sequence[str] | None = None,
    selection: Mapping[str, str] | None = None,
    insecure: bool = False,
    tries: int = 4,
) -> Joined:
    """Register this machine at a hub. UserError for a bad address, HubError for everything the hub or the way says."""
    address = hub_url(url, insecure=insecure)
    patience = Patience(tries)
    about = {
        "label": label(),
        "platform": f"{platform.system()} {platform.release()}",
        "databases": None if databases is None else list(databases),
        "selection": dict(selection or {}),
    }
    hub = Hub(address, Credentials(name, password))
    patience.call(hub.prove)  # a registration is not repeated blindly: each makes a device
    made = hub.register(**about)
    try:
        device, token, wipe_key = str(made["device"]), str(made["token"]), str(made["wipe_key"])
    except KeyError as problem:
        raise Unreachable("The hub's answer is not understood; is something on the way changing it?") from problem
    own = Hub(address, Credentials(name, token, device=device, wipe_key=wipe_key))
    me = patience.call(own.me)
    person = me["person"]
    return Joined(
        url=address,
        hub=str(me.get("hub") or made.get("hub") or ""),
        person=person,
        name=name,
        password=password,
        device=device,
        token=token,
        wipe_key=wipe_key,
        databases=None if databases is None else list(databases),
        selection=dict(selection or {}),
        insecure=insecure,
    )


def same(url: str, name: str, known: Mapping[str, str], *, insecure: bool = False) -> None:
    """Refuse to join a directory that belongs to another hub or person. UserError."""
    if hub_url(url, insecure=insecure) != known.get("url"):
        raise UserError(f"This directory belongs to the hub {known.get('url')}.")
    if name not in (known.get("name"), known.get("person")):
        raise UserError(f"This directory belongs to {known.get('name')}.")
