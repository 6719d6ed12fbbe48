"""device: the laptops that hold a copy, and the end of one."""

from __future__ import annotations

import argparse

from app.access import SYSTEM
from app.access.devices import Device
from app.web.cli.terminal import Commands, command, group, json_argument, opened, person_of, show_json, show_table


def add(commands: Commands) -> None:
    """Register the commands."""
    actions = group(commands, "device", "Laptops that hold a copy")
    every = command(actions, "list", "List devices with their last sync", list_devices)
    every.add_argument("--person", metavar="PERSON")
    end = command(actions, "revoke", "Let a device wipe itself at its next contact", revoke)
    end.add_argument("device", metavar="ID")
    for parser in (every, end):
        json_argument(parser)


def list_devices(arguments: argparse.Namespace) -> int:
    """Devices, newest first; revoked and wiped ones too."""
    with opened(arguments) as node:
        key = person_of(node, arguments.person).key if arguments.person else None
        found = node.secrets.devices.list(key)
    if arguments.json:
        return show_json([device._asdict() for device in found])
    head = ["id", "person", "label", "platform", "state", "last sync", "last seen", "unsent"]
    return show_table(head, [_row(device) for device in found])


def _row(device: Device) -> list[object]:
    seen = (device.last_sync or "never", device.last_seen or "never")
    return [device.id, device.person, device.label, device.platform, device.state, *seen, device.waiting("unsent")]


def revoke(arguments: argparse.Namespace) -> int:
    """What it had not sent is lost with it: the list says how much that is."""
    with opened(arguments) as node:
        node.secrets.devices.revoke(arguments.device, by=SYSTEM.key)
    if arguments.json:
        return show_json({"id": arguments.device, "revoked": True})
    print("The device wipes itself at its next contact.")
    return 0
