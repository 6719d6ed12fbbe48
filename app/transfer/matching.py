"""Rows against what is there: duplicates, and the documents that link columns mean.

Neither asks the database row by row. A first pass over the file notes every key and every link text
(`Survey`); one scan of the readable documents of a form then answers all of them (`Known`, `Links`). Only
documents the person may read take part, so that an import tells nothing that a view would not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from app import jsonio
from app.access import Database
from app.design import Form, Item
from app.errors import BadRequest, Message
from app.transfer.mapping import normal

SCAN = 1000  # documents read at a time
NAMING = ("code", "name", "title", "subject", "short_name")


class Match(NamedTuple):
    """A document that is already there: which item is equal, and how people call the document."""

    id: str
    item: str
    called: str


class Key(NamedTuple):
    """One way in which two documents are the same: the item to name in the reason, and its normal form."""

    item: str
    value: str


def keys(form: Form, items: Mapping[str, Any]) -> list[Key]:
    """The keys of a document: its code, and what the form compares for duplicates.

    Under a link (a contact of a customer) a name counts only together with the link, a telephone only
    together with the name: colleagues share both.
    """
    found = []
    if code := normal(items.get("code") or ""):
        found.append(Key("code", code))
    link = next((item.name for item in form.items.values() if item.type == "link" and item.required), None)
    for name in form.duplicates:
        item, value = form.items.get(name), items.get(name)
        if item is None or value in (None, "", []) or name in ("code", link):
            continue
        plain = normal_value(item, value)
        if plain and link and item.type != "email":
            beside = items.get(link) if item.type != "phone" else items.get("name")
            plain = f"{plain}\n{normal(beside or '')}"
        if plain:
            found.append(Key(name, plain))
    return found


def compared(form: Form) -> frozenset[str]:
    """The items that `keys` looks at."""
    link = next((item.name for item in form.items.values() if item.type == "link" and item.required), "")
    return frozenset({"code", "name", link, *form.duplicates})


def normal_value(item: Item, value: Any) -> str:
    """A value as duplicates are compared: digits of a telephone number without +86, letters of a name."""
    if isinstance(value, list):
        return "\n".join(sorted(normal_value(item, entry) for entry in value))
    if item.type == "phone" or item.name in ("phone", "mobile", "fax"):
        digits = re.sub(r"\D", "", str(value))
        return re.sub(r"^(0086|86)(?=\d{10,})", "", digits).lstrip("0")
    if item.type == "email":
        return str(value).strip().casefold()
    return normal(value)


def digest(form: Form, key: Key) -> int:
    """A key as a number, so that a million of them fit in memory."""
    return hash((form.name, key))


def readable(database: Database, forms: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Every document of these forms that the person may read, with `_id`, in batches."""
    marks = ", ".join("?" * len(forms))
    last = 0
    while True:
        with database.reading() as reading:
            rows = reading.connection.execute(
                "SELECT doc, id, body FROM documents WHERE db = ? AND doc > ? AND deleted = 0"
                f" AND form IN ({marks}) AND access IN (SELECT access FROM {reading.table})"
                " ORDER BY doc LIMIT ?",
                (reading.number, last, *forms, SCAN),
            ).fetchall()
        for _, id, body in rows:
            document = jsonio.loads(body)
            document["_id"] = id
            yield document
        if len(rows) < SCAN:
            return
        last = rows[-1][0]


class Known:
    """Which of the wanted keys some readable document has already, and which came earlier in the file."""

    def __init__(self, form: Form, wanted: set[int]) -> None:
        self._form = form
        self._wanted = wanted
        self._there: dict[int, tuple[str, str]] = {}

    def scan(self, database: Database) -> None:
        """Read what is there once."""
        if not self._wanted:
            return
        for document in readable(database, (self._form.name,)):
            for key in keys(self._form, document):
                number = digest(self._form, key)
                if number in self._wanted:
                    self._there.setdefault(number, (document["_id"], called(document)))

    def match(self, found: list[Key]) -> Match | None:
        """The first document that has one of these keys."""
        for key in found:
            there = self._there.get(digest(self._form, key))
            if there:
                return Match(there[0], key.item, there[1])
        return None

    def add(self, found: list[Key], id: str, name: str) -> None:
        """A document that now exists, or would."""
        for key in found:
            self._there.setdefault(digest(self._form, key), (id, name))


class Links:
    """The documents that the texts of a link column mean: by code, name or id."""

    def __init__(self, item: Item, label: str) -> None:
        self.item = item
        self.wanted: set[str] = set()
        self._label = label
        self._codes: dict[str, str] = {}
        self._names: dict[str, set[str]] = {}

    def scan(self, database: Database) -> None:
        """Find the wanted texts among the readable documents of the linked forms."""
        if not self.wanted:
            return
        for document in readable(database, self.item.forms):
            self.add(document)

    def add(self, document: Mapping[str, Any]) -> None:
        """A document that the column may mean."""
        id = document["_id"]
        if id in self.wanted:
            self._codes[id] = id
        for name in NAMING:
            text = document.get(name)
            if isinstance(text, str) and (plain := normal(text)) in self.wanted:
                if name == "code":
                    self._codes[plain] = id
                else:
                    self._names.setdefault(plain, set()).add(id)

    def want(self, text: str) -> None:
        """A text of the column, in the first pass."""
        self.wanted.update((normal(text), text))

    def find(self, text: str) -> str:
        """The id of the document. BadRequest when there is none, or more than one of the name."""
        plain = normal(text)
        if found := self._codes.get(text) or self._codes.get(plain):
            return found
        ids = self._names.get(plain, set())
        if len(ids) == 1:
            return next(iter(ids))
        if ids:
            reason = Message("More than one document is called “%(text)s”; use the code.", text=text)
        else:
            reason = Message("There is no document “%(text)s” that you may see.", text=text)
        raise BadRequest(
            Message("%(item)s: %(problem)s", item=self._label, problem=reason), fields={self.item.name: reason}
        )


def called(document: Mapping[str, Any]) -> str:
    """How people call a document: its name, title or code."""
    for name in ("name", "title", "subject", "code"):
        text = document.get(name)
        if isinstance(text, str) and text:
            return text
    return str(document.get("_id", ""))
