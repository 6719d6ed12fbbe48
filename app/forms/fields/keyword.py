"""One or several choices of a list.

Documents hold the choice's value, which never changes; its label may. A retired choice stays readable and
may stay in a document that has it, but is not chosen anew. With `allow_new` other words may be typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.design.model import Choice, Design, Item
from app.forms.fields.base import Around, Field, FieldProblem, Message, narrow, text_of


class Keyword(Field):
    """A choice. Its list is the item's own or a keyword list of the design."""

    sort_kind = "choice"
    widget = "select"

    def __init__(self, item: Item, design: Design | None = None) -> None:
        super().__init__(item)
        keywords = design.keywords.get(item.keywords) if design and item.keywords else None
        self.choices: tuple[Choice, ...] = keywords.choices if keywords else item.choices
        self.by_value: Mapping[str, Choice] = {choice.value: choice for choice in self.choices}
        free = item.depends_on is None
        self.always = frozenset(
            c.value for c in self.choices if not c.retired and (free or not c.parents)
        )  # fit anywhere
        self._by_label: dict[str, str] = {}
        for choice in reversed(self.choices):
            for text in choice.label.texts.values():
                self._by_label[text.casefold()] = choice.value

    def read(self, raw: Any, around: Around) -> str | None:
        if type(raw) is str and raw in self.by_value:
            return raw
        if isinstance(raw, bool):
            raise FieldProblem("A choice is expected here.")
        text = narrow(text_of(raw))
        if text in self.by_value:
            return text
        return self._by_label.get(text.casefold(), text) or None

    def check(self, value: Any) -> None:
        if value not in self.by_value and not self.item.allow_new:
            raise FieldProblem("“%(value)s” is not one of the choices.", value=value)
        if len(value) > 200:
            raise FieldProblem("At most %(max)s characters fit here.", max=200)

    def unfit(self, value: Any, items: Mapping[str, Any], before: Any) -> Message | None:
        """Why a newly chosen value does not fit: retired, or not offered under the item it depends on."""
        had = set(before) if isinstance(before, list) else {before}
        deciding = self._deciding(items)
        for entry in value if isinstance(value, list) else [value]:
            choice = self.by_value.get(entry)
            if choice is None:
                continue
            if choice.retired and entry not in had:
                return Message("“%(value)s” is no longer offered.", value=choice.label)
            if deciding is not None and choice.parents and deciding.isdisjoint(choice.parents):
                return Message("“%(value)s” does not belong to what was chosen above.", value=choice.label)
        return None

    def offered(self, items: Mapping[str, Any]) -> Iterable[Choice]:
        """The choices for a document: not retired unless it has them, and fitting what they depend on."""
        current = items.get(self.item.name)
        has = set(current) if isinstance(current, list) else {current}
        deciding = self._deciding(items)
        for choice in self.choices:
            fits = deciding is None or not choice.parents or not deciding.isdisjoint(choice.parents)
            if choice.value in has or (fits and not choice.retired):
                yield choice

    def _deciding(self, items: Mapping[str, Any]) -> frozenset[Any] | None:
        if self.item.depends_on is None:
            return None
        value = items.get(self.item.depends_on)
        return frozenset(value) if isinstance(value, list) else frozenset({value})

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        choice = self.by_value.get(value)
        return choice.label.get(around.language) if choice else str(value)

    def edit(self, value: Any, around: Around) -> str:
        return str(value)
