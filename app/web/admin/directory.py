"""What the pages of people, groups and units show beside the entry itself: who is where, and where a name is used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from flask import g
from flask_babel import gettext as _

from app.access import Group, Level, Person, Unit
from app.access.acl import effective
from app.web import context


class Branch(NamedTuple):
    """A unit in the tree, with how many active persons it holds itself, and the units below."""

    unit: Unit
    label: str
    people: int
    below: list[Branch]


class Use(NamedTuple):
    """An ACL that names a key: which database, with which level."""

    database: str
    title: str
    level: Level


def groups_of(key: str) -> list[Group]:
    """The groups that name somebody or something directly, by label."""
    snapshot = context.node().directory.snapshot()
    found = [snapshot.groups[group] for group in snapshot.groups_of.get(key, ()) if group in snapshot.groups]
    return sorted(found, key=lambda group: context.person_label(group.key))


def indirect_groups(key: str) -> list[str]:
    """Keys of groups somebody belongs to through other groups, units or positions."""
    snapshot = context.node().directory.snapshot()
    held = snapshot.subject(key).principals & snapshot.groups.keys()
    return sorted(held - {group.key for group in groups_of(key)})


def members_all(key: str) -> list[Person]:
    """Every active person who holds a name (group, unit, position), by name."""
    directory = context.node().directory
    snapshot = directory.snapshot()
    return [p for p in directory.persons() if p.active and key in snapshot.subject(p.key).principals]


def tree() -> list[Branch]:
    """The units under each other; those in a cycle or below a removed unit stand at the top."""
    units = context.node().directory.units()
    known = {unit.key: unit for unit in units}
    counts: dict[str, int] = {}
    for person in context.node().directory.snapshot().active():
        counts[person.unit] = counts.get(person.unit, 0) + 1
    done: set[str] = set()

    def branch(unit: Unit) -> Branch:
        done.add(unit.key)
        below = [branch(other) for other in units if other.parent == unit.key and other.key not in done]
        below.sort(key=lambda one: one.label)
        return Branch(unit, context.person_label(unit.key), counts.get(unit.key, 0), below)

    top = [branch(unit) for unit in units if unit.parent not in known and unit.key not in done]
    top += [branch(unit) for unit in units if unit.key not in done]
    return sorted(top, key=lambda one: one.label)


def flat(branches: Iterable[Branch], depth: int = 0) -> list[tuple[Branch, int]]:
    """The tree as rows with their depth."""
    rows: list[tuple[Branch, int]] = []
    for one in branches:
        rows += [(one, depth), *flat(one.below, depth + 1)]
    return rows


def unit_choices(without: str = "") -> list[tuple[str, str]]:
    """Units for a select: key and label, indented by their place in the tree."""
    rows = flat(tree())
    return [(one.unit.key, "\u2003" * depth + one.label) for one, depth in rows if one.unit.key != without]


def uses(key: str) -> list[Use]:
    """ACLs that name a key directly; administrators see all of them."""
    node = context.node()
    found = []
    for name in node.store.names():
        entry = node.databases.known(name).acl.entries.get(key)
        if entry is not None:
            found.append(Use(name, title_of(name), entry.level))
    return found


def levels_of(key: str) -> list[tuple[str, str, Level, str]]:
    """Every database with the level somebody has there and the entry that decides: what `effective` says."""
    node = context.node()
    subject = node.directory.snapshot().subject(key)
    found = []
    for name in node.store.names():
        rights = effective(node.databases.known(name).acl, subject)
        found.append((name, title_of(name), rights.level, rights.entry))
    return found


def title_of(database: str) -> str:
    """What people call a database."""
    design = context.node().catalog.design(database)
    return (context.label(design.title) if design else "") or database


def name_in(name: Any, text: str) -> Any:
    """A label changed in the language of the request: a plain one replaced, one per language kept elsewhere."""
    if isinstance(name, dict):
        return {**name, g.language: text}
    return text


def kind_word(key: str) -> str:
    """What a key names: person, group, unit, position."""
    snapshot = context.node().directory.snapshot()
    if key in snapshot.persons:
        return str(_("Person"))
    if key in snapshot.groups:
        return str(_("Group"))
    if key.startswith("leader-of:"):
        return str(_("Position"))
    return str(_("Unit") if key in snapshot.units else _("unknown"))
