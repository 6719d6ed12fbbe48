"""Names of revisions: `<generation>-<digest>`, as in CouchDB.

The digest covers parent, deletion, canonical content and attachments, so that two nodes which make the same
change to the same revision give it the same name. Nobody recomputes the name of a revision made elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from app.errors import BadRequest
from app.store.model import Stub

_NAME = re.compile(r"[1-9][0-9]{0,8}-[A-Za-z0-9_.+]{1,64}")


def name(generation: int, parent: str | None, deleted: bool, content: bytes, stubs: Mapping[str, Stub]) -> str:
    """The name of a new revision. `content` is canonical JSON."""
    digest = hashlib.blake2b(content, digest_size=16)
    digest.update(b"\0deleted\0" if deleted else b"\0")
    if parent:
        digest.update(parent.encode())
    for attachment, stub in sorted(stubs.items()):
        digest.update(f"\0{attachment}\0{stub.content_type}\0{stub.digest}".encode())
    return f"{generation}-{digest.hexdigest()}"


def generation(rev: str) -> int:
    """`3` of `3-abc`."""
    return int(rev.partition("-")[0])


def order(rev: str) -> tuple[int, str]:
    """Sort key of revisions: generation as a number, then the digest as text."""
    number, _, digest = rev.partition("-")
    return int(number), digest


def check(rev: object) -> str:
    """The revision name itself, or BadRequest."""
    if isinstance(rev, str) and _NAME.fullmatch(rev):
        return rev
    raise BadRequest("A revision is written as <number>-<digest>.")


def check_ancestry(revisions: Sequence[str]) -> Sequence[str]:
    """Revisions newest first, each one generation older than the one before; else BadRequest."""
    if not revisions:
        raise BadRequest("A revision needs a name.")
    first = generation(check(revisions[0]))
    for back, rev in enumerate(revisions):
        if generation(check(rev)) != first - back:
            raise BadRequest("The ancestry of a revision counts down by one.")
    return revisions
