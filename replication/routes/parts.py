"""A revision as one part of a multipart answer, its attachments beside it; and content read for JSON answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from app import jsonio
from app.access.replica import Found, Replica
from app.store import Stub
from replication import multipart
from replication.multipart import JSON, Part
from replication.shapes import Content, Wanted, document, with_content

BLOCK = 65_536


def reader(base: Replica) -> Content:
    """The whole content of a stub."""

    def read(stub: Stub) -> bytes:
        with base.content(stub) as file:
            return file.read()

    return read


def pieces(base: Replica, stub: Stub) -> Iterator[bytes]:
    """The content of a stub, piece by piece."""
    with base.content(stub) as file:
        while block := file.read(BLOCK):
            yield block


def related(base: Replica, found: Found, wanted: Wanted) -> Iterator[Part]:
    """The parts of a multipart/related body: the document, and what of its attachments is to be sent."""
    yield Part(JSON, iter([jsonio.dumps(document(found, wanted))]))
    for name in with_content(found, wanted):
        stub = found.revision.attachments[name]
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Content-Length": str(stub.length),
        }
        kind = stub.content_type.replace("\r", " ").replace("\n", " ")
        yield Part(kind, pieces(base, stub), headers)


def part_of(base: Replica, found: Found, wanted: Wanted, headers: Mapping[str, str] | None = None) -> Part:
    """One revision: plain JSON, or multipart/related when content goes along."""
    told = {name: quote(value, safe="") if not value.isascii() else value for name, value in (headers or {}).items()}
    told = {name: value for name, value in told.items() if value.isprintable()}
    if not with_content(found, wanted):
        return Part(JSON, iter([jsonio.dumps(document(found, wanted))]), told)
    line = multipart.boundary()
    return Part(f'multipart/related; boundary="{line}"', multipart.write(related(base, found, wanted), line), told)
