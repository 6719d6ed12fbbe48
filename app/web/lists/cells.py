"""Values as they stand in the cells of a list: one line, no block, the same words as on the document's
page.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from babel import numbers
from flask import g
from markupsafe import Markup, escape

from app.design import Column, Design, Item
from app.web.assets import icon
from app.web.context import label, person_label
from app.web.i18n import format_ago, format_date, format_number, initials

BADGED = {"stage", "state", "status", "importance"}
GOOD = {
    "won",
    "closed",
    "done",
    "active",
    "published",
    "solved",
    "approved",
    "paid",
    "key",
}
BAD = {"lost", "rejected", "overdue", "dormant", "blocked", "cancelled", "bad", "urgent"}
PLAIN = {"normal", "low", "open"}
TONES = (2, 1, 6, 7, 4, 3, 5)
REPEATED = frozenset({"keyword", "names", "date"})  # what they show depends on the value and the item alone
LINES = 160  # characters of a text in a cell


class Cells:
    """Makes cells of one database for one person: the design gives the words of choices."""

    def __init__(self, design: Design | None) -> None:
        self.design = design
        self._made: dict[tuple[str, str, int], Markup] = {}

    def html(self, column: Column, value: Any, document: Mapping[str, Any]) -> Markup:
        """A value in its cell."""
        if value is None or value == "" or value == []:
            return Markup("")
        if isinstance(value, list):
            shown = [self.known(column, entry, document) for entry in value[:6]]
            return Markup(", ").join(shown)
        return self.known(column, value, document)

    def known(self, column: Column, value: Any, document: Mapping[str, Any]) -> Markup:
        """A single value in its cell; people, choices and dates come again and again and are made once."""
        if column.type not in REPEATED or not isinstance(value, str):
            return self.one(column, value, document)
        key = (column.type, value, id(column.item) if column.type == "keyword" else 0)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self.one(column, value, document)
        return found

    def text(self, item: Item | None, kind: str, value: Any) -> str:
        """A value as plain words: for the heading of a category, a chip, a board's column."""
        if value is None or value == "" or value == []:
            return ""
        if isinstance(value, list):
            return ", ".join(self.text(item, kind, entry) for entry in value)
        if kind == "keyword" and item is not None:
            return self.choice(item, value)
        if kind in ("names", "readers", "authors"):
            return person_label(str(value))
        if kind == "date":
            return format_date(value)
        if kind == "datetime":
            return format_ago(value)
        if kind in ("money", "number", "integer"):
            return format_number(value)
        return str(value)

    def choice(self, item: Item, value: Any) -> str:
        """The label of a stored choice."""
        for choice in item.choices:
            if choice.value == value:
                return label(choice.label)
        listed = self.design.keywords.get(item.keywords or "") if self.design else None
        found = listed.by_value.get(value) if listed and isinstance(value, str) else None
        return label(found.label) if found else str(value)

    def tone(self, item: Item, value: Any) -> str:
        """The colour of a choice: by its meaning where the word tells, else by its place in the list."""
        if value in PLAIN or (item.name == "status" and value == "closed"):
            return "none"
        if value in GOOD:
            return "good"
        if value in BAD:
            return "bad"
        listed = self.design.keywords.get(item.keywords or "") if self.design else None
        choices = item.choices or (listed.choices if listed else ())
        place = next((n for n, choice in enumerate(choices) if choice.value == value), 7)
        return str(TONES[place % len(TONES)])

    def one(self, column: Column, value: Any, document: Mapping[str, Any]) -> Markup:
        """A single value in its cell."""
        kind, item = column.type, column.item
        if kind == "keyword" and item is not None:
            word = self.choice(item, value)
            if item.name in BADGED:
                tone = self.tone(item, value)
                return Markup('<span class="badge-word tone-{}">{}</span>').format(tone, word)
            return escape(word)
        if kind in ("names", "readers", "authors"):
            return person(str(value))
        if kind == "money" and isinstance(value, int | float):
            return escape(money(value, _currency(item, document), g.language))
        if kind in ("number", "integer") and isinstance(value, int | float):
            return escape(format_number(value, item.places if item else None))
        if kind == "date":
            return escape(format_date(value))
        if kind == "datetime":
            return Markup('<time datetime="{}">{}</time>').format(value, format_ago(value))
        if kind == "boolean":
            return icon("check-lg") if value else Markup("")
        if kind == "link":
            return escape(self._linked(item, value))
        if isinstance(value, dict):
            return escape(str(value.get("date") or ""))
        return escape(str(value)[:LINES])

    def _linked(self, item: Item | None, value: Any) -> str:
        from app.web.documents.titles import linked

        database = (item.database if item else None) or (self.design.database if self.design else "")
        return linked(database, [str(value)])[str(value)].title


def _currency(item: Item | None, document: Mapping[str, Any]) -> str:
    named = document.get(item.currency_item) if item and item.currency_item else None
    return str(named or (item.currency if item else None) or "CNY")


@lru_cache(maxsize=4096)
def money(value: float, currency: str, language: str) -> str:
    """An amount with its currency's sign; whole amounts without decimals."""
    try:
        whole = float(value).is_integer()
        pattern = "¤#,##0" if whole else "¤#,##0.00"
        shown = numbers.format_currency(value, currency, pattern, locale=language, currency_digits=False)
        return shown.replace("CN¥", "¥")  # the house currency needs no country
    except (ValueError, numbers.UnknownCurrencyError):
        return format_number(value, 2)


def tone_of(key: str) -> int:
    """A colour that a person keeps."""
    return sum(key.encode()) % 8 + 1


def person(key: str, name: str | None = None) -> Markup:
    """Who: initials in a circle, and the name."""
    return _person(key, name or person_label(key))


@lru_cache(maxsize=4096)
def _person(key: str, shown: str) -> Markup:
    return Markup(
        '<span class="person"><span class="avatar tone-{}" aria-hidden="true">{}</span>'
        '<span class="person-name">{}</span></span>'
    ).format(tone_of(key), initials(shown), shown)
