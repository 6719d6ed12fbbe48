"""design: what is wrong with designs, which there are, and an upgrade to the shipped ones."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.design import Problem, load_folder
from app.errors import UserError
from app.web.cli.terminal import Commands, command, group, json_argument, opened, show_json, show_table


def add(commands: Commands) -> None:
    """Register the commands."""
    actions = group(commands, "design", "Designs: forms, views, keyword lists")
    check = command(actions, "check", "Say what is wrong in a folder of designs, or in a node's", run_check)
    every = command(actions, "list", "List the designs of a node", run_list)
    upgrade = command(actions, "install", "Load the shipped designs, keeping what was customised", run_install)
    upgrade.add_argument("--folder", type=Path, help="other designs than the shipped ones")
    for parser in (check, every, upgrade):
        json_argument(parser)


def run_check(arguments: argparse.Namespace) -> int:
    """File, line, key and reason of each mistake; status 1 when there is one."""
    data: Path = arguments.data
    problems = _in_folder(data) if not (data / "documents.db").exists() else _in_node(arguments)
    if arguments.json:
        show_json([problem._asdict() for problem in problems])
    else:
        for problem in problems:
            print(problem)
    if problems:
        raise UserError(f"{len(problems)} mistake{'s' if len(problems) > 1 else ''} found.")
    if not arguments.json:
        print("No mistakes found.")
    return 0


def _in_folder(folder: Path) -> list[Problem]:
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}.")
    one = (folder / "database.yaml").exists()
    found = [folder] if one else sorted(path.parent for path in folder.glob("*/database.yaml"))
    if not found:
        raise UserError(f"There are no designs in {folder}; a design is a folder with a database.yaml.")
    return [problem for path in found for problem in load_folder(path).problems]


def _in_node(arguments: argparse.Namespace) -> list[Problem]:
    with opened(arguments) as node:
        designs = [node.catalog.design(name) for name in node.store.names()]
    return [problem for design in designs if design for problem in design.problems]


def run_list(arguments: argparse.Namespace) -> int:
    """Databases with their forms and views."""
    with opened(arguments) as node:
        rows = [
            {"database": name, "forms": list(design.forms), "views": list(design.views)}
            for name in node.store.names()
            if (design := node.catalog.design(name)) is not None
        ]
    if arguments.json:
        return show_json(rows)
    table = [[row["database"], ", ".join(row["forms"]), ", ".join(row["views"])] for row in rows]
    return show_table(["database", "forms", "views"], table)


def run_install(arguments: argparse.Namespace) -> int:
    """Elements made, renewed, and kept because they were customised here."""
    with opened(arguments) as node:
        done = node.install(arguments.folder) if arguments.folder else node.install()
    if arguments.json:
        show_json({**done._asdict(), "problems": [problem._asdict() for problem in done.problems]})
    else:
        print(f"{len(done.created)} made, {len(done.updated)} renewed, {len(done.kept)} kept as customised here.")
        for name in done.kept:
            print(f"  kept {name}")
    if done.problems:
        raise UserError(f"A design has a mistake: {done.problems[0]}")
    return 0
