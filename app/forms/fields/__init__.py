"""Field types: what an item may hold. One class each; `field_of` picks it by the item's type."""

from __future__ import annotations

from collections.abc import Callable

from app.design.model import Design, Item
from app.forms.fields.base import PLAIN, Around, Field, FieldProblem, Message, People
from app.forms.fields.boolean import Boolean
from app.forms.fields.calendars import LunarDate, PartialDate, solar_in
from app.forms.fields.dates import Date, DateTime, Time
from app.forms.fields.keyword import Keyword
from app.forms.fields.link import Attachment, Link, Table
from app.forms.fields.names import Authors, Names, Readers
from app.forms.fields.numbers import Integer, Money, Number
from app.forms.fields.reach import Email, Phone, Url
from app.forms.fields.text import Code, LongText, RichText, Text

TYPES: dict[str, Callable[[Item], Field]] = {
    "text": Text, "longtext": LongText, "richtext": RichText, "code": Code, "number": Number,
    "integer": Integer, "money": Money, "date": Date, "time": Time, "datetime": DateTime, "boolean": Boolean,
    "names": Names, "readers": Readers, "authors": Authors, "attachment": Attachment, "link": Link,
    "email": Email, "phone": Phone, "url": Url, "partial_date": PartialDate, "lunar_date": LunarDate,
}  # fmt: skip


def field_of(item: Item, design: Design | None = None) -> Field:
    """The field that reads, checks and shows an item's values."""
    if item.type == "keyword":
        return Keyword(item, design)
    if item.type == "table":
        return Table(item, {cell.name: field_of(cell, design) for cell in item.items})
    if item.type == "text" and item.lines > 1:
        return LongText(item)
    return TYPES[item.type](item)


__all__ = [
    "PLAIN",
    "TYPES",
    "Around",
    "Field",
    "FieldProblem",
    "Keyword",
    "Link",
    "Message",
    "Names",
    "People",
    "Table",
    "field_of",
    "solar_in",
]
