"""An access control list from a form and back, and what to think about before it is saved.

    e0-name=sales e0-type=group e0-level=author e0-flags=create e0-flags=delete e0-roles=Leaders   one line an entry

`warnings` are sentences: nothing in them is forbidden. What is forbidden, the door refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flask_babel import gettext as _

from app.access import Acl, AclEntry, Level, Rights
from app.access.acl import ANONYMOUS_ENTRY, DEFAULT, FLAGS, TYPES, effective, make, matches
from app.access.directory import Snapshot
from app.access.principals import LEADER, UNIT, unit_path
from app.web import context
from app.web.admin import words

MOST = 500
NO_USE = {  # flags that do nothing at or below a level
    "create": Level.READER,
    "delete": Level.READER,
}


class Line(NamedTuple):
    """An entry as the page shows it."""

    entry: AclEntry
    label: str
    fixed: bool  # -Default- stays
    unknown: bool


def read(sent: Any) -> Acl:
    """The ACL that a form describes. BadRequest."""
    entries: dict[str, Mapping[str, Any]] = {}
    for number in range(MOST):
        name = sent.get(f"e{number}-name", "").strip()
        if not name:
            continue
        kind = sent.get(f"e{number}-type", "")
        entries[name] = {
            "type": kind if kind in TYPES else usual_type(name),
            "level": sent.get(f"e{number}-level", "none"),
            "flags": [flag for flag in sent.getlist(f"e{number}-flags") if flag in FLAGS],
            "roles": [role.strip().strip("[]") for role in sent.getlist(f"e{number}-roles") if role.strip("[] ")],
        }
    return make(entries)


def usual_type(name: str) -> str:
    """The kind of a name, as the directory knows it."""
    snapshot = context.node().directory.snapshot()
    if name in snapshot.persons:
        return "person"
    if name.startswith((UNIT, LEADER, "*/")):
        return "unit"
    return "group" if name in snapshot.groups else "unspecified"


def lines(acl: Acl) -> list[Line]:
    """The entries in the order people look for them: defaults, then groups, units, persons."""
    order = {DEFAULT: 0, ANONYMOUS_ENTRY: 1}
    kinds = {"group": 2, "unit": 3, "person": 4}
    found = [
        Line(entry, words.entry(entry.name), entry.name == DEFAULT, not known(entry.name))
        for entry in acl.entries.values()
    ]
    found.sort(key=lambda line: (order.get(line.entry.name, kinds.get(usual_type(line.entry.name), 5)), line.label))
    return found


def known(name: str) -> bool:
    """Whether a name means anybody."""
    snapshot = context.node().directory.snapshot()
    if name in (DEFAULT, ANONYMOUS_ENTRY) or name in snapshot.persons or name in snapshot.groups:
        return True
    if name.startswith("*/"):
        return any(matches(name, unit_path(unit, snapshot.parents)) for unit in snapshot.units)
    return (UNIT + name.removeprefix(LEADER) if name.startswith(LEADER) else name) in snapshot.units


def changes(before: Acl, after: Acl) -> list[str]:
    """What a save would change, as sentences."""
    found = []
    for name in sorted({*before.entries, *after.entries}):
        old, new = before.entries.get(name), after.entries.get(name)
        shown = words.entry(name)
        if old is None and new is not None:
            found.append(_("%(name)s: new, %(level)s", name=shown, level=words.level(new.level)))
        elif new is None:
            found.append(_("%(name)s: entry removed", name=shown))
        elif old is not None and old != new:
            found.append(f"{shown}: " + "; ".join(_differences(old, new)))
    return found


def _differences(old: AclEntry, new: AclEntry) -> Iterator[str]:
    if old.level != new.level:
        yield f"{words.level(old.level)} → {words.level(new.level)}"
    for flag in sorted(new.flags - old.flags):
        yield f"+ {words.flag(flag)}"
    for flag in sorted(old.flags - new.flags):
        yield f"− {words.flag(flag)}"
    for role in sorted(new.roles - old.roles):
        yield f"+ [{role}]"
    for role in sorted(old.roles - new.roles):
        yield f"− [{role}]"
    if old.type != new.type:
        yield f"{words.types().get(old.type, old.type)} → {words.types().get(new.type, new.type)}"


def warnings(before: Acl, after: Acl, asker: str) -> list[str]:
    """What to think about before saving."""
    snapshot = context.node().directory.snapshot()
    found = []
    mine, then = effective(before, snapshot.subject(asker)), effective(after, snapshot.subject(asker))
    if mine.level == Level.MANAGER and then.level < Level.MANAGER:
        found.append(_("You will no longer be manager here, and cannot undo this yourself."))
    for entry in after.entries.values():
        found += _entry_warnings(entry, after, snapshot)
    found += [
        _("%(name)s loses access to this database.", name=words.entry(name))
        for name in _shut_out(before, after, snapshot)
    ]
    return found


def _entry_warnings(entry: AclEntry, acl: Acl, snapshot: Snapshot) -> Iterator[str]:
    name = words.entry(entry.name)
    if entry.name == DEFAULT and entry.level >= Level.DESIGNER:
        yield _("Everybody who signs in would be %(level)s.", level=words.level(entry.level))
    if entry.name == ANONYMOUS_ENTRY and entry.level > Level.NONE:
        yield _("People who are not signed in would be %(level)s.", level=words.level(entry.level))
    if not known(entry.name):
        yield _("“%(name)s” is nobody in the directory: the entry does nothing.", name=entry.name)
    if entry.level == Level.AUTHOR and "create" not in entry.flags:
        yield _("%(name)s may edit as author but not write anything new: “Create” is off.", name=name)
    for flag in sorted(entry.flags):
        if entry.level <= NO_USE.get(flag, Level.NONE) and flag in NO_USE and entry.level != Level.DEPOSITOR:
            yield _("%(name)s: “%(flag)s” does nothing at level %(level)s.", name=name, flag=words.flag(flag),
                    level=words.level(entry.level))  # fmt: skip
    if entry.name in snapshot.persons and snapshot.persons[entry.name].active:
        rest = Acl({other: one for other, one in acl.entries.items() if other != entry.name})
        without = effective(rest, snapshot.subject(entry.name))
        if without.level > entry.level:
            yield _("%(name)s gets %(low)s, though %(entries)s would give %(high)s: an own entry counts alone.",
                    name=name, low=words.level(entry.level), high=words.level(without.level),
                    entries=words.entries(without.entry))  # fmt: skip


def _shut_out(before: Acl, after: Acl, snapshot: Snapshot) -> list[str]:
    lost = []
    for person in snapshot.active():
        subject = snapshot.subject(person.key)
        if effective(before, subject).level > Level.NONE and effective(after, subject).level == Level.NONE:
            lost.append(person.key)
        if len(lost) == 8:
            break
    return lost


def rights_of(acl: Acl, person: str) -> Rights:
    """What somebody would be allowed under an ACL."""
    return effective(acl, context.node().directory.snapshot().subject(person))


def via(entry: str, person: str) -> str:
    """How a person comes under the entry that decides: through which group or unit, in words."""
    snapshot = context.node().directory.snapshot()
    if entry == person:
        return str(_("their own entry, which counts alone"))
    if entry == DEFAULT:
        return str(_("no other entry names them"))
    direct = set(snapshot.groups_of.get(person, ()))
    parts = []
    for name in entry.split(", "):
        if name in snapshot.groups and name not in direct:
            between = [one for one in direct if name in snapshot.subject(person).principals and one != name]
            shown = ", ".join(words.entry(one) for one in between[:3])
            parts.append(_("member of %(name)s through %(others)s", name=words.entry(name), others=shown or "…"))
        elif name.startswith("*/"):
            parts.append(_("their unit's path ends so"))
        else:
            parts.append(_("member of %(name)s", name=words.entry(name)))
    return "; ".join(parts)
