"""What a browser sent, as items: the opposite of `widgets`.

    item.name=Rui Feng            text and its like          item.team=north&item.team=sales      lists
    item.opened_at=2026-11-22T16  a moment in the person's zone, stored in UTC
    item.order_lines.3.price=12   cell `price` of a row; rows count in the order they stand in the page
    item.anniversary.lunar=1      the second part of a lunar date
    _fields=name team …      the items the page offered: an unticked box is `false`, an item not offered stays as it is

What cannot be understood stays the text it was, so that the form's own rules refuse it with their sentence and
the person sees again what they typed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from app import clock
from app.design import Form, Item

PREFIX = "item."  # a field named `attributes` or `action` would hide what every <form> has under that name
NUMBERS = ("number", "integer", "money")


class Values(Protocol):
    """A form as Flask holds it: several values a name, in the order sent."""

    def get(self, key: str, /) -> str | None: ...
    def getlist(self, key: str, /) -> list[str]: ...
    def __contains__(self, key: object, /) -> bool: ...
    def keys(self) -> Any: ...


def read_items(form: Form, sent: Values, zone: str, *, only: frozenset[str] | None = None) -> dict[str, Any]:
    """The items of a form that the page offered, as JSON values."""
    offered = set((sent.get("_fields") or "").split())
    wanted = offered if only is None else offered & only
    return {
        name: read_item(item, sent, zone, PREFIX)
        for name, item in form.items.items()
        if name in wanted and item.type != "attachment"
    }


def read_item(item: Item, sent: Values, zone: str, prefix: str = "") -> Any:
    """One item; `prefix` stands before its name: `item.`, for a cell `item.table.n.`, in an address nothing."""
    name = prefix + item.name
    if item.type == "table":
        return read_rows(item, sent, zone, name + ".")
    if item.type == "boolean":
        return sent.get(name) in ("1", "true", "on")
    if item.type == "lunar_date":
        day = partial(sent.get(name) or "")
        return {"date": day, "lunar": f"{name}.lunar" in sent} if day else None
    if item.many:
        found = [value.strip() for value in sent.getlist(name) if value.strip()]
        if item.type in ("text", "email", "phone", "url"):  # one line each
            found = [line.strip() for value in found for line in value.splitlines() if line.strip()]
        return [read_value(item, value, zone) for value in dict.fromkeys(found)]
    return read_value(item, sent.get(name) or "", zone)


def read_rows(item: Item, sent: Values, zone: str, start: str) -> list[dict[str, Any]]:
    """The rows of a table item; rows left quite empty are dropped."""
    names: list[str] = list(sent.keys())
    numbers = dict.fromkeys(
        key[len(start) :].split(".")[0] for key in names if key.startswith(start) and "." in key[len(start) :]
    )
    rows = []
    for number in numbers:
        cells = {
            cell.name: read_item(cell, sent, zone, f"{start}{number}.") for cell in item.items if cell.computed is None
        }
        if any(value not in (None, "", [], False) for value in cells.values()):
            rows.append({name: value for name, value in cells.items() if value not in (None, "", [])})
    return rows


def read_value(item: Item, text: str, zone: str) -> Any:
    """One value from its text; None for an empty one."""
    if item.type != "richtext" and item.lines <= 1:
        text = text.strip()
    if not text.strip():
        return None
    if item.type in NUMBERS:
        return number(text)
    if item.type == "datetime":
        return moment(text, zone)
    if item.type == "partial_date":
        return partial(text)
    return text.replace("\r\n", "\n")


def number(text: str) -> int | float | str:
    """A number as people type it (`1,234.50`, `￥1２３`, `1 234`); the text itself when it is none."""
    plain = re.sub(r"[\s,_¥$€£]", "", unicodedata.normalize("NFKC", text)).replace("−", "-")
    if not re.fullmatch(r"[+-]?(\d{1,15}(\.\d{0,9})?|\.\d{1,9})", plain):
        return text
    value = float(plain)
    return int(value) if value.is_integer() else value


def moment(text: str, zone: str) -> str:
    """A moment of the person's zone (`2026-11-22T16:00`) as stored, in UTC; the text itself when it is none."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        return text
    return clock.stamp(typed if typed.tzinfo else typed.replace(tzinfo=ZoneInfo(zone)))


def local_moment(value: Any, zone: str) -> str:
    """A stored moment as `<input type=datetime-local>` wants it, in the person's zone."""
    try:
        return clock.parse(str(value)).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")
    except ValueError:
        return str(value)


def partial(text: str) -> str | None:
    """`1980-5-12`, `5-12`, `5月12日`, `1980` as `1980-05-12`, `--05-12`, `1980`; the text itself when it is none."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain:
        return None
    parts = [part for part in re.split(r"[-/.年月日\s]+", plain) if part]
    if not 1 <= len(parts) <= 3 or not all(part.isdigit() for part in parts):
        return plain
    if len(parts) == 3 and len(parts[0]) == 4:
        return f"{parts[0]}-{int(parts[1]):02d}-{int(parts[2]):02d}"
    if len(parts) == 2 and len(parts[0]) <= 2:
        return f"--{int(parts[0]):02d}-{int(parts[1]):02d}"
    if len(parts) == 2 and len(parts[0]) == 4:
        return f"{parts[0]}-{int(parts[1]):02d}"
    return plain


def kept(sent: Values) -> list[list[str]]:
    """The values of a form as a draft keeps them: pairs in order, without token and control fields."""
    names: list[str] = list(sent.keys())
    return [
        [key, value]
        for key in names
        if key == "_fields" or not (key.startswith("_") or key == "csrf_token")
        for value in sent.getlist(key)
    ]


def with_parent(items: Mapping[str, Any], parent: str | None) -> dict[str, Any]:
    """The items of a new response, with what it responds to."""
    return {**items, "parent": parent} if parent else dict(items)
