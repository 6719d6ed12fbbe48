"""Multipart bodies of the protocol: documents with their attachments (`related`), lists of revisions (`mixed`).

    multipart/related                      multipart/mixed
      ├ application/json  the document        ├ multipart/related  a revision with attachments
      ├ the content of each attachment        ├ application/json   a revision without
      └ … in the order of `_attachments`      └ application/json; error="true"   {"missing": rev}

A body that comes in is read piece by piece: lines up to the end of a part's head, then exactly as many bytes as the
document says the attachment has.
"""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from app import jsonio
from app.errors import BadRequest, Message, TooLarge

JSON = "application/json"
_LINE = 10_000  # bytes of a line of a part's head
_HEADS = 50  # lines of a part's head


class Part(NamedTuple):
    """One part to be sent: its type and its content, piece by piece."""

    content_type: str
    content: Iterator[bytes]
    headers: Mapping[str, str] = {}


def boundary() -> str:
    """A line that no content holds."""
    return secrets.token_hex(16)


def write(parts: Iterator[Part], line: str) -> Iterator[bytes]:
    """A multipart body."""
    empty = True
    for part in parts:
        head = "".join(f"{name}: {value}\r\n" for name, value in part.headers.items())
        yield f"--{line}\r\nContent-Type: {part.content_type}\r\n{head}\r\n".encode()
        yield from part.content
        yield b"\r\n"
        empty = False
    yield f"--{line}--".encode() if not empty else f"--{line}\r\n\r\n--{line}--".encode()


class _Lines:
    """A stream by lines and by counted bytes, with a limit over all."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._left = limit
        self._limit = limit
        self._ahead = b""

    def _more(self, size: int) -> bytes:
        block = self._stream.read(size)
        self._left -= len(block)
        if self._left < 0:
            raise TooLarge(Message("This is larger than %(count)s MB.", count=self._limit // 1_000_000))
        return block

    def line(self, most: int) -> bytes:
        """The next line without its end. BadRequest at the end of the stream."""
        while b"\n" not in self._ahead:
            if len(self._ahead) > most:
                raise BadRequest("A line of this multipart body is too long.")
            block = self._more(65_536)
            if not block:
                raise BadRequest("This multipart body ends too early.")
            self._ahead += block
        line, _, self._ahead = self._ahead.partition(b"\n")
        return line.removesuffix(b"\r")

    def read(self, size: int) -> bytes:
        """At most `size` bytes."""
        if self._ahead:
            block, self._ahead = self._ahead[:size], self._ahead[size:]
            return block
        return self._more(size)


class _Counted:
    """Exactly `length` bytes of the stream. BadRequest when it ends before."""

    def __init__(self, lines: _Lines, length: int) -> None:
        self._lines = lines
        self.left = length

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        wanted = min(size if size >= 0 else self.left, self.left)
        block = self._lines.read(wanted) if wanted else b""
        if wanted and not block:
            raise BadRequest("This multipart body ends too early.")
        self.left -= len(block)
        return block


Keep = Callable[[str, str, Any], Any]


def read_related(stream: BinaryIO, line: str, *, limit: int, most: int, keep: Keep) -> tuple[dict[str, Any], Any]:
    """The document of a `multipart/related` body, and its attachments: stubs as sent, and for each that follows
    what `keep(name, content_type, stream)` answers. `most` bytes of JSON. BadRequest, TooLarge."""
    lines = _Lines(stream, limit)
    mark = f"--{line}".encode()
    while lines.line(_LINE) != mark:
        pass
    _skip_head(lines)
    text: list[bytes] = []
    size = 0
    while (found := lines.line(most)) != mark:
        if found == mark + b"--":
            break
        size += len(found)
        if size > most:
            raise TooLarge(Message("A document is at most %(count)s MB.", count=most // 1_000_000))
        text.append(found)
    document = jsonio.loads_object(b"\n".join(text), limit=most)
    attachments = document.get("_attachments") or {}
    if not isinstance(attachments, Mapping):
        raise BadRequest("“_attachments” must be an object.")
    following = [name for name, about in attachments.items() if isinstance(about, Mapping) and about.get("follows")]
    kept = dict(attachments)
    for place, name in enumerate(following):
        if place:
            _find(lines, mark)
        _skip_head(lines)
        kept[name] = _take(lines, name, attachments[name], keep)
    return document, kept


def _skip_head(lines: _Lines) -> None:
    for _ in range(_HEADS):
        if not lines.line(_LINE):
            return
    raise BadRequest("The head of a part is too long.")


def _find(lines: _Lines, mark: bytes) -> None:
    """Past the line between two parts; the end of the content before it is an empty line."""
    if lines.line(_LINE) or lines.line(_LINE) != mark:
        raise BadRequest("An attachment is longer or shorter than the document says.")


def _take(lines: _Lines, name: str, about: Mapping[str, Any], keep: Keep) -> Any:
    packed = about.get("encoding") == "gzip"
    length = about.get("encoded_length") if packed else about.get("length")
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise BadRequest(Message("The attachment “%(name)s” has no length.", name=name))
    content = _Counted(lines, length)
    kind = about.get("content_type")
    stream = gzip.GzipFile(fileobj=content) if packed else content  # type: ignore[call-overload]
    try:
        found = keep(name, kind if isinstance(kind, str) and kind else "application/octet-stream", stream)
    except (gzip.BadGzipFile, EOFError) as problem:
        raise BadRequest(Message("The attachment “%(name)s” is not gzip.", name=name)) from problem
    while content.read(65_536):
        pass
    return found
