"""The line between hub and laptops: every answer is listened to, and some are spoiled."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TOKEN = re.compile(rb"tok\d{6}q")


class Wire:
    """WSGI around the hub. `heard[person]`: tokens in the answers this person's devices got.

    `faults`: what happens to the next calls, one each: "" nothing, "refuse" 502 before the hub sees the call,
    "lose" the hub does it and the answer is 502, "cut" the answer breaks off in the middle.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self.heard: dict[str, set[str]] = {}
        self.faults: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "refuse":
            return _bad_gateway(environ, start)
        told: list[Any] = []

        def note(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            told[:] = [status, headers]
            return lambda data: None

        answer = self._app(environ, note)
        try:
            body = b"".join(answer)
        finally:
            close = getattr(answer, "close", None)
            if close:
                close()
        if fault == "lose":
            return _bad_gateway(environ, start)
        status, headers = told
        if fault == "cut":
            body_sent = body[: len(body) // 2]
            self._listen(environ, body_sent)
            whole = [pair for pair in headers if pair[0].lower() != "content-length"]
            start(status, [*whole, ("Content-Length", str(len(body)))])
            return _broken(body_sent)
        self._listen(environ, body)
        start(status, headers)
        return [body]

    def _listen(self, environ: WSGIEnvironment, body: bytes) -> None:
        sent = environ.get("HTTP_AUTHORIZATION", "")
        if sent.startswith("Basic "):
            person = base64.b64decode(sent[6:]).decode().partition(":")[0]
            self.heard.setdefault(person, set()).update(found.decode() for found in TOKEN.findall(body))


def _bad_gateway(environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    while length > 0:  # an unread body would spoil the connection
        piece = environ["wsgi.input"].read(min(length, 65536))
        if not piece:
            break
        length -= len(piece)
    start("502 Bad Gateway", [("Content-Type", "text/html"), ("Content-Length", "3")])
    return [b"bad"]


def _broken(body: bytes) -> Iterator[bytes]:
    yield body
    raise ConnectionAbortedError("cut")
