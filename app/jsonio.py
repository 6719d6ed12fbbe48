"""JSON in and out (orjson), with the limits that keep bad input out of the store.

orjson refuses NaN and lone surrogates by itself when it writes; on reading, depth and the kind of the top value are
checked here before anything is stored.
"""

from __future__ import annotations

from typing import Any

import orjson

from app.errors import BadRequest, Message, TooLarge

MAX_DEPTH = 100
MAX_DOCUMENT = 8_000_000  # bytes; CouchDB's own default limit for a document


def dumps(value: Any) -> bytes:
    """JSON as compact UTF-8 bytes. BadRequest for what JSON cannot hold (lone surrogates, NaN)."""
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError, RecursionError) as problem:
        raise BadRequest(Message("This cannot be written as JSON: %(problem)s", problem=problem)) from problem


def canonical(value: Any) -> bytes:
    """JSON with sorted keys: equal values give equal bytes. The basis of revision ids."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def loads(data: bytes | str, *, limit: int = MAX_DOCUMENT) -> Any:
    """JSON from outside. BadRequest when it is none, is nested too deep or holds half a character."""
    if len(data) > limit:
        raise TooLarge(Message("This is larger than %(count)s MB.", count=limit // 1_000_000))
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as problem:
        raise BadRequest(Message("This is not JSON: %(problem)s", problem=problem)) from problem
    check(value)
    return value


def loads_object(data: bytes | str, *, limit: int = MAX_DOCUMENT) -> dict[str, Any]:
    """A JSON object from outside; anything else is a BadRequest."""
    value = loads(data, limit=limit)
    if not isinstance(value, dict):
        raise BadRequest("A JSON object is expected here.")
    return value


def check(value: Any, *, limit: int = MAX_DEPTH) -> None:
    """BadRequest when a value nests deeper than `limit` or holds a lone surrogate."""
    level = [value]
    for _ in range(limit):
        below: list[Any] = []
        for entry in level:
            if isinstance(entry, dict):
                for name in entry:
                    _whole(name)
                below.extend(entry.values())
            elif isinstance(entry, list):
                below.extend(entry)
            elif isinstance(entry, str):
                _whole(entry)
        if not below:
            return
        level = below
    raise BadRequest(Message("This is nested deeper than %(limit)s levels.", limit=limit))


def _whole(text: str) -> None:
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as problem:
            raise BadRequest("This text holds half a character (a lone surrogate).") from problem
