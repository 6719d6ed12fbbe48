"""What every field type has: from what people or programs send to what a document holds, and back to text.

    form text, JSON, a cell ──parse──→ stored value ──validate──→ (or FieldProblem) ──display──→ text for
    people
                                                    └─form_text──→ text for an input

Stored values are JSON; empty is `None` and is not stored at all. `parse` of a stored value gives it back
unchanged.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from app import clock
from app.design.functions import pattern_of
from app.design.model import Item, Label
from app.errors import Message as Message

SEPARATORS = ";,、，；\n"
MAX_ENTRIES = 10_000


class FieldProblem(ValueError):
    """A value that this item cannot hold; `message` is a sentence for people."""

    def __init__(self, template: str, /, **params: Any) -> None:
        self.message = template if isinstance(template, Message) else Message(template, **params)
        super().__init__(str(self.message))


class People(Protocol):
    """What names items ask of the directory."""

    def key_of(self, text: str, kinds: tuple[str, ...]) -> str | None:
        """The key of a person, group or unit named by key, sign-in name, mail address or label; None if
        unknown."""

    def label(self, key: str, language: str) -> str:
        """How the holder of a key is called."""


class Around(NamedTuple):
    """Who enters or reads: language, time zone, the directory, and the names of linked documents."""

    language: str = "en"
    zone: str = clock.DEFAULT_ZONE
    people: People | None = None
    title_of: Callable[[str, str], str | None] | None = None  # (database, id) → title, readable documents only


PLAIN = Around()


class Field:
    """One item's type. Subclasses say how one value is read, checked and shown; lists are handled here."""

    sort_kind: ClassVar[str] = "text"  # text | number | date | choice | boolean
    widget: ClassVar[str] = "text"  # which macro draws the input

    def __init__(self, item: Item) -> None:
        self.item = item
        self.many = item.many

    # -- what subclasses say ---------------------------------------------------------------------------------

    def read(self, raw: Any, around: Around) -> Any:
        """One value as stored, or FieldProblem."""
        raise NotImplementedError

    def check(self, value: Any) -> None:
        """FieldProblem when a stored value breaks the item's limits."""

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        """One value as people read it."""
        return str(value)

    def edit(self, value: Any, around: Around) -> str:
        """One value as it stands in an input."""
        return self.show(value, around, {})

    # -- what callers use ------------------------------------------------------------------------------------

    def parse(self, raw: Any, around: Around = PLAIN) -> Any:
        """What a document holds for what was sent; None for empty. FieldProblem when it cannot be."""
        if raw is None or raw == "":
            return None
        if not self.many:
            if isinstance(raw, list):
                if len(raw) > 1:
                    raise FieldProblem("Only one value can stand here.")
                return self.parse(raw[0], around) if raw else None
            return self.read(raw, around)
        if not isinstance(raw, list | tuple):
            raw = [raw]
        if len(raw) > MAX_ENTRIES:
            raise FieldProblem("This is more than %(count)s entries.", count=MAX_ENTRIES)
        values: list[Any] = []
        for entry in raw:
            value = None if entry is None or entry == "" else self.read(entry, around)
            if value is not None and value not in values:
                values.append(value)
        return values or None

    def from_text(self, text: str, around: Around = PLAIN) -> Any:
        """As parse, for one text that may hold several values: a cell of a sheet, a line in a form."""
        if self.many and isinstance(text, str):
            return self.parse(split(text), around)
        return self.parse(text, around)

    def validate(self, value: Any) -> None:
        """FieldProblem when a stored value breaks the item's limits."""
        if value is None:
            return
        if self.many:
            for entry in value:
                self.check(entry)
        else:
            self.check(value)

    def display(self, value: Any, around: Around = PLAIN, document: Mapping[str, Any] | None = None) -> str:
        """What people read; '' for empty. Never fails: a value of another shape is shown as it is."""
        if value is None or value == "":
            return ""
        try:
            if isinstance(value, list):
                return ", ".join(self.show(entry, around, document or {}) for entry in value)
            return self.show(value, around, document or {})
        except (TypeError, ValueError, KeyError, AttributeError):
            return str(value)

    def form_text(self, value: Any, around: Around = PLAIN) -> str:
        """What stands in the input while editing; `parse` of it gives the value back."""
        if value is None:
            return ""
        try:
            if isinstance(value, list):
                return "; ".join(self.edit(entry, around) for entry in value)
            return self.edit(value, around)
        except (TypeError, ValueError, KeyError, AttributeError):
            return str(value)

    def sort_value(self, value: Any) -> Any:
        """What views sort by: a text, number or None."""
        if isinstance(value, list):
            return value[0] if value else None
        return value


def split(text: str) -> list[str]:
    """A text with several values, cut at commas, semicolons (also Chinese ones) and line ends."""
    for separator in SEPARATORS[1:]:
        text = text.replace(separator, ";")
    return [part.strip() for part in text.split(";") if part.strip()]


def narrow(text: str) -> str:
    """Full-width digits and letters as plain ones, without spaces at the ends."""
    return unicodedata.normalize("NFKC", text).strip()


def text_of(raw: Any) -> str:
    """A text, or a number sent where a text belongs. FieldProblem otherwise."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise FieldProblem("A text is expected here.")
    return str(int(raw)) if isinstance(raw, float) and raw.is_integer() else str(raw)


def check_pattern(item: Item, value: str) -> None:
    """The item's pattern and length."""
    if item.max_length is not None and len(value) > item.max_length:
        raise FieldProblem("At most %(max)s characters fit here.", max=item.max_length)
    if item.pattern is not None and not pattern_of(item.pattern).fullmatch(value[:1_000]):
        raise FieldProblem("This does not have the form expected here.")


def label_in(label: Label | None, language: str) -> str:
    """A label's text, '' for none."""
    return label.get(language) if label else ""
