"""Design elements as documents: what may be stored, what state each is in, saving one from the browser.

    _id "design:form:customer"
    {"form": "design", "kind": "form", "name": "customer", "text": <YAML>,
     "shipped": <digest of the text that was shipped last>, "newer": <shipped text not taken over>}

An element is `own` without `shipped`, `customised` when its text is not the shipped one, else `shipped`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from app import jsonio
from app.design import Design, Label, Problem, load_element
from app.design.loader import Source

if TYPE_CHECKING:
    from app.access.database import Database

PREFIX = "design:"


class Element(NamedTuple):
    """An element of a database's design. `state`: shipped, customised or own; `newer`: a shipped text
    waits."""

    id: str
    rev: str
    kind: str
    name: str
    label: Label
    state: str
    newer: bool
    problems: tuple[Problem, ...]


def element_id(kind: str, name: str, database: str) -> str:
    """`design:form:customer`; the database itself is `design:database`."""
    return "design:database" if kind == "database" else f"design:{kind}:{name}"


def digest(text: str) -> str:
    """A fingerprint of an element's text; line ends and spaces at the end do not count."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").strip().split("\n")]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def state_of(document: Mapping[str, Any]) -> str:
    """shipped, customised or own."""
    shipped = document.get("shipped")
    if not shipped:
        return "own"
    return "shipped" if digest(str(document.get("text", ""))) == shipped else "customised"


def check(
    design: Design | None, database: str, kind: str, name: str, text: str, file: str | None = None
) -> list[Problem]:
    """What is wrong with an element's text, beside the others of the design."""
    start = design or Design(database, Label({"en": database}))
    return load_element(start, Source(kind, name, text, file or element_id(kind, name, database)))


def listed(database: Database, design: Design | None) -> list[Element]:
    """The elements of a database, with state and problems, by kind and name."""
    with database.reading() as reading:
        rows = reading.connection.execute(
            "SELECT id, rev, body FROM documents WHERE db = ? AND id >= 'design:' AND id < 'design;'"
            f" AND deleted = 0 AND access IN (SELECT access FROM {reading.table}) ORDER BY id",
            (reading.number,),
        ).fetchall()
    return [_element(id, rev, body, design) for id, rev, body in rows]


def _element(id: str, rev: str, body: bytes, design: Design | None) -> Element:
    document = jsonio.loads(body)
    kind, name = str(document.get("kind", "")), str(document.get("name", ""))
    held: Mapping[str, Any] = {}
    if design is not None:
        held = {
            "form": design.forms, "view": design.views, "keywords": design.keywords,
            "workflow": design.workflows, "agent": design.agents,
        }.get(kind, {})  # fmt: skip
    label = design.title if kind == "database" and design else getattr(held.get(name), "label", Label({"en": name}))
    problems = tuple(problem for problem in design.problems if problem.file == id) if design else ()
    return Element(id, rev, kind, name, label, state_of(document), bool(document.get("newer")), problems)


def save_element(
    database: Database, design: Design | None, kind: str, name: str, text: str, rev: str | None = None
) -> list[Problem]:
    """Check an element and store it as this person. Problems: nothing was stored. Forbidden below
    designer."""
    problems = check(design, database.name, kind, name, text)
    if problems:
        return problems
    id = element_id(kind, name, database.name)
    items = {"form": "design", "kind": kind, "name": name, "text": text}
    if database.exists(id):
        database.change(id, items, rev or database.get(id)["_rev"])
    else:
        database.create(items, id=id)
    return []
