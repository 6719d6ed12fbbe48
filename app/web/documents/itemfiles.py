"""Which file belongs to which attachment item: the item holds the names of its files, the content lies in
`_attachments`.

    deal   contract: ["contract.pdf"]   files: ["quote.xlsx", "plan.png"]      _attachments: all three, and "photo.png"
    page   Contract ─ contract.pdf      Quotes and other files ─ …             Other files ─ photo.png

A file that no item names (sent by REST, put into a text) stands under "Other files". A name without a file, left by a
program, is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from flask_babel import gettext

from app.design import Form, Item
from app.errors import Forbidden, Message
from app.store import Stub
from app.web.context import label
from app.web.documents import attaching
from app.web.documents.attaching import File
from app.web.documents.layout import fixed, hidden, names_of

if TYPE_CHECKING:
    from app.access import Database

FIELD = "_files."  # a file input of the form is called so, with the item's name


class FileGroup(NamedTuple):
    """The files of one attachment item; `item` is empty for those that belong to none."""

    item: str
    label: str
    files: list[File]
    editable: bool
    multiple: bool = True


def items_of(form: Form | None) -> list[Item]:
    """The attachment items of a form, in order."""
    return [item for item in form.items.values() if item.type == "attachment"] if form else []


def names_in(document: Mapping[str, Any], item: Item) -> list[str]:
    """The names an attachment item holds."""
    value = document.get(item.name)
    found = value if isinstance(value, list) else [value]
    return [name for name in found if isinstance(name, str) and name]


def groups(database: Database, form: Form | None, document: Mapping[str, Any], *, editable: bool) -> list[FileGroup]:
    """The files of a document by item; a hidden item's are left out, an empty item stands only where it can be
    filled."""
    every = {file.name: file for file in attaching.files(database.name, document)}
    items = items_of(form)
    names = names_of(database, document, old=document) if items else {}
    found, taken = [], set[str]()
    for item in items:
        mine = [every[name] for name in names_in(document, item) if name in every]
        taken.update(file.name for file in mine)
        if hidden(item, names):
            continue
        may = editable and not fixed(item, names)
        if mine or may:
            found.append(FileGroup(item.name, label(item.label), mine, may, item.multiple))
    others = [file for name, file in every.items() if name not in taken]
    if others or (editable and not items):
        words = gettext("Other files") if found else gettext("Files")
        found.append(FileGroup("", words, others, editable))
    return found


def open_item(
    database: Database, form: Form | None, document: Mapping[str, Any], name: str, *, is_new: bool = False
) -> Item | None:
    """The attachment item of that name; None for no name. Forbidden where the person may not fill it."""
    if not name:
        return None
    item = next((one for one in items_of(form) if one.name == name), None)
    if item is None or fixed(item, names_of(database, document, old=None if is_new else document)):
        raise Forbidden(Message("You may read this field but not change it."))
    return item


def with_file(document: Mapping[str, Any], item: Item, name: str, stub: Stub) -> dict[str, Any]:
    """What to change so that an item names this file, whose content is stored. An item for one file loses the one
    before."""
    held, files = names_in(document, item), dict(document.get("_attachments") or {})
    if not item.multiple:
        for other in held:
            files.pop(other, None)
        return {item.name: name, "_attachments": {**files, name: stub}}
    return {item.name: held if name in held else [*held, name], "_attachments": {**files, name: stub}}


def without_file(document: Mapping[str, Any], form: Form | None, name: str) -> dict[str, Any]:
    """What to change so that a file is gone and no item names it; empty where none did."""
    changed: dict[str, Any] = {}
    for item in items_of(form):
        held = names_in(document, item)
        if name in held:
            kept = [other for other in held if other != name]
            changed[item.name] = kept if item.multiple and kept else (kept[0] if kept else None)
    if changed:
        files = document.get("_attachments") or {}
        changed["_attachments"] = {other: stub for other, stub in files.items() if other != name}
    return changed
