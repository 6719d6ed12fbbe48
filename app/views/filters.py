"""What the conditions of a filter mean (how they are written: app/design/conditions.py).

A name is an item of the document or a column of the view. Equality ignores case and accents, as sorting
does; an item holding a list fits when one of its entries does. `me` is the person (`owner=me`), `today` and
`today+7` (days) stand for dates, `this-month` for the beginning of one (`close_date^this-month`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app import clock
from app.design.conditions import Condition, parse
from app.errors import BadRequest, Message
from app.views import collation
from app.views.orders import typed

__all__ = ["Condition", "Surroundings", "parse", "ranges", "read_value", "tester"]
_RELATIVE = re.compile(r"today(?:([+-])(\d{1,5}))?")


# --- meaning


@dataclass(frozen=True)
class Surroundings:
    """What `me` and `today` stand for."""

    person: str
    today: str

    def resolve(self, value: str) -> str:
        """A value with `me`, `today±days` and `this-month` replaced."""
        if value == "me":
            return self.person
        if value == "this-month":
            return self.today[:7]
        match = _RELATIVE.fullmatch(value)
        if match is None:
            return value
        days = int(match[2] or 0) * (-1 if match[1] == "-" else 1)
        return (clock.parse(self.today + "T00:00:00").date() + timedelta(days=days)).isoformat()


def tester(condition: Condition, kind: str, surroundings: Surroundings) -> Callable[[Any], bool]:
    """A function that says whether a value (or one entry of a list) fits."""
    wanted = [read_value(surroundings.resolve(value), kind) for value in condition.values]
    one = _one(condition.operator, wanted)

    def fits(value: Any) -> bool:
        if isinstance(value, list):
            if condition.operator == "!=":
                return all(map(one, value)) if value else one(None)
            return any(map(one, value)) if value else one(None)
        return one(typed(value, kind))

    return fits


def read_value(text: str, kind: str) -> Any:
    """A value as typed in, in the kind the column holds."""
    if kind == "number":
        found = typed(text, "number")
        if not isinstance(found, Decimal):
            raise BadRequest(Message("“%(text)s” is not a number.", text=text))
        return found
    return text


def _one(operator: str, wanted: list[Any]) -> Callable[[Any], bool]:
    if operator in ("=", "!="):
        keys = {collation.key(value) for value in wanted} if wanted else {collation.key(None)}
        keys |= {collation.key(word == "true") for word in wanted if word in ("true", "false")}
        keys |= {collation.key(typed(word, "number")) for word in wanted if _numeric(word)}
        if operator == "=":
            return lambda value: _key(value) in keys
        return lambda value: _key(value) not in keys
    if operator == "~":
        folded = [collation.fold(str(value)) for value in wanted]
        return lambda value: value is not None and any(each in _folded(value) for each in folded)
    if operator == "^":
        begun = [str(value) for value in wanted]
        return lambda value: value is not None and any(_starts(value, each) for each in begun)
    bounds = [collation.key(value) for value in wanted]
    numbers = [collation.key(typed(value, "number")) for value in wanted if _numeric(value)]

    def compares(value: Any) -> bool:
        if value is None or value == "":
            return False
        key = _key(value)
        right = numbers if numbers and key[:1] == collation.NUMBER else bounds
        return any(key[:1] == bound[:1] and _compare(operator, key, bound) for bound in right)

    return compares


def _numeric(value: Any) -> bool:
    return isinstance(value, str) and isinstance(typed(value, "number"), Decimal)


def _key(value: Any) -> bytes:
    return collation.key(None if value == "" else value)


def _folded(value: Any) -> str:
    return collation.fold(value if isinstance(value, str) else str(value))


def _starts(value: Any, typed_in: str) -> bool:
    if not typed_in.isascii():
        return _folded(value).startswith(collation.fold(typed_in))
    key = collation.key(str(value))
    return any(low <= key < high for low, high in collation.starting(typed_in))


def _compare(operator: str, key: bytes, bound: bytes) -> bool:
    if operator == ">":
        return key > bound and not _within(key, bound)
    if operator == ">=":
        return key >= bound
    if operator == "<":
        return key < bound
    return key <= bound or _within(key, bound)


def _within(key: bytes, bound: bytes) -> bool:
    """A text that continues the bound: `<= 2026-11-22` takes in that day's times."""
    return key[:1] == collation.TEXT and len(bound) > 8 and bound.endswith(b"\0") and key.startswith(bound[:-1])


def ranges(
    condition: Condition, kind: str, surroundings: Surroundings, choices: Sequence[str] = ()
) -> list[tuple[bytes, bytes]] | None:
    """Key ranges of a column's order with every document that fits; None when the order does not help.

    `choices`: the order is that of these values, others come behind.
    """
    wanted = [read_value(surroundings.resolve(value), kind) for value in condition.values]
    if condition.operator == "=":
        keys = {collation.key(value) for value in wanted} if wanted else {collation.key(None)}
        keys |= {collation.key(word == "true") for word in wanted if word in ("true", "false")}
        keys |= {collation.key(typed(word, "number")) for word in wanted if _numeric(word)}
        keys |= {collation.choice_key(rank) for rank, each in enumerate(choices) if collation.key(each) in keys}
        return [(key, collation.after(key)) for key in sorted(keys)]
    if choices or len(wanted) != 1 or (kind != "number" and _numeric(wanted[0])):
        return None
    key = collation.key(wanted[0])
    end = (bytes([key[0] + 1]), key[:1])
    match condition.operator:
        case ">" | ">=":
            return [(key, end[0])]
        case "<":
            return [(end[1], key)]
        case "<=":
            continued = key[:-1] if key.endswith(b"\0") else key
            return [(end[1], max(collation.after(key), collation.after(continued)))]
        case "^" if kind != "number":
            return collation.starting(str(wanted[0]))
        case _:
            return None
