"""token, audit: what programs sign in with, and the log of what matters for rights."""

from __future__ import annotations

import argparse
from datetime import timedelta

from app.access import SYSTEM
from app.clock import stamp, utcnow
from app.web.api.tokens import shown
from app.web.cli.terminal import (
    Commands,
    command,
    group,
    json_argument,
    listed,
    opened,
    person_of,
    show_json,
    show_table,
)


def add(commands: Commands) -> None:
    """Register the commands."""
    actions = group(commands, "token", "Tokens for programs")
    make = command(actions, "add", "Make a token that stands for a person; it is shown once", add_token)
    make.add_argument("person", metavar="PERSON")
    make.add_argument("--label", default="command line", help="what it is for")
    make.add_argument("--databases", metavar="A,B", help="only these databases")
    make.add_argument("--read-only", action="store_true")
    make.add_argument("--days", type=int, metavar="N", help="ends after so many days")
    every = command(actions, "list", "List tokens", list_tokens)
    every.add_argument("--person", metavar="PERSON")
    end = command(actions, "revoke", "End a token", revoke)
    end.add_argument("token", metavar="ID")
    audit = command(commands, "audit", "Show the log: sign-ins, rights, exports", run_audit)
    audit.add_argument("--person", metavar="PERSON")
    audit.add_argument("--event", metavar="EVENT")
    audit.add_argument("--database", metavar="DATABASE")
    audit.add_argument("--limit", type=int, default=50, metavar="N")
    for parser in (make, every, end, audit):
        json_argument(parser)


def add_token(arguments: argparse.Namespace) -> int:
    """A token with scope and end."""
    with opened(arguments) as node:
        person = person_of(node, arguments.person)
        end = stamp(utcnow() + timedelta(days=arguments.days)) if arguments.days is not None else None
        databases = listed(arguments.databases) or None
        for name in databases or ():
            node.store.database(name)
        made, secret = node.secrets.tokens.create(
            person.key, arguments.label, databases=databases, write=not arguments.read_only, expires_at=end
        )
    if arguments.json:
        return show_json({**shown(made), "person": made.person, "token": secret})
    print(secret)
    return 0


def list_tokens(arguments: argparse.Namespace) -> int:
    """Tokens without their secrets."""
    with opened(arguments) as node:
        key = person_of(node, arguments.person).key if arguments.person else None
        found = node.secrets.tokens.list(key)
    if arguments.json:
        return show_json([{**shown(token), "person": token.person} for token in found])
    rows = [
        [
            token.id,
            token.person,
            token.label,
            ", ".join(sorted(token.scope.databases or ())) or "all",
            "read and write" if token.scope.write else "read",
            token.expires_at or "never",
            token.last_used or "never",
        ]
        for token in found
    ]
    return show_table(["id", "person", "label", "databases", "may", "ends", "last used"], rows)


def revoke(arguments: argparse.Namespace) -> int:
    """Programs that use it are refused from now on."""
    with opened(arguments) as node:
        node.secrets.tokens.revoke(arguments.token, by=SYSTEM.key)
    if arguments.json:
        return show_json({"id": arguments.token, "revoked": True})
    print("The token has ended.")
    return 0


def run_audit(arguments: argparse.Namespace) -> int:
    """Entries, newest first."""
    with opened(arguments) as node:
        key = person_of(node, arguments.person).key if arguments.person else None
        found = node.audit.search(
            person=key, event=arguments.event, database=arguments.database, limit=max(1, arguments.limit)
        )
    if arguments.json:
        return show_json([entry._asdict() for entry in found])
    rows = [[entry.at, entry.person, entry.event, entry.database, entry.subject, entry.address] for entry in found]
    return show_table(["at", "person", "event", "database", "subject", "from"], rows)
