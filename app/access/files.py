"""Attachments of a document: what a sent stub may name, and content that comes within JSON.

A stub names content by digest. It is accepted only where this same document has that name and digest, in the
revision replaced or in an ancestor the person may read; else 412. A digest is never looked up across
documents.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from app.access.opened import Opened
from app.errors import BadRequest, Message, MissingStub, NotFound
from app.store import Revision, Stub

BINARY = "application/octet-stream"


def settle(opened: Opened, old: Revision | None, sent: object) -> dict[str, Stub]:
    """The attachments that `_attachments` of a sent document stands for. BadRequest, MissingStub."""
    if not isinstance(sent, Mapping):
        raise BadRequest("“_attachments” must be an object.")
    return {name: _one(opened, old, name, value) for name, value in sent.items()}


def _one(opened: Opened, old: Revision | None, name: str, value: object) -> Stub:
    if isinstance(value, Stub):  # content that came beside the JSON and is stored already
        return value
    if not isinstance(value, Mapping):
        raise BadRequest(Message("The attachment “%(name)s” must be an object.", name=name))
    if isinstance(value.get("data"), str):
        return _inline(opened, name, value)
    found = _known(opened, old, name, value.get("digest"))
    if found is None:
        raise MissingStub(Message("This document has no attachment “%(name)s” of that content.", name=name))
    return found


def _inline(opened: Opened, name: str, value: Mapping[str, Any]) -> Stub:
    try:
        content = base64.b64decode(value["data"], validate=True)
    except binascii.Error as problem:
        raise BadRequest(Message("The attachment “%(name)s” is not base64.", name=name)) from problem
    blob = opened.store.blobs.write(BytesIO(content))
    kind = value.get("content_type")
    return Stub(kind if isinstance(kind, str) and kind else BINARY, blob.length, blob.digest, blob.address)


def _known(opened: Opened, old: Revision | None, name: str, digest: object) -> Stub | None:
    """The stub of that name and digest in the revision replaced, or in a readable ancestor of it."""
    if old is None:
        return None
    here = old.attachments.get(name)
    if here is not None and digest in (None, here.digest):
        return here
    if digest is None:
        return None
    for rev in opened.raw.tree(old.id).path(old.rev)[1:]:
        try:
            ancestor = opened.raw.get(old.id, rev)
        except NotFound:
            continue
        stub = ancestor.attachments.get(name)
        if stub is not None and stub.digest == digest and opened.reads(ancestor):
            return stub
    return None
