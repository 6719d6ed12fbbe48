"""Attachments of a document, streamed both ways."""

from __future__ import annotations

from typing import Any

from flask import Response, request, send_file

from app.access.model import Document
from app.errors import BadRequest, Conflict, Message, TooLarge
from app.web import context
from app.web.api.base import Api, answer, checked_id, open_database, revision
from app.web.documents import attaching, itemfiles
from app.web.documents.titles import form_of

api = Api("attachments")
blueprint = api.blueprint

ATTACHMENT = "/databases/<database>/documents/<docid:id>/attachments/<docid:name>"
SHOWN = (
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "text/plain",
    "application/pdf",
    "audio/",
    "video/",
)


class Limited:
    """Reads no more than so many bytes of a stream. TooLarge."""

    def __init__(self, stream: Any, limit: int) -> None:
        self._stream = stream
        self._left = limit
        self._limit = limit

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block: bytes = self._stream.read(size if size >= 0 else self._left + 1)
        self._left -= len(block)
        if self._left < 0:
            raise TooLarge(Message("This is larger than %(count)s MB.", count=self._limit // 1_000_000))
        return block


@api.get(
    ATTACHMENT,
    "The content of an attachment",
    query={"rev": "Of a kept revision"},
    answer="binary",
    errors=(401, 404),
)
def read(database: str, id: str, name: str) -> Response:
    """The bytes; ranges and `If-None-Match` work. Nothing that could run in a browser is shown inline."""
    stub, file = open_database(database).attachment(checked_id(id), name, request.args.get("rev") or None)
    inline = stub.content_type.startswith(SHOWN)
    found = send_file(
        file,
        mimetype=stub.content_type,
        as_attachment=not inline,
        download_name=name.rsplit("/", 1)[-1],
        etag=stub.digest.replace('"', ""),
        conditional=False,
        max_age=0,
    )
    found.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    found.headers["X-Content-Type-Options"] = "nosniff"
    return attaching.in_parts(found, stub.length)


@api.put(
    ATTACHMENT,
    "Add or replace an attachment",
    query={"rev": "The document's revision, or If-Match", "item": "The attachment item that shall name it"},
    body="binary",
    answer="Saved",
    status=201,
    errors=(400, 401, 403, 404, 409, 413),
)
def write(database: str, id: str, name: str) -> Response:
    """201 {id, rev}."""
    if not name or "\0" in name or name.startswith("_") or len(name) > 255:
        raise BadRequest("A file name has at most 255 characters and does not begin with an underscore.")
    opened = open_database(database)
    limit = context.node().settings.max_attachment
    if (request.content_length or 0) > limit:
        raise TooLarge(Message("This is larger than %(count)s MB.", count=limit // 1_000_000))
    document = opened.get(checked_id(id))
    item = itemfiles.open_item(opened, form_of(opened.design, document), document, request.args.get("item", ""))
    kind = request.content_type or "application/octet-stream"
    content, rev = Limited(request.stream, limit), revision()
    if item is None:
        saved = opened.put_attachment(id, name, content, kind, rev)
    else:
        _expect(document, rev)
        stub = opened.store_content(content, kind, id=id)
        changed = itemfiles.with_file(document, item, name, stub)
        saved = opened.change(id, changed, document["_rev"], action="attach")
    return answer({"id": saved.id, "rev": saved.rev}, 201, ETag=f'"{saved.rev}"')


@api.delete(
    ATTACHMENT,
    "Remove an attachment",
    query={"rev": "The document's revision, or If-Match"},
    answer="Saved",
    errors=(401, 403, 404, 409),
)
def delete(database: str, id: str, name: str) -> Response:
    """{id, rev}."""
    opened = open_database(database)
    document, rev = opened.get(checked_id(id)), revision()
    changed = itemfiles.without_file(document, form_of(opened.design, document), name)
    if not changed:
        saved = opened.delete_attachment(id, name, rev)
    else:
        _expect(document, rev)
        saved = opened.change(id, changed, document["_rev"], action="detach")
    return answer({"id": saved.id, "rev": saved.rev}, ETag=f'"{saved.rev}"')


def _expect(document: Document, rev: str | None) -> None:
    """Before content is read: the revision named is the one that is there. Conflict."""
    if rev not in (None, document["_rev"]):
        raise Conflict(current=document)
