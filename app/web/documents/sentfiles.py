"""The files sent with a form: their content is stored first, then one save names them all.

    store(database, form, …)  ─►  Files  ─►  onto(document, items)  ─►  {contract: ["a.pdf"], _attachments: {…}}

So a document and its files are one entry of the history, and a save that is refused leaves no file behind (content that
nothing names is collected). Pictures put into a text before the first save stand there under an address of the
browser's own page (`blob:…`); the same save gives them their lasting one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from flask import url_for
from flask_babel import gettext
from werkzeug.datastructures import FileStorage

from app.design import Form
from app.errors import DavenportError
from app.store import Stub
from app.web.documents import itemfiles
from app.web.documents.attaching import DOWNLOAD, clean_name, free_name
from app.web.i18n import say

if TYPE_CHECKING:
    from app.access import Database

PICTURES = "_pictures"
_HERE = re.compile(r"!\[([^\]]*)\]\(blob:[^)\s]*\)")


class Sent(NamedTuple):
    """A file whose content is stored, under the name it came with."""

    name: str
    stub: Stub


@dataclass
class Files:
    """What a save does to the files of a document: those added, by item ("": none), pictures by address, those gone."""

    database: str
    form: Form | None
    added: dict[str, list[Sent]] = field(default_factory=dict)
    pictures: dict[str, Sent] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    names: list[str] = field(default_factory=list)  # what the added ones are called in the document

    def onto(self, id: str, document: Mapping[str, Any], items: Mapping[str, Any]) -> dict[str, Any]:
        """The items to save with `items`, `_attachments` among them; empty when no file comes or goes."""
        stubs: dict[str, Any] = dict(document.get("_attachments") or {})
        changed: dict[str, Any] = {}
        self.names = []
        for item in itemfiles.items_of(self.form):
            held = itemfiles.names_in(document, item)
            names = [name for name in held if name not in self.gone]
            names += [self._named(sent, stubs) for sent in self.added.get(item.name, ())]
            if not item.multiple:  # an item for one file gives up the one it had
                for name in names[:-1]:
                    stubs.pop(name, None)
                names = names[-1:]
            if names != held:
                changed[item.name] = names if item.multiple and names else names[0] if names else None
        for sent in self.added.get("", ()):
            self._named(sent, stubs)
        changed |= self._texts(id, {**document, **items}, stubs)
        for name in self.gone:
            stubs.pop(name, None)
        if stubs != (document.get("_attachments") or {}):
            changed["_attachments"] = stubs
        return changed

    def _named(self, sent: Sent, stubs: dict[str, Any]) -> str:
        name = free_name(sent.name, stubs)
        stubs[name] = sent.stub
        self.names.append(name)
        return name

    def _texts(self, id: str, document: Mapping[str, Any], stubs: dict[str, Any]) -> dict[str, str]:
        """Texts with the lasting addresses of their pictures; one that was not sent leaves its name."""
        lasting = {}
        for address, sent in self.pictures.items():
            url = url_for("attachments.file", database=self.database, id=id, file=self._named(sent, stubs))
            lasting[address] = quote(url, safe="/%:?=&")
        found = {}
        for item in self.form.items.values() if self.form else ():
            text = document.get(item.name)
            if item.type == "richtext" and isinstance(text, str) and "](blob:" in text:
                found[item.name] = settled(text, lasting)
        return found


def settled(text: str, lasting: Mapping[str, str]) -> str:
    """The text with lasting addresses instead of those of a browser's page."""
    for address, url in lasting.items():
        text = text.replace(f"]({address})", f"]({url})")
    return _HERE.sub(lambda found: found[1], text)


def store(
    database: Database,
    form: Form | None,
    document: Mapping[str, Any] | None,
    sent: Mapping[str, Sequence[FileStorage]],
    problems: list[str],
    *,
    addresses: Sequence[str] = (),
    gone: Iterable[str] = (),
    items: Mapping[str, Any] | None = None,
) -> Files:
    """Store what came with a form; why a file was refused goes to `problems`. `document`: None for a new one.

    Forbidden where the person may not fill an item, or take a file off it.
    """
    files = Files(database.name, form, gone=frozenset(gone))
    shown = {**(document or {}), **(items or {})}
    for item in itemfiles.items_of(form):
        chosen = [file for file in sent.get(itemfiles.FIELD + item.name, ()) if file.filename]
        if chosen or files.gone.intersection(itemfiles.names_in(shown, item)):
            itemfiles.open_item(database, form, shown, item.name, is_new=document is None)
        files.added[item.name] = _stored(database, form, document, chosen, problems)
    files.added[""] = _stored(database, form, document, sent.get("_files", ()), problems)
    for address, file in zip(addresses, sent.get(PICTURES, ()), strict=False):
        found = _stored(database, form, document, [file], problems)
        if found and address.startswith("blob:"):
            files.pictures[address] = found[0]
    return files


def _stored(
    database: Database,
    form: Form | None,
    document: Mapping[str, Any] | None,
    sent: Iterable[FileStorage],
    problems: list[str],
) -> list[Sent]:
    found = []
    for file in sent:
        if not file.filename:
            continue
        name = clean_name(file.filename)
        try:
            stub = database.store_content(
                file.stream,
                file.mimetype or DOWNLOAD,
                id=str(document["_id"]) if document else None,
                form=form.name if form else None,
            )
        except DavenportError as problem:
            problems.append(gettext("%(name)s was not attached: %(reason)s", name=name, reason=say(problem.reason)))
        else:
            found.append(Sent(name, stub))
    return found
