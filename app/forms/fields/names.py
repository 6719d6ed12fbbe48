"""Persons, groups, units and roles: keys of the directory, never labels, so that a rename rewrites nothing.

"north"  "sales"  "unit:south"  "leader-of:south"  "[Leaders]"  "*"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.access.rules import SEPARATED
from app.forms.fields.base import Around, Field, FieldProblem

ACCESS_KINDS = ("person", "group", "unit", "leader", "role")


class Names(Field):
    """Keys of the directory. A label, sign-in name or mail address that means just one of them is taken
    as its key."""

    widget = "names"

    def __init__(self, item: Any) -> None:
        super().__init__(item)
        self.kinds: tuple[str, ...] = item.kinds or self.default_kinds()

    def default_kinds(self) -> tuple[str, ...]:
        """What the item may hold when the design does not say."""
        return ("person",)

    def read(self, raw: Any, around: Around) -> str | None:
        if not isinstance(raw, str):
            raise FieldProblem("A name is expected here.")
        text = raw.strip()
        if SEPARATED.search(text):
            raise FieldProblem("“%(value)s” is several names in one text; each name must stand alone.", value=text)
        if not text or around.people is None:
            return text or None
        if text.startswith("[") and text.endswith("]") and "role" in self.kinds:
            return text
        if text == "*" and "role" in self.kinds:
            return text
        key = around.people.key_of(text, self.kinds)
        if key is None:
            raise FieldProblem("Nobody is called “%(value)s”.", value=text)
        return key

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        return around.people.label(value, around.language) if around.people else str(value)

    def edit(self, value: Any, around: Around) -> str:
        return str(value)


class Readers(Names):
    """Names that may read the document, besides those its authors items give."""

    def default_kinds(self) -> tuple[str, ...]:
        return ACCESS_KINDS


class Authors(Readers):
    """Names that may edit the document."""
