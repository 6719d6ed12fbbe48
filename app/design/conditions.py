"""Filter expressions, as text: `stage=won,lost;amount>=1000;name~华`.

    conditions  joined by `;` — all must hold
    condition   item operator values;  operators  = != > >= < <= ~ (contains) ^ (starts with)
    values      joined by `,` — one of them suffices; quotes keep `,` `;` and spaces
    nothing     `stage=` finds documents without a stage; `stage!=` those with one

What they mean is said in app/views/filters.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import BadRequest, Message

OPERATORS = ("!=", ">=", "<=", "=", ">", "<", "~", "^")
MOST = 30  # conditions, and values in one
_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(!=|>=|<=|=|>|<|~|\^)")


@dataclass(frozen=True)
class Condition:
    """One condition on an item or column."""

    name: str
    operator: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}{self.operator}{','.join(map(_quoted, self.values))}"


def _quoted(value: str) -> str:
    if value == "" or re.search(r'[,;"]|^\s|\s$', value):
        return '"' + value.replace('"', '""') + '"'
    return value


def parse(source: str | Mapping[str, Any] | None) -> tuple[Condition, ...]:
    """Conditions of a filter text, or of {item: value}. BadRequest when it is malformed."""
    if not source:
        return ()
    if isinstance(source, Mapping):
        found = [_from_pair(str(name), value) for name, value in source.items()]
    else:
        found = _parse_text(source)
    if len(found) > MOST or any(len(each.values) > MOST for each in found):
        raise BadRequest(Message("A filter takes at most %(most)s conditions and %(most)s values in each.", most=MOST))
    return tuple(found)


def _from_pair(name: str, value: Any) -> Condition:
    if isinstance(value, list | tuple):
        return Condition(name, "=", tuple(map(str, value)))
    text = "" if value is None else str(value)
    operator = next((each for each in OPERATORS if text.startswith(each)), None)
    if operator:
        return _parse_text(f"{name}{text}")[0]
    return Condition(name, "=", (text,) if text else ())


def _parse_text(text: str) -> list[Condition]:
    found, at = [], 0
    while at < len(text):
        if not text[at:].strip(" ;"):
            break
        match = _NAME.match(text, at)
        if match is None:
            raise BadRequest(
                Message("The filter is not understood near “%(text)s”: name, operator, value.", text=text[at : at + 20])
            )
        values, at = _values(text, match.end())
        if not values and match[2] not in ("=", "!="):
            raise BadRequest(Message("The filter compares %(value)s with nothing.", value=match[1]))
        found.append(Condition(match[1], match[2], tuple(values)))
    return found


def _values(text: str, at: int) -> tuple[list[str], int]:
    values: list[str] = []
    piece, quoted = "", False
    while True:
        if at < len(text) and text[at] == '"' and not piece.strip():
            piece, at = _quoted_piece(text, at + 1)
            quoted = True
        elif at >= len(text) or text[at] in ",;":
            if piece.strip() or quoted:
                values.append(piece if quoted else piece.strip())
            if at >= len(text) or text[at] == ";":
                return values, at + 1
            piece, quoted, at = "", False, at + 1
        elif quoted:
            if not text[at].isspace():
                raise BadRequest("The filter has text behind a closing quote.")
            at += 1
        else:
            piece, at = piece + text[at], at + 1


def _quoted_piece(text: str, at: int) -> tuple[str, int]:
    piece = ""
    while at < len(text):
        if text[at] == '"':
            if text[at + 1 : at + 2] != '"':
                return piece, at + 1
            at += 1
        piece, at = piece + text[at], at + 1
    raise BadRequest("The filter has a quote that is not closed.")
