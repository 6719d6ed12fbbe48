"""What may be stored at all: ids, bodies, names. Everything else is refused before anything is written."""

from __future__ import annotations

import re
from typing import Any

from app import jsonio
from app.errors import BadRequest, Message, TooLarge

MAX_ID = 512  # characters; CouchDB has no limit, but an id is part of URLs and of every index
_DATABASE = re.compile(r"[a-z][a-z0-9_$()+-]{0,63}")
_RESERVED = ("_design/", "_local/")


def database_name(name: object) -> str:
    """A database name (CouchDB's rule without `/`), or BadRequest."""
    if isinstance(name, str) and _DATABASE.fullmatch(name):
        return name
    raise BadRequest("A database name is lower-case letters, digits and _$()+-, starting with a letter, at most 64.")


def document_id(value: object) -> str:
    """A document id, or BadRequest. `/` is allowed."""
    if not isinstance(value, str):
        raise BadRequest("A document id is a text.")
    if not value:
        raise BadRequest("A document id cannot be empty.")
    if len(value) > MAX_ID:
        raise BadRequest(Message("A document id has at most %(most)s characters.", most=MAX_ID))
    if value[0] == "_" and not (value.startswith(_RESERVED) and len(value.partition("/")[2])):
        raise BadRequest("Only reserved document ids start with an underscore.")
    if "\0" in value:
        raise BadRequest("A document id cannot contain NUL.")
    if not value.isascii():
        _encodable(value)
    return value


def encode(body: Any) -> bytes:
    """A body as canonical JSON. BadRequest for no object, `_` names and what is not JSON; TooLarge."""
    if not isinstance(body, dict):
        raise BadRequest("A document is a JSON object.")
    for name in body:
        if not isinstance(name, str):
            raise BadRequest("Item names are texts.")
        if name[:1] == "_":
            raise BadRequest(Message("Item names do not start with an underscore: %(text)s", text=name[:80]))
    try:
        blob = jsonio.canonical(body)
    except (TypeError, ValueError, RecursionError) as problem:
        raise BadRequest(Message("This cannot be written as JSON: %(problem)s", problem=problem)) from problem
    if len(blob) > jsonio.MAX_DOCUMENT:
        raise TooLarge(Message("A document is at most %(count)s MB.", count=jsonio.MAX_DOCUMENT // 1_000_000))
    return blob


def attachment_name(value: object) -> str:
    """An attachment's name, or BadRequest: not empty, no NUL, not starting with `_`."""
    if not isinstance(value, str) or not value or value[0] == "_" or "\0" in value or len(value) > MAX_ID:
        raise BadRequest("An attachment has a name that is not empty and does not start with an underscore.")
    _encodable(value)
    return value


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise BadRequest("This text holds half a character (a lone surrogate).") from problem
