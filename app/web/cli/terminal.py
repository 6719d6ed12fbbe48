"""What commands share: the open node, who acts, passwords, progress on a terminal or in lines, tables and JSON."""

from __future__ import annotations

import argparse
import getpass
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import orjson

from app.access import Identity
from app.errors import UserError
from app.node import Node
from app.settings import Settings
from app.store import keys
from app.transfer.jobs import Job

Run = Callable[[argparse.Namespace], int]
WIDTH = 30  # of the progress bar
EVERY = 5.0  # seconds between two plain lines of progress


class Commands(Protocol):
    """argparse's sub-parsers."""

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser: ...


def command(commands: Commands, name: str, help: str, run: Run, *, data: bool = True) -> argparse.ArgumentParser:
    """A command; `data` gives it the argument DATA."""
    found = commands.add_parser(name, help=help, description=help)
    found.set_defaults(run=run)
    if data:
        found.add_argument("data", metavar="DATA", type=Path)
        passphrase_argument(found)
    return found


def group(commands: Commands, name: str, help: str) -> Commands:
    """A command with commands of its own (`person add`)."""
    found = commands.add_parser(name, help=help, description=help)
    return found.add_subparsers(metavar="ACTION", required=True)


@contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[Node]:
    """The node in DATA. UserError where there is none."""
    data: Path = arguments.data
    if not (data / "documents.db").exists():
        raise UserError(f"There is no node in {data}; make one with `davenport init {data}`.")
    with Node.open(data, settings=settings_of(arguments)) as node:
        yield node


def settings_of(arguments: argparse.Namespace, *, new: bool = False) -> Settings:
    """The settings of DATA; on an encrypted node, or for a `new` one, with the passphrase from --passphrase-file,
    DAVENPORT_PASSPHRASE or a prompt. UserError."""
    data: Path = arguments.data
    settings = Settings.load(data)
    if new or keys.is_encrypted(data):
        return replace(settings, passphrase=passphrase(arguments, known=settings.passphrase, twice=new))
    return settings


def passphrase(arguments: argparse.Namespace, *, known: str = "", twice: bool = False) -> str:
    """The passphrase from --passphrase-file, else the `known` one, else asked for. UserError when nobody is there."""
    file: str | None = arguments.passphrase_file
    if file is not None:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        return lines[0] if lines else ""
    if known or not sys.stdin.isatty():
        return known
    found = getpass.getpass("New passphrase of the data: " if twice else "Passphrase of the data: ")
    if twice and getpass.getpass("Again: ") != found:
        raise UserError("The two passphrases differ.")
    return found


def passphrase_argument(parser: argparse.ArgumentParser) -> None:
    """--passphrase-file."""
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        help="file whose first line is the passphrase of encrypted data (DAVENPORT_PASSPHRASE, or asked for)",
    )


def acting(node: Node, name: str) -> Identity:
    """The person named by key, sign-in name, mail address or label. UserError."""
    return Identity(person_of(node, name), via="command")


def person_of(node: Node, name: str) -> Any:
    """A person by key, sign-in name, mail address or label. UserError."""
    directory = node.directory
    found = directory.person(name) or directory.find(name)
    if found is None or found.key == "system":
        named = [person for person in directory.persons() if person.name == name]
        found = named[0] if len(named) == 1 else None
    if found is None:
        raise UserError(f"There is no person {name}.")
    return found


def password(arguments: argparse.Namespace, *, prompt: str = "Password: ", twice: bool = True) -> str:
    """The password from --password-file (`-`: standard input), or asked for. UserError."""
    file: str | None = arguments.password_file
    if file == "-" or (file is None and not sys.stdin.isatty()):
        found = sys.stdin.readline().rstrip("\r\n")
    elif file is not None:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        found = lines[0] if lines else ""
    else:
        found = getpass.getpass(prompt)
        if twice and getpass.getpass("Again: ") != found:
            raise UserError("The two passwords differ.")
    if not found:
        raise UserError("A password is needed: type it, or name a file with --password-file.")
    return found


def password_argument(parser: argparse.ArgumentParser) -> None:
    """--password-file."""
    parser.add_argument(
        "--password-file", metavar="FILE", help="file whose first line is the password; - reads standard input"
    )


def json_argument(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="answer as JSON")


def listed(text: str | None) -> list[str]:
    """`a,b` as a list."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def show_json(value: Any) -> int:
    """Print JSON."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
    return 0


def show_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    """Print columns; Chinese takes two places."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(_width(row[index]) for row in texts) for index in range(len(header))]
    for row in texts:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
    return 0


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


class Progress:
    """How far a job is: a bar on a terminal, now and then a line elsewhere. On standard error."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._bar = sys.stderr.isatty()
        self._began = self._said = time.monotonic()
        self._drawn = False

    def __call__(self, done: int, total: int | None) -> None:
        moment = time.monotonic()
        last = total is not None and done >= total
        if moment - self._said < (0.1 if self._bar else EVERY) and not (last and self._drawn):
            return
        self._said = moment
        self._drawn = True
        rate = done / max(moment - self._began, 0.001)
        if not self._bar:
            print(f"{self._what}: {done:,}" + (f" of {total:,}" if total else ""), file=sys.stderr, flush=True)
            return
        share = min(done / total, 1.0) if total else 0.0
        bar = "█" * int(share * WIDTH) + "░" * (WIDTH - int(share * WIDTH)) if total else ""
        known = f" {done:,}/{total:,}" if total else f" {done:,}"
        print(f"\r{self._what} {bar}{known}  {rate:,.0f}/s\033[K", end="", file=sys.stderr, flush=True)

    def of(self, job: Job) -> None:
        """As the watcher of a job."""
        self(job.done, job.total)

    def end(self) -> None:
        """Leave the bar's line."""
        if self._bar and self._drawn:
            print(file=sys.stderr)
