"""Attachments of a document, streamed both ways."""

from __future__ import annotations

from typing import Any

from flask import Response, request, send_file

from app.errors import BadRequest, TooLarge
from app.web import context
from app.web.api.base import Api, answer, checked_id, open_database, revision

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
            raise TooLarge(f"This is larger than {self._limit // 1_000_000} MB.")
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
    found.content_length = stub.length
    found.make_conditional(request, accept_ranges=True, complete_length=stub.length)
    found.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    found.headers["X-Content-Type-Options"] = "nosniff"
    return found


@api.put(
    ATTACHMENT,
    "Add or replace an attachment",
    query={"rev": "The document's revision, or If-Match"},
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
        raise TooLarge(f"This is larger than {limit // 1_000_000} MB.")
    kind = request.content_type or "application/octet-stream"
    saved = opened.put_attachment(checked_id(id), name, Limited(request.stream, limit), kind, revision())
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
    saved = open_database(database).delete_attachment(checked_id(id), name, revision())
    return answer({"id": saved.id, "rev": saved.rev}, ETag=f'"{saved.rev}"')
