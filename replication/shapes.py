"""Documents as CouchDB writes and reads them: `_revisions`, attachments as stubs, data or parts that follow. Pure but
for the content of attachments, which a function given by the caller reads.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from app.access.model import items_of, stub_of
from app.access.replica import Found, Incoming
from app.errors import BadRequest, Message
from app.store import Revision, Stub

Content = Callable[[Stub], bytes]
KNOWN = frozenset(
    {
        "_id",
        "_rev",
        "_deleted",
        "_attachments",
        "_revisions",
        "_conflicts",
        "_deleted_conflicts",
        "_revs_info",
        "_local_seq",
    }
)


class Wanted(NamedTuple):
    """What a client asks to be told of each document."""

    revs: bool = False
    attachments: bool = False
    since: frozenset[str] | None = None  # atts_since: only the content that came after these revisions


def generation(rev: str) -> int:
    """`3` of `3-abc`."""
    return int(rev.partition("-")[0])


def revisions_of(path: list[str]) -> dict[str, Any]:
    """`_revisions` of a revision with this ancestry."""
    return {"start": generation(path[0]), "ids": [rev.partition("-")[2] for rev in path]}


def with_content(found: Found, wanted: Wanted) -> list[str]:
    """The names of the attachments whose content is to be sent."""
    attachments = found.revision.attachments
    if wanted.since is not None:
        held = max((generation(rev) for rev in found.path if rev in wanted.since), default=0)
        return [name for name, stub in attachments.items() if stub.revpos > held]
    return list(attachments) if wanted.attachments else []


def document(found: Found, wanted: Wanted = Wanted(), content: Content | None = None) -> dict[str, Any]:  # noqa: B008
    """A revision with its items; attachment content as base64 by `content`, or `follows` when that is None."""
    revision = found.revision
    told = {"_id": revision.id, "_rev": revision.rev, **revision.body}
    if revision.deleted:
        told["_deleted"] = True
    if wanted.revs:
        told["_revisions"] = revisions_of(found.path)
    if revision.attachments:
        full = with_content(found, wanted)
        told["_attachments"] = {
            name: _full(stub, content) if name in full else stub_of(stub) for name, stub in revision.attachments.items()
        }
    return told


def _full(stub: Stub, content: Content | None) -> dict[str, Any]:
    about = {"content_type": stub.content_type, "revpos": stub.revpos, "digest": stub.digest}
    if content is None:
        return {**about, "follows": True, "length": stub.length}
    return {**about, "data": base64.b64encode(content(stub)).decode()}


def plain(revision: Revision) -> dict[str, Any]:
    """A document with stubs."""
    return document(Found(revision, [revision.rev]))


def incoming(sent: Mapping[str, Any], attachments: Mapping[str, Any] | None = None) -> Incoming:
    """A revision made elsewhere from its JSON (`new_edits=false`). BadRequest."""
    id = sent.get("_id")
    if not isinstance(id, str) or not id:
        raise BadRequest("Each document needs an “_id”.")
    _refuse_unknown(sent)
    found = attachments if attachments is not None else sent.get("_attachments") or {}
    if not isinstance(found, Mapping):
        raise BadRequest("“_attachments” must be an object.")
    return Incoming(id, ancestry(sent), items_of(sent), sent.get("_deleted") is True, found)


def ancestry(sent: Mapping[str, Any]) -> list[str]:
    """The names of a revision and its ancestors, newest first. BadRequest when they cannot be."""
    rev, told = sent.get("_rev"), sent.get("_revisions")
    if told is None:
        if not isinstance(rev, str):
            raise BadRequest("A revision made elsewhere needs “_rev” or “_revisions”.")
        return [rev]
    ids, start = (told.get("ids"), told.get("start")) if isinstance(told, Mapping) else (None, None)
    whole = isinstance(start, int) and not isinstance(start, bool) and isinstance(ids, list) and 0 < len(ids) <= start
    if not whole or not all(isinstance(each, str) for each in ids or ()):
        raise BadRequest("“_revisions” is {start, ids}, newest first, with at most `start` ids.")
    assert isinstance(start, int)
    assert isinstance(ids, list)
    path = [f"{start - back}-{each}" for back, each in enumerate(ids)]
    if rev is not None and rev != path[0]:
        raise BadRequest("“_rev” and “_revisions” name different revisions.")
    return path


def items(sent: Mapping[str, Any]) -> dict[str, Any]:
    """What the door takes of a document sent to be named here (`new_edits=true`). BadRequest."""
    _refuse_unknown(sent)
    found = items_of(sent)
    if "_attachments" in sent:
        found["_attachments"] = sent["_attachments"]
    return found


def _refuse_unknown(sent: Collection[str]) -> None:
    for name in sent:
        if name[:1] == "_" and name not in KNOWN:
            raise BadRequest(Message("Bad special document member: %(name)s", name=name[:80]))
