"""The one tree of errors.

Raised inside, translated once at each edge (page, REST, command line, gateway). Each class carries the HTTP status
and the error name that CouchDB uses; `reason` is a sentence for people, `fields` says what is wrong with which item.
Sentences are English; one with values in it is a `Message`, so that an edge can say it in another language.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

PACKED = "\x02"  # how a message begins that is kept with its template and values


class Message(str):
    """An English sentence that knows its template and values, so that a page can say it in another language.

    A value may itself be a message, or a text in several languages (anything whose `get(language)` gives one).
    """

    template: str
    params: Mapping[str, Any]

    def __new__(cls, template: str, /, **params: Any) -> Message:
        sentence = super().__new__(cls, template % params if params else template)
        sentence.template = template
        sentence.params = params
        return sentence

    def say(self, gettext: Callable[[str], str], language: str = "en") -> str:
        """The sentence through a translator, what stands in it too."""
        template = gettext(self.template)
        if not self.params:
            return template
        said: dict[str, Any] = {}
        for name, value in self.params.items():
            if isinstance(value, Message):
                said[name] = value.say(gettext, language)
            else:
                said[name] = value.get(language) if hasattr(value, "get") else value
        return template % said

    def pack(self) -> str:
        """The message as one text, to be kept; `unpack` makes a message of it again."""
        return PACKED + json.dumps(_plain(self), ensure_ascii=False)

    @staticmethod
    def unpack(text: str) -> str:
        """A kept sentence: the message it was, or the text as it is."""
        if not text.startswith(PACKED):
            return text
        found: str = _filled(json.loads(text.removeprefix(PACKED)))
        return found


class Texts(dict[str, str]):
    """A text in several languages, read back from a kept message."""

    def __str__(self) -> str:
        return self.get("en") or next(iter(self.values()), "")


def packed(sentence: str) -> str:
    """A sentence as it is kept: a message with its template and values, another one as it is."""
    return sentence.pack() if isinstance(sentence, Message) else sentence


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return [value.template, {name: _plain(inner) for name, inner in value.params.items()}]
    if hasattr(value, "get"):
        return {language: value.get(language) for language in ("en", "zh")}
    return value if isinstance(value, int | float) else str(value)


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        template, params = value
        return Message(template, **{name: _filled(inner) for name, inner in params.items()})
    return Texts(value) if isinstance(value, dict) else value


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


class Recompare(DavenportError):
    """A replica's token means nothing here: it compares what it has with what there is."""

    status = 410
    error = "recompare"


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


class UpgradeRequired(DavenportError):
    """Program and hub are more than one version of the protocol apart."""

    status = 426
    error = "protocol"


class NotImplementedHere(DavenportError):
    """The protocol has this call, this node does not."""

    status = 501
    error = "not_implemented"


class Unavailable(DavenportError):
    """The store or the upstream does not answer now; nothing was written."""

    status = 503
    error = "service_unavailable"


class NotArrived(Unavailable):
    """The content of an attachment is still with the hub: it comes later, or when somebody asks for it."""

    error = "not_arrived"


class InsufficientStorage(DavenportError):
    """The disk is full; nothing was written."""

    status = 507
    error = "insufficient_storage"


class UserError(DavenportError):
    """A mistake at the command line or in a file: one sentence, exit status 1."""

    status = 400
    error = "bad_request"
