"""The one tree of errors.

Raised inside, translated once at each edge (page, REST, command line, gateway). Each class carries the HTTP status
and the error name that CouchDB uses; `reason` is a sentence for people, `fields` says what is wrong with which item.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class DavenportError(Exception):
    """Base of everything that is answered to a person or a program: status, CouchDB's name, a sentence."""

    status: ClassVar[int] = 500
    error: ClassVar[str] = "internal_error"

    def __init__(self, reason: str = "", *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(reason or self.error)
        self.reason = reason or self.error
        self.fields: dict[str, str] = dict(fields or {})


class BadRequest(DavenportError):
    """The request is not of the right form, or items fail validation (`fields` names each)."""

    status = 400
    error = "bad_request"


class Unauthorized(DavenportError):
    """Nobody is signed in, or the name and password do not fit."""

    status = 401
    error = "unauthorized"


class Forbidden(DavenportError):
    """The person sees the thing but may not do this to it."""

    status = 403
    error = "forbidden"


class NotFound(DavenportError):
    """Missing, or not readable: the two look the same."""

    status = 404
    error = "not_found"


class Conflict(DavenportError):
    """The revision named is not the current one. `current` and `base` help to settle it."""

    status = 409
    error = "conflict"

    def __init__(
        self,
        reason: str = "Document update conflict.",
        *,
        current: dict[str, Any] | None = None,
        base: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(reason)
        self.current = current
        self.base = base


class FileExists(DavenportError):
    """The database is there already."""

    status = 412
    error = "file_exists"


class MissingStub(DavenportError):
    """An attachment stub names content that no readable ancestor of this document has."""

    status = 412
    error = "missing_stub"


class TooLarge(DavenportError):
    """The body or attachment is larger than this node takes."""

    status = 413
    error = "document_too_large"


class TooManyRequests(DavenportError):
    """Too many wrong passwords; try again later."""

    status = 429
    error = "too_many_requests"


class NotImplementedHere(DavenportError):
    """The protocol has this call, this node does not."""

    status = 501
    error = "not_implemented"


class Unavailable(DavenportError):
    """The store or the upstream does not answer now; nothing was written."""

    status = 503
    error = "service_unavailable"


class InsufficientStorage(DavenportError):
    """The disk is full; nothing was written."""

    status = 507
    error = "insufficient_storage"


class UserError(DavenportError):
    """A mistake at the command line or in a file: one sentence, exit status 1."""

    status = 400
    error = "bad_request"
