"""Versions of a document made on different replicas, side by side: for each item what each says, and what was before.

    Side(name, label, choices=[Choice(value, html, here)], chosen, both)     value: a revision, or "base"

Chosen at first is what a merge would choose: where one version alone changed an item, its value; where several did, the
one that is shown now, and the row says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flask_babel import gettext
from markupsafe import Markup

from app.access.conflicts import Versions
from app.access.merging import CHANGED, CREATED, FILE, same
from app.design import Form
from app.errors import BadRequest
from app.web.context import label
from app.web.documents.display import Shower
from app.web.documents.layout import item_of

if TYPE_CHECKING:
    from app.access import Database

BASE = "base"


class Choice(NamedTuple):
    """One value an item may get: what it is chosen by, how it looks, and the versions that have it (their places)."""

    value: str
    html: Markup
    places: list[int]


class Side(NamedTuple):
    """An item in which the versions differ. `both`: several versions changed it."""

    name: str
    label: str
    choices: list[Choice]
    chosen: str
    both: bool


def sides(database: Database, form: Form | None, found: Versions) -> list[Side]:
    """The items in which the versions differ, those that several changed first."""
    rows = [
        *(_side(database, form, found, name) for name in _names(database, form, found)),
        *(_file(found, name) for name in _files(found)),
    ]
    return sorted(rows, key=lambda side: not side.both)


def _names(database: Database, form: Form | None, found: Versions) -> list[str]:
    """Items that differ and that a person decides: nothing that the form computes."""
    hidden = {*CREATED, *CHANGED}
    if form is not None:
        hidden |= {"readers", "authors", *(name for name, item in form.items.items() if item.computed is not None)}
    names = dict.fromkeys(name for version in found.versions for name in version if name[0] != "_")
    return [name for name in names if name not in hidden and _differ([one.get(name) for one in found.versions])]


def _files(found: Versions) -> list[str]:
    names = dict.fromkeys(name for version in found.versions for name in version.get("_attachments", {}))
    return [name for name in names if _differ([_digest(version, name) for version in found.versions])]


def _differ(values: Sequence[Any]) -> bool:
    return not all(same(values[0], value) for value in values[1:])


def _digest(version: Mapping[str, Any] | None, name: str) -> str | None:
    stub = (version or {}).get("_attachments", {}).get(name)
    return stub["digest"] if stub else None


def _side(database: Database, form: Form | None, found: Versions, name: str) -> Side:
    item = item_of(form, database.design, name, next((one[name] for one in found.versions if one.get(name)), None))
    values = [version.get(name) for version in found.versions]
    shown = [Shower(database.design, form, version).html(item, version.get(name)) for version in found.versions]
    before = found.base.get(name) if found.base else None
    html = Shower(database.design, form, found.base or {}).html(item, before)
    return _rows(found, name, label(item.label), values, shown, before, html)


def _file(found: Versions, name: str) -> Side:
    values = [_digest(version, name) for version in found.versions]
    shown = [_described(version, name) for version in found.versions]
    side = gettext("File “%(name)s”", name=name)
    return _rows(found, FILE + name, side, values, shown, _digest(found.base, name), _described(found.base or {}, name))


def _described(version: Mapping[str, Any], name: str) -> Markup:
    stub = version.get("_attachments", {}).get(name)
    return Markup("{} · {} KB").format(name, -(-stub["length"] // 1024)) if stub else Markup("")


def _rows(
    found: Versions,
    name: str,
    title: str,
    values: Sequence[Any],
    shown: Sequence[Markup],
    before: Any,
    html: Markup,
) -> Side:
    choices: list[Choice] = []
    kept: list[Any] = []
    for place, value in enumerate(values):
        twin = next((at for at, one in enumerate(kept) if same(one, value)), None)
        if twin is None:
            kept.append(value)
            choices.append(Choice(found.versions[place]["_rev"], shown[place], [place]))
        else:
            choices[twin].places.append(place)
    if found.base is None:
        return Side(name, title, choices, choices[0].value, True)
    changed = [choice for choice, value in zip(choices, kept, strict=True) if not same(value, before)]
    if not any(same(value, before) for value in kept):
        choices.append(Choice(BASE, html, []))
    return Side(name, title, choices, changed[0].value, len(changed) > 1)


class Chosen(NamedTuple):
    """What a person chose: items for the winner, and whose file of each name."""

    items: dict[str, Any]
    files: dict[str, str | None]


def chosen(found: Versions, given: Mapping[str, str]) -> Chosen:
    """Choices (`{item: revision or "base"}`) as changes of the winner. BadRequest for a version that is not there."""
    versions = {version["_rev"]: version for version in found.versions}
    if found.base is not None:
        versions[BASE] = found.base
    winner = found.versions[0]
    items: dict[str, Any] = {}
    files: dict[str, str | None] = {}
    for name, rev in given.items():
        version = versions.get(rev)
        if version is None:
            raise BadRequest("There is no such version.")
        if name.startswith(FILE):
            _choose_file(name.removeprefix(FILE), rev, version, winner, found, files)
        elif name[:1] != "_" and not same(version.get(name), winner.get(name)):
            items[name] = version.get(name)
    return Chosen(items, files)


def _choose_file(
    name: str,
    rev: str,
    version: Mapping[str, Any],
    winner: Mapping[str, Any],
    found: Versions,
    files: dict[str, str | None],
) -> None:
    wanted = _digest(version, name)
    if wanted == _digest(winner, name):
        return
    holder = next((one["_rev"] for one in found.versions if _digest(one, name) == wanted), rev)
    files[name] = holder if wanted else None
