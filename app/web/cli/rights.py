"""acl: who may do what in a database.

davenport acl DATA customers --set sales=author,create,[Leaders] --unset visitors
"""

from __future__ import annotations

import argparse
from typing import Any

from app.access import SYSTEM
from app.access.acl import FLAGS, AclEntry, Level, entry_items, make
from app.errors import UserError
from app.node import Node
from app.web.cli.people import member_key
from app.web.cli.terminal import Commands, command, json_argument, opened, show_json, show_table

SPECIAL = ("-Default-", "Anonymous")


def add(commands: Commands) -> None:
    """Register the command."""
    acl = command(commands, "acl", "Show and change the access control list of a database", run)
    acl.add_argument("database", metavar="DATABASE")
    acl.add_argument(
        "--set",
        metavar="ENTRY=LEVEL[,flag…][,[Role]…]",
        action="append",
        default=[],
        help=f"levels: {', '.join(level.label for level in Level)}; flags: {', '.join(sorted(FLAGS))}",
    )
    acl.add_argument("--unset", metavar="ENTRY", action="append", default=[])
    json_argument(acl)


def run(arguments: argparse.Namespace) -> int:
    """Change what is asked for, then show the list."""
    with opened(arguments) as node:
        if arguments.set or arguments.unset:
            change(node, arguments.database, arguments.set, arguments.unset)
        found = node.databases.acl(arguments.database, SYSTEM)
    entries = [found.entries[name] for name in sorted(found.entries)]
    if arguments.json:
        return show_json({entry.name: entry_items(entry) for entry in entries})
    rows = [
        [
            entry.name,
            entry.type,
            entry.level.label,
            ", ".join(sorted(entry.flags)),
            " ".join(f"[{role}]" for role in sorted(entry.roles)),
        ]
        for entry in entries
    ]
    return show_table(["entry", "type", "level", "flags", "roles"], rows)


def change(node: Node, database: str, given: list[str], gone: list[str]) -> None:
    """Set and take away entries. UserError, BadRequest."""
    entries = dict(node.databases.acl(database, SYSTEM).entries)
    for text in gone:
        if entries.pop(text, None) is None and entries.pop(_key(node, text), None) is None:
            raise UserError(f"{database} has no entry {text}.")
    for text in given:
        entry = parsed(node, text)
        entries[entry.name] = entry
    node.databases.set_acl(database, SYSTEM, make(entries.values()))


def parsed(node: Node, text: str) -> AclEntry:
    """`sales=author,create,[Leaders]` as an entry. UserError."""
    name, equals, rest = text.partition("=")
    parts = [part.strip() for part in rest.split(",") if part.strip()]
    if not equals or not name.strip() or not parts:
        raise UserError(f"{text}: write ENTRY=LEVEL[,flag…][,[Role]…].")
    level, *more = parts
    if level.upper() not in Level.__members__:
        raise UserError(f"{text}: {level} is no level; levels are {', '.join(each.label for each in Level)}.")
    roles = frozenset(part.strip("[]") for part in more if part.startswith("["))
    flags = frozenset(part for part in more if not part.startswith("["))
    if flags - FLAGS:
        raise UserError(f"{text}: {min(flags - FLAGS)} is no flag; flags are {', '.join(sorted(FLAGS))}.")
    key = _key(node, name.strip())
    return AclEntry(key, _type(node, key), Level.named(level.lower()), flags, roles)


def _key(node: Node, name: str) -> str:
    return name if name in SPECIAL or name.startswith("*/") else member_key(node, name)


def _type(node: Node, key: str) -> str:
    if key in SPECIAL:
        return "unspecified"
    if key.startswith(("unit:", "*/", "leader-of:")):
        return "unit"
    snapshot: Any = node.directory.snapshot()
    return "person" if key in snapshot.persons else "group"
