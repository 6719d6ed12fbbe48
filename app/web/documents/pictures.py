"""Pictures that were put into the text of a document before it was saved for the first time.

The browser shows them under an address of its own page (`blob:…`) and sends them with the save, one `_picture` (that
address) for each `_pictures` (the content). After the save they are attachments, and their lasting addresses stand in
the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import url_for
from werkzeug.datastructures import FileStorage

from app.design import Form
from app.errors import DavenportError
from app.web.documents import attaching
from app.web.i18n import say

if TYPE_CHECKING:
    from app.access import Database

_HERE = re.compile(r"!\[([^\]]*)\]\(blob:[^)\s]*\)")


def place(
    database: Database,
    form: Form | None,
    id: str,
    rev: str,
    addresses: Sequence[str],
    sent: Mapping[str, Sequence[FileStorage]],
    problems: list[str],
) -> str:
    """Attach the pictures and put their addresses into the texts; the revision that leaves."""
    lasting: dict[str, str] = {}
    for address, file in zip(addresses, sent.get("_pictures", ()), strict=False):
        names: list[str] = []
        rev = attaching.add(database, id, rev, [file], problems, names)
        if names and address.startswith("blob:"):
            url = url_for("attachments.file", database=database.name, id=id, file=names[0])
            lasting[address] = quote(url, safe="/%:?=&")
    document = database.get(id)
    changed: dict[str, Any] = {}
    for item in form.items.values() if form else ():
        text = document.get(item.name)
        if item.type == "richtext" and isinstance(text, str) and "blob:" in text:
            changed[item.name] = settled(text, lasting)
    if not changed:
        return rev
    try:
        return database.change(id, changed, rev, action="attach").rev
    except DavenportError as problem:
        problems.append(say(problem.reason))
        return rev


def settled(text: str, lasting: Mapping[str, str]) -> str:
    """The text with lasting addresses; a picture that was not sent leaves its name."""
    for address, url in lasting.items():
        text = text.replace(f"]({address})", f"]({url})")
    return _HERE.sub(lambda found: found[1], text)
