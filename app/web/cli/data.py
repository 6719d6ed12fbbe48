"""generate, backup, restore, check, reindex: the data directory."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app.access import SYSTEM
from app.errors import NotFound, UserError
from app.node import Node
from app.settings import Settings
from app.store import Store, backup, keys
from app.web.cli.terminal import (
    Commands,
    Progress,
    command,
    json_argument,
    opened,
    passphrase,
    passphrase_argument,
    settings_of,
    show_json,
    show_table,
)


def add(commands: Commands) -> None:
    """Register the commands."""
    bulk = command(commands, "generate", "Make realistic bulk data: same seed, same data", run_generate)
    bulk.add_argument("--documents", type=int, required=True, metavar="N")
    bulk.add_argument("--seed", type=int, default=1, metavar="S")
    backup = command(commands, "backup", "Write one consistent snapshot, also while the node serves", run_backup)
    backup.add_argument("file", metavar="FILE", type=Path)
    restore = command(commands, "restore", "Make a data directory from a backup", run_restore, data=False)
    restore.add_argument("file", metavar="FILE", type=Path)
    restore.add_argument("data", metavar="DATA", type=Path)
    restore.add_argument("--encrypted", action="store_true", help="encrypt what comes from a backup that is not")
    passphrase_argument(restore)
    command(commands, "passphrase", "Change the passphrase of an encrypted node", run_passphrase).add_argument(
        "--new-passphrase-file", metavar="FILE", help="file whose first line is the new one (asked for)"
    )
    check = command(commands, "check", "Look for damage; status 1 when something is wrong", run_check)
    check.add_argument("--digests", action="store_true", help="counts and a digest per database, to compare two nodes")
    json_argument(check)
    command(commands, "reindex", "Build every view index and the table of duplicates anew", run_reindex)


def run_generate(arguments: argparse.Namespace) -> int:
    """Bulk data with skewed reader sets."""
    if arguments.documents < 1:
        raise UserError("--documents is at least 1.")
    from app.demo import generate

    with opened(arguments) as node:
        progress = Progress("Generating")
        made = generate(
            node.databases,
            node.directory,
            documents=arguments.documents,
            seed=arguments.seed,
            progress=progress,
        )
        progress.end()
        _catch_up(node)
    print(f"{made:,} documents made.")
    return 0


def run_backup(arguments: argparse.Namespace) -> int:
    """One file."""
    with opened(arguments) as node:
        node.store.backup(arguments.file)
    print(f"The backup is in {arguments.file} ({arguments.file.stat().st_size / 1e6:,.1f} MB).")
    return 0


def run_restore(arguments: argparse.Namespace) -> int:
    """Into an empty folder."""
    if not arguments.file.is_file():
        raise UserError(f"There is no file {arguments.file}.")
    secret = ""
    if arguments.encrypted or backup.is_encrypted(arguments.file):
        known = Settings.load(arguments.data).passphrase
        secret = passphrase(arguments, known=known, twice=arguments.encrypted)
    Store.restore(arguments.file, arguments.data, passphrase=secret, encrypted=arguments.encrypted)
    print(f"The node is in {arguments.data}. Serve it with: davenport serve {arguments.data}")
    return 0


def run_passphrase(arguments: argparse.Namespace) -> int:
    """The old one opens, the new one from now on; a node that serves goes on meanwhile."""
    data: Path = arguments.data
    if not keys.is_encrypted(data):
        raise UserError(f"{data} is not encrypted; make a backup and restore it with --encrypted.")
    opened_by = keys.unlock(data, settings_of(arguments).passphrase)
    arguments.passphrase_file = arguments.new_passphrase_file
    opened_by.lock(data, passphrase(arguments, twice=True))
    print("The new passphrase opens the data from now on; older backups keep the old one.")
    return 0


def run_check(arguments: argparse.Namespace) -> int:
    """Each thing that is wrong on a line."""
    with opened(arguments) as node:
        problems = node.store.check()
        found = node.store.digests() if arguments.digests else {}
    if arguments.digests and not problems:
        return _show_digests(found, arguments.json)
    if arguments.json:
        show_json(problems)
    else:
        for problem in problems:
            print(problem)
    if problems:
        raise UserError(f"{len(problems)} thing{'s are' if len(problems) > 1 else ' is'} wrong.")
    if not arguments.json:
        print("All is well.")
    return 0


def _show_digests(found: dict[str, dict[str, Any]], json: bool) -> int:
    if json:
        return show_json(found)
    return show_table(
        ["database", "documents", "deleted", "attachments", "digest"],
        [[name, *each.values()] for name, each in found.items()],
    )


def run_reindex(arguments: argparse.Namespace) -> int:
    """Every order of every database."""
    with opened(arguments) as node:
        for name in node.store.names():
            try:
                node.views.rebuild(node.databases.open(name, SYSTEM))
                node.rules.uniques.rebuild(name)
            except NotFound:
                continue
        count = _catch_up(node)
    print(f"{count:,} documents indexed.")
    return 0


def _catch_up(node: Node) -> int:
    """Index what waits, with a bar."""
    progress = Progress("Indexing")
    total = 0
    while done := node.views.catch_up(limit=5000):
        total += done
        progress(total, None)
    progress.end()
    return total
