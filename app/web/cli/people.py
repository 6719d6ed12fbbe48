"""person, group, unit: the directory. The one who may use the data directory acts as the node itself."""

from __future__ import annotations

import argparse
from typing import Any

from app.access import SYSTEM
from app.errors import UserError
from app.node import Node
from app.web.cli.terminal import (
    Commands,
    command,
    group,
    json_argument,
    listed,
    opened,
    password,
    password_argument,
    person_of,
    show_json,
    show_table,
)

PROFILE = ("sign_in", "title", "unit", "email", "language", "zone")


def add(commands: Commands) -> None:
    """Register the commands."""
    _persons(group(commands, "person", "People who sign in"))
    _groups(group(commands, "group", "Groups of people"))
    _units(group(commands, "unit", "Organisation units"))


def _persons(actions: Commands) -> None:
    make = command(actions, "add", "Add a person", add_person)
    make.add_argument("name", metavar="NAME")
    make.add_argument("--key", help="the name in access lists, never changed (made from NAME otherwise)")
    make.add_argument("--groups", metavar="A,B", help="groups to put the person into")
    make.add_argument("--link", action="store_true", help="no password: print a one-time link's secret instead")
    make.add_argument("--must-change", action="store_true", help="the password is to be changed at first sign-in")
    change = command(actions, "change", "Change a person", change_person)
    change.add_argument("name", metavar="NAME")
    change.add_argument("--label", metavar="TEXT", help="a new name to show")
    change.add_argument("--groups", metavar="A,B", help="exactly these groups")
    change.add_argument("--password", action="store_true", help="ask for a new password")
    change.add_argument("--inactive", action="store_true", help="may not sign in any more")
    change.add_argument("--active", action="store_true", help="may sign in again")
    for parser in (make, change):
        password_argument(parser)
        for name in PROFILE:
            parser.add_argument("--" + name.replace("_", "-"), metavar="TEXT")
    remove = command(actions, "remove", "Remove a person; the key is never used again", remove_person)
    remove.add_argument("name", metavar="NAME")
    everyone = command(actions, "list", "List people", list_persons)
    for parser in (make, change, remove, everyone):
        json_argument(parser)


def add_person(arguments: argparse.Namespace) -> int:
    """A person with a password, or with a one-time link to set one."""
    with opened(arguments) as node:
        secret = None if arguments.link else password(arguments, prompt=f"Password for {arguments.name}: ")
        groups = [group_key(node, name) for name in listed(arguments.groups)]
        items = _profile(node, arguments)
        items.setdefault("sign_in", arguments.name)
        told: dict[str, Any] = {}
        with node.store.transaction():
            made = node.directory.create_person(SYSTEM, name=arguments.name, key=_free(arguments), **items)
            for name in groups:
                node.directory.change_group(SYSTEM, name, add=[made.key])
            if secret is not None:
                node.secrets.set_password(
                    made.key, secret, must_change=arguments.must_change, by=SYSTEM.key, check=False
                )
        if secret is None:
            told["link"] = node.secrets.create_link(made.key, by=SYSTEM.key)
        told = {**_person(node, made.key), **told}
    if arguments.json:
        return show_json(told)
    print(f"Added {told['name']} ({told['key']})." + (f" Secret of the link: {told['link']}" if "link" in told else ""))
    return 0


def _free(arguments: argparse.Namespace) -> str | None:
    key: str | None = arguments.key
    if key is None and arguments.name.isascii() and arguments.name.islower() and arguments.name.isidentifier():
        return str(arguments.name)
    return key


def _profile(node: Node, arguments: argparse.Namespace) -> dict[str, Any]:
    items = {name: getattr(arguments, name) for name in PROFILE if getattr(arguments, name) is not None}
    if items.get("unit"):
        items["unit"] = unit_key(node, items["unit"])
    return items


def change_person(arguments: argparse.Namespace) -> int:
    """Label, sign-in name, unit, groups, password, or whether they may sign in; the key stays."""
    with opened(arguments) as node:
        person = person_of(node, arguments.name)
        items = _profile(node, arguments)
        if arguments.label:
            items["name"] = arguments.label
        if arguments.active or arguments.inactive:
            items["active"] = bool(arguments.active)
        new = arguments.password or arguments.password_file is not None
        secret = password(arguments, prompt=f"New password for {person.name}: ") if new else None
        with node.store.transaction():
            if items:
                node.directory.change_person(SYSTEM, person.key, **items)
            if arguments.groups is not None:
                _into_groups(node, person.key, {group_key(node, name) for name in listed(arguments.groups)})
        if secret is not None:
            node.secrets.set_password(person.key, secret, by=SYSTEM.key, check=False)
        told = _person(node, person.key)
    if arguments.json:
        return show_json(told)
    print(f"Changed {told['name']} ({told['key']}).")
    return 0


def _into_groups(node: Node, key: str, wanted: set[str]) -> None:
    for found in node.directory.groups():
        if (key in found.members) != (found.key in wanted):
            change = {"add": [key]} if found.key in wanted else {"remove": [key]}
            node.directory.change_group(SYSTEM, found.key, **change)


def remove_person(arguments: argparse.Namespace) -> int:
    """Remove a person."""
    with opened(arguments) as node:
        person = person_of(node, arguments.name)
        node.directory.remove_person(SYSTEM, person.key)
    if arguments.json:
        return show_json({"key": person.key, "removed": True})
    print(f"Removed {person.name} ({person.key}).")
    return 0


def list_persons(arguments: argparse.Namespace) -> int:
    """Everybody."""
    with opened(arguments) as node:
        people = [_person(node, person.key) for person in node.directory.persons()]
    if arguments.json:
        return show_json(people)
    rows = [
        [row["key"], row["name"], row["unit"], ", ".join(row["groups"]), "" if row["active"] else "inactive"]
        for row in people
    ]
    return show_table(["key", "name", "unit", "groups", ""], rows)


def _person(node: Node, key: str) -> dict[str, Any]:
    person = node.directory.person(key)
    if person is None:
        raise UserError(f"There is no person {key}.")
    return {
        "key": person.key,
        "name": person.name,
        "sign_in": person.sign_in or person.key,
        "title": person.title,
        "unit": person.unit,
        "email": person.email,
        "active": person.active,
        "groups": [found.key for found in node.directory.groups() if key in found.members],
    }


def _groups(actions: Commands) -> None:
    make = command(actions, "add", "Add a group", add_group)
    make.add_argument("name", metavar="NAME")
    make.add_argument("--label", metavar="TEXT", help="the name to show")
    make.add_argument("--members", metavar="A,B")
    change = command(actions, "change", "Change the members of a group", change_group)
    change.add_argument("name", metavar="NAME")
    change.add_argument("--label", metavar="TEXT", help="a new name to show")
    change.add_argument("--add", metavar="MEMBER", action="append", default=[])
    change.add_argument("--remove", metavar="MEMBER", action="append", default=[])
    remove = command(actions, "remove", "Remove a group; the key is never used again", remove_group)
    remove.add_argument("name", metavar="NAME")
    everyone = command(actions, "list", "List groups", list_groups)
    for parser in (make, change, remove, everyone):
        json_argument(parser)


def add_group(arguments: argparse.Namespace) -> int:
    """A group; its key is its name."""
    with opened(arguments) as node:
        members = [member_key(node, name) for name in listed(arguments.members)]
        label = arguments.label or arguments.name
        node.directory.create_group(SYSTEM, arguments.name, name=label, members=members)
    return _said(arguments, {"key": arguments.name, "members": members}, f"Added group {arguments.name}.")


def change_group(arguments: argparse.Namespace) -> int:
    """Members in and out."""
    with opened(arguments) as node:
        key = group_key(node, arguments.name)
        add_keys = [member_key(node, name) for name in arguments.add]
        remove_keys = [member_key(node, name) for name in arguments.remove]
        items = {"name": arguments.label} if arguments.label else {}
        node.directory.change_group(SYSTEM, key, add=add_keys, remove=remove_keys, **items)
        members = next(list(found.members) for found in node.directory.groups() if found.key == key)
    return _said(arguments, {"key": key, "members": members}, f"{key}: {', '.join(members) or 'nobody'}")


def remove_group(arguments: argparse.Namespace) -> int:
    """Remove a group."""
    with opened(arguments) as node:
        key = group_key(node, arguments.name)
        node.directory.remove_group(SYSTEM, key)
    return _said(arguments, {"key": key, "removed": True}, f"Removed group {key}.")


def list_groups(arguments: argparse.Namespace) -> int:
    """Every group and its members."""
    with opened(arguments) as node:
        rows = [
            {"key": found.key, "name": node.directory.label(found.key, "en"), "members": list(found.members)}
            for found in node.directory.groups()
        ]
    if arguments.json:
        return show_json(rows)
    table = [[row["key"], row["name"], ", ".join(row["members"])] for row in rows]
    return show_table(["key", "name", "members"], table)


def _units(actions: Commands) -> None:
    make = command(actions, "add", "Add a unit", add_unit)
    make.add_argument("name", metavar="NAME")
    change = command(actions, "change", "Change a unit", change_unit)
    change.add_argument("name", metavar="NAME")
    for parser in (make, change):
        parser.add_argument("--label", metavar="TEXT", help="the name to show")
        parser.add_argument("--parent", metavar="UNIT", help="the unit above")
        parser.add_argument("--leader", metavar="PERSON", help="who leads it")
    remove = command(actions, "remove", "Remove a unit", remove_unit)
    remove.add_argument("name", metavar="NAME")
    everyone = command(actions, "list", "List units", list_units)
    for parser in (make, change, remove, everyone):
        json_argument(parser)


def _unit_items(node: Node, arguments: argparse.Namespace) -> dict[str, Any]:
    items: dict[str, Any] = {}
    if arguments.label:
        items["name"] = arguments.label
    if arguments.parent is not None:
        items["parent"] = unit_key(node, arguments.parent) if arguments.parent else ""
    if arguments.leader is not None:
        items["leader"] = person_of(node, arguments.leader).key if arguments.leader else ""
    return items


def add_unit(arguments: argparse.Namespace) -> int:
    """A unit; its key is `unit:NAME`."""
    key = "unit:" + arguments.name.removeprefix("unit:")
    with opened(arguments) as node:
        node.directory.create_unit(SYSTEM, key, **_unit_items(node, arguments))
    return _said(arguments, {"key": key}, f"Added {key}.")


def change_unit(arguments: argparse.Namespace) -> int:
    """Label, unit above, leader."""
    with opened(arguments) as node:
        key = unit_key(node, arguments.name)
        node.directory.change_unit(SYSTEM, key, **_unit_items(node, arguments))
    return _said(arguments, {"key": key}, f"Changed {key}.")


def remove_unit(arguments: argparse.Namespace) -> int:
    """Remove a unit."""
    with opened(arguments) as node:
        key = unit_key(node, arguments.name)
        node.directory.remove_unit(SYSTEM, key)
    return _said(arguments, {"key": key, "removed": True}, f"Removed {key}.")


def list_units(arguments: argparse.Namespace) -> int:
    """Every unit, the one above and its leader."""
    with opened(arguments) as node:
        rows = [
            {
                "key": unit.key,
                "name": node.directory.label(unit.key, "en"),
                "parent": unit.parent or None,
                "leader": unit.leader or None,
            }
            for unit in node.directory.units()
        ]
    if arguments.json:
        return show_json(rows)
    table = [[row["key"], row["name"], row["parent"], row["leader"]] for row in rows]
    return show_table(["key", "name", "above", "leader"], table)


def _said(arguments: argparse.Namespace, value: dict[str, Any], sentence: str) -> int:
    if arguments.json:
        return show_json(value)
    print(sentence)
    return 0


def group_key(node: Node, name: str) -> str:
    """The key of a group by key or label. UserError."""
    found = [group for group in node.directory.groups() if name in (group.key, *_labels(group.name))]
    exact = [group for group in found if group.key == name] or found
    if len(exact) != 1:
        raise UserError(f"There is no group {name}.")
    return str(exact[0].key)


def unit_key(node: Node, name: str) -> str:
    """The key of a unit by key or label. UserError."""
    wanted = {name, "unit:" + name}
    found = [unit for unit in node.directory.units() if unit.key in wanted or name in _labels(unit.name)]
    if len(found) != 1:
        raise UserError(f"There is no unit {name}.")
    return str(found[0].key)


def member_key(node: Node, name: str) -> str:
    """The key of a person, group, unit or position. UserError."""
    if name.startswith("leader-of:"):
        return "leader-of:" + unit_key(node, name.removeprefix("leader-of:")).removeprefix("unit:")
    for find in (_person_key, group_key, unit_key):
        try:
            return find(node, name)
        except UserError:
            continue
    raise UserError(f"There is no person, group or unit {name}.")


def _person_key(node: Node, name: str) -> str:
    return str(person_of(node, name).key)


def _labels(name: Any) -> list[str]:
    return [name] if isinstance(name, str) else list(name.values())
