"""Texts: one line, several lines, Markdown, running numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.forms.fields.base import Around, Field, FieldProblem, check_pattern, text_of

MAX_TEXT = 1_000_000
MAX_LINE = 10_000


class Text(Field):
    """One line of text: control characters and spaces at the ends are dropped, line ends become spaces."""

    def read(self, raw: Any, around: Around) -> str | None:
        text = raw if type(raw) is str else text_of(raw)
        if not text.isprintable():
            text = " ".join("".join(c if c.isprintable() else " " for c in text).split(" ")).strip()
        return text.strip() or None

    def check(self, value: Any) -> None:
        if len(value) > MAX_LINE:
            raise FieldProblem("At most %(max)s characters fit here.", max=MAX_LINE)
        if self.item.max_length is not None or self.item.pattern is not None:
            check_pattern(self.item, value)


class LongText(Field):
    """Several lines; spaces at line ends are kept, control characters dropped."""

    widget = "textarea"

    def read(self, raw: Any, around: Around) -> str | None:
        text = text_of(raw).replace("\r\n", "\n").replace("\r", "\n")
        text = "".join(c for c in text if c.isprintable() or c in "\n\t")
        return text.strip() or None

    def check(self, value: Any) -> None:
        if len(value) > MAX_TEXT:
            raise FieldProblem("At most %(max)s characters fit here.", max=MAX_TEXT)
        check_pattern(self.item, value)


class RichText(LongText):
    """Markdown as typed. Pages render it; `display` gives it without marks of headings and emphasis."""

    widget = "richtext"

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        lines = (line.lstrip("#>-* ") for line in str(value).splitlines())
        return " ".join(line.replace("**", "").replace("`", "") for line in lines if line)

    def edit(self, value: Any, around: Around) -> str:
        return str(value)


class Code(Text):
    """A running number, drawn at the first save; `app.forms.numbering` gives it."""

    widget = "code"
