"""Shipped designs into databases, as documents; an upgrade keeps what was customised there.

Per element, by the digest of the text shipped last:

    missing                        create
    as shipped last                take over the new text
    customised, shipped as before  keep
    customised, newer shipped      keep, and note the newer text so that a designer can compare
    own (never shipped)            keep
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from app.access import acl as acls
from app.access.identity import SYSTEM
from app.design import Problem
from app.design.loader import KINDS, Source, load_folder, sources_of
from app.errors import DavenportError
from app.forms.elements import digest, element_id, state_of

if TYPE_CHECKING:
    from app.access.database import Database
    from app.access.databases import Databases


class Installed(NamedTuple):
    """What an installation did: ids `database/design:…`."""

    created: list[str]
    updated: list[str]
    kept: list[str]  # customised, though a newer version is shipped
    problems: list[Problem]


def install(databases: Databases, folder: Path) -> Installed:
    """Load every `folder/<database>/` into its database, making databases and first ACLs where missing."""
    done = Installed([], [], [], [])
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        with databases.store.transaction():
            _install_one(databases, path, done)
    return done


def _install_one(databases: Databases, folder: Path, done: Installed) -> None:
    name = folder.name
    design = load_folder(folder)
    done.problems.extend(design.problems)
    if name not in databases.store.names():
        acl = acls.make(design.acl) if design.acl else None
        databases.create(name, SYSTEM, acl)
    database = databases.open(name, SYSTEM)
    wrong = {problem.file for problem in design.problems}
    order = list(KINDS)
    sources, _ = sources_of(folder)
    for source in sorted(sources, key=lambda source: order.index(source.kind)):
        if source.file not in wrong:
            _install_element(database, source, done)


def _install_element(database: Database, source: Source, done: Installed) -> None:
    id = element_id(source.kind, source.name, database.name)
    shown = f"{database.name}/{id}"
    shipped = digest(source.text)
    items = {
        "form": "design",
        "kind": source.kind,
        "name": source.name,
        "text": source.text,
        "shipped": shipped,
    }
    try:
        if not database.exists(id):
            database.create(items, id=id)
            done.created.append(shown)
            return
        document = database.get(id)
        state = state_of(document)
        if state == "own":
            return
        if digest(str(document.get("text", ""))) == shipped:
            if document.get("shipped") != shipped or document.get("newer"):
                database.update(id, items, document["_rev"])
        elif state == "shipped":
            database.update(id, items, document["_rev"])
            done.updated.append(shown)
        elif document.get("shipped") != shipped:
            if digest(str(document.get("newer") or "")) != shipped:
                kept = {name: value for name, value in document.items() if name[:1] != "_"}
                database.update(id, {**kept, "newer": source.text}, document["_rev"])
            done.kept.append(shown)
    except DavenportError as problem:
        done.problems.append(Problem(source.file, 0, "", problem.reason))


def take_newer(database: Database, id: str) -> None:
    """A designer gives up the customised text for the newer shipped one."""
    document = database.get(id)
    newer = document.get("newer")
    if isinstance(newer, str):
        items = {name: document[name] for name in ("form", "kind", "name")}
        database.update(id, {**items, "text": newer, "shipped": digest(newer)}, document["_rev"])
