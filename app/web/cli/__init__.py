"""The command line: `davenport <command> DATA …`.

    main ── parser ── one module a group of commands, each with `add(commands)` and functions run(arguments) -> int
      └── terminal    passwords, progress, tables, JSON

Exit status 0 done, 1 refused or failed (one sentence on stderr, no traceback), 2 wrong usage. Every command works
while the node serves: writers wait for each other for moments.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from app.errors import DavenportError
from app.web.cli import data, designs, devices, laptop, node, people, replication, rights, tables, tokens

GROUPS = (node, replication, laptop, people, rights, tables, designs, tokens, devices, data)


def parser() -> argparse.ArgumentParser:
    """Every command and its arguments."""
    found = argparse.ArgumentParser(
        prog="davenport",
        description="Document groupware: documents with readers and authors, views, access control.",
        epilog="DATA is the node's data directory. Settings: DAVENPORT_* variables over DATA/davenport.toml.",
    )
    commands = found.add_subparsers(metavar="COMMAND", required=True)
    for group in GROUPS:
        group.add(commands)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        arguments = parser().parse_args(argv)
    except SystemExit as problem:
        return problem.code if isinstance(problem.code, int) else 2
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except DavenportError as problem:
        return _say(_sentence(problem))
    except KeyboardInterrupt:
        return _say("Stopped.")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, UnicodeError) as problem:
        return _say(_of_system(problem))
    except Exception as problem:
        if os.environ.get("DAVENPORT_DEBUG"):
            raise
        return _say(f"Something unexpected happened ({type(problem).__name__}: {problem}).")


def _say(sentence: str) -> int:
    print(f"davenport: {' '.join(sentence.split())}", file=sys.stderr)
    return 1


def _sentence(problem: DavenportError) -> str:
    reason = str(problem.reason)
    if reason in ("missing", "not_found"):
        return "There is no such thing here."
    return reason


def _of_system(problem: OSError | UnicodeError) -> str:
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.filename}: {problem.strerror}." if problem.filename else f"{problem.strerror}."
    return str(problem)


__all__ = ["main", "parser"]
