"""Which names a person holds. Pure.

    own key · every group, nested (cycles end) · unit:x with every unit above · leader-of:x     from the
    directory [Role] · level:x for each level held or above · flag:read_public · *                        per
    database

Access lists hold these names, never labels, so a rename or a re-organisation rewrites no document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from app.access.acl import Level, Rights
from app.access.rules import EVERYBODY, PUBLIC

UNIT = "unit:"
LEADER = "leader-of:"
_KEY = re.compile(r"[a-z0-9一-鿿][a-z0-9一-鿿._@-]{0,62}")
RESERVED = frozenset({"system", "acl", "anonymous", "-default-", "design"})


def is_key(text: str) -> bool:
    """Whether a text may be the key of a person or group: short, lower case, no punctuation that lists
    use."""
    return bool(_KEY.fullmatch(text)) and text not in RESERVED


def is_unit_key(text: str) -> bool:
    """`unit:south`: the same letters after the prefix."""
    return text.startswith(UNIT) and is_key(text.removeprefix(UNIT))


def closure(start: Iterable[str], above: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Everything reached upwards from some names; a cycle ends where it began."""
    seen: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(above.get(name, ()))
    return frozenset(seen)


def unit_path(unit: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """The units of a person from the nearest up, without prefix: ("east", "sales", "acme"). Cycles end."""
    path: list[str] = []
    while unit and unit not in path:
        path.append(unit)
        unit = parents.get(unit, "")
    return tuple(step.removeprefix(UNIT) for step in path)


def in_directory(
    key: str,
    unit: str,
    groups_of: Mapping[str, Iterable[str]],
    parents: Mapping[str, str],
    led_by: Mapping[str, Iterable[str]],
) -> frozenset[str]:
    """The names a person holds everywhere.

    `groups_of` says for a person, group or unit in which groups it is a member, `parents` for a unit the one
    above, `led_by` for a person the units led.
    """
    units = [UNIT + step for step in unit_path(unit, parents)]
    positions = [LEADER + led.removeprefix(UNIT) for led in led_by.get(key, ())]
    return closure([key, *units, *positions], groups_of)


def in_database(directory: frozenset[str], rights: Rights) -> frozenset[str]:
    """The names a person holds in one database: those of the directory, roles, levels, `*` from reader up."""
    own = {f"[{role}]" for role in rights.roles}
    own.update(f"level:{level.label}" for level in Level if Level.NONE < level <= rights.level)
    if rights.level >= Level.READER:
        own.add(EVERYBODY)
    if "read_public" in rights.flags:
        own.add(PUBLIC)
    return directory | own
