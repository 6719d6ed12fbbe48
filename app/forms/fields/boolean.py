"""Yes or no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.forms.fields.base import Around, Field, FieldProblem, narrow

YES = frozenset({"true", "yes", "y", "1", "on", "x", "是", "对", "有", "√", "✓"})
NO = frozenset({"false", "no", "n", "0", "off", "否", "不", "无", "没有", "×", "-"})
WORDS = {"en": ("no", "yes"), "zh": ("否", "是")}


class Boolean(Field):
    """true or false; what was never said is empty."""

    sort_kind = "boolean"
    widget = "checkbox"

    def read(self, raw: Any, around: Around) -> bool:
        if isinstance(raw, bool):
            return raw
        word = narrow(str(raw)).casefold()
        if word in YES:
            return True
        if word in NO:
            return False
        raise FieldProblem("Yes or no is expected here.")

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        return WORDS.get(around.language, WORDS["en"])[bool(value)]

    def edit(self, value: Any, around: Around) -> str:
        return "true" if value else "false"
