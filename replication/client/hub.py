"""The hub over HTTP: one method a call, errors as sentences, bytes counted. Safe to use from several threads.

    session per thread (keep-alive) ─► headers: who, Davenport-Protocol, Davenport-Nonce, gzip unless on this machine
                                    ─► answer whole and for this request? ─► JSON

An answer that broke off, is not JSON or belongs to another request is `Unreachable`, never half used; the
connection it came on is thrown away.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import orjson
import requests
from requests.adapters import HTTPAdapter

from app.errors import Message
from replication.client.address import is_local
from replication.client.faults import (
    Distrusted,
    HubError,
    Outdated,
    Recompare,
    Refused,
    Revoked,
    Unreachable,
)

PROTOCOL = 1
CONNECT, READ = 10.0, 60.0  # seconds until somebody takes the call; seconds between two pieces of the answer
PACK = 2_000  # bytes of a body worth packing
CHUNK = 64 * 1024
LARGEST = 400_000_000  # bytes of one JSON answer

Counting = Callable[[int, int], None]  # bytes sent, bytes received


class Body(Protocol):
    """A body that is streamed: its length in bytes, and the bytes."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, none at the end."""


class Credentials:
    """Who asks: a name with a password, or the device with its token (and the key that proves the hub)."""

    def __init__(self, name: str, secret: str, *, device: str = "", wipe_key: str = "") -> None:
        self.name, self.secret, self.device, self.wipe_key = name, secret, device, wipe_key

    def header(self) -> str:
        """`Authorization`; names may be Chinese."""
        return "Basic " + base64.b64encode(f"{self.name}:{self.secret}".encode()).decode()

    def proved(self, nonce: str, proof: object) -> bool:
        """Whether only the hub this device was registered at can have said so."""
        if not self.wipe_key or not isinstance(proof, str):
            return False
        right = hmac.new(self.wipe_key.encode(), f"{self.device}:{nonce}".encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(right.encode(), proof.encode("utf-8", "replace"))


class Hub:
    """A hub as one person. `url` as `address.hub_url` gives it."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        count: Counting = lambda sent, received: None,
        read_timeout: float = READ,
    ) -> None:
        self.url = url
        self.credentials = credentials
        self.packed = not is_local(url)  # on one machine packing costs more than it saves
        self._count = count
        self._timeout = read_timeout
        self._local = threading.local()

    # -- calls

    def me(self) -> dict[str, Any]:
        """What the person may, per database (`GET /sync/_me`)."""
        return self._object("GET", "_me")

    def prove(self) -> str:
        """The key of the person with this name and password (`GET /sync/_session`). Refused when there is none."""
        who = self._object("GET", "_session").get("userCtx")
        return str(who.get("name")) if isinstance(who, dict) else ""

    def register(self, **about: Any) -> dict[str, Any]:
        """{device, token, wipe_key, hub}: this machine becomes a device of the person."""
        return self._object("POST", "_devices", about)

    def updates(self, since: str | None, timeout: float = 0.0) -> dict[str, Any]:
        """{results: [{database, update_seq}], me, last_seq}: waits up to `timeout` seconds for something new."""
        query = f"?timeout={int(timeout * 1000)}" + (f"&since={quote(since, safe='')}" if since else "")
        return self._object("GET", "_updates" + query, read=timeout + self._timeout)

    def pull(self, database: str, **asked: Any) -> dict[str, Any]:
        """{rows, last_seq, pending, end}: see README. Recompare when the hub does not know `since`."""
        return self._object("POST", f"{_part(database)}/_pull", asked)

    def ids(self, database: str, after: str | None, limit: int, selection: str | None = None) -> dict[str, Any]:
        """{ids: [[id, [leaf revisions], deleted]], next}: everything the person reads, tombstones too."""
        asked = {"after": after, "limit": limit, "selection": selection}
        return self._object("POST", f"{_part(database)}/_ids", asked)

    def missing(self, database: str, asked: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Of these revisions those the hub lacks (`_revs_diff`)."""
        return self._object("POST", f"{_part(database)}/_revs_diff", asked)

    def push(self, database: str, docs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The refusals among revisions made here."""
        found = self._json("POST", f"{_part(database)}/_bulk_docs", {"docs": docs, "new_edits": False})
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise Unreachable(_not_ours(self.url))
        return found

    def put(self, database: str, id: str, body: Body, content_type: str) -> dict[str, Any]:
        """One revision with its attachments beside it, streamed (`multipart/related`)."""
        path = f"{_part(database)}/{_part(id)}?new_edits=false"
        return self._object("PUT", path, raw=body, content_type=content_type)

    def numbers(self, database: str, series: str, year: int, count: int) -> dict[str, Any]:
        """A block of running numbers for this device."""
        return self._object("POST", "_numbers", {"database": database, "series": series, "year": year, "count": count})

    def report(self, state: Mapping[str, Any]) -> None:
        """Tell the hub how far this device is, for its list of devices."""
        self._object("POST", "_report", state)

    def mine(self, things: Mapping[str, Any]) -> dict[str, Any]:
        """Exchange the person's own things (`POST /sync/_mine`)."""
        return self._object("POST", "_mine", things)

    def wiped(self) -> None:
        """Tell the hub that nothing is left here."""
        self._object("POST", "_wiped", {})

    @contextmanager
    def content(self, database: str, id: str, rev: str, name: str, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Where the hub begins (`start`, or 0 when it cannot) and the content from there, piece by piece."""
        path = f"{_part(database)}/_content?{urlencode({'id': id, 'rev': rev, 'name': name})}"
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with self._answer("GET", path, headers=headers) as answer:
            begin = start if answer.status_code == 206 else 0
            yield begin, self._pieces(answer)

    # -- one call

    def _object(self, method: str, path: str, value: Any = None, **options: Any) -> dict[str, Any]:
        found = self._json(method, path, value, **options)
        if not isinstance(found, dict):
            raise Unreachable(_not_ours(self.url))
        return found

    def _json(self, method: str, path: str, value: Any = None, **options: Any) -> Any:
        with self._answer(method, path, value, **options) as answer:
            return self._parsed(b"".join(self._pieces(answer)))

    def _parsed(self, body: bytes) -> Any:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as problem:
            self._drop()
            raise Unreachable(_not_ours(self.url)) from problem

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        value: Any = None,
        *,
        raw: Body | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        read: float | None = None,
    ) -> Iterator[requests.Response]:
        """A good answer, its body unread; everything else is raised."""
        nonce = secrets.token_hex(12)
        sent = {
            "Authorization": self.credentials.header(),
            "Davenport-Protocol": str(PROTOCOL),
            "Davenport-Nonce": nonce,
            "Accept": "application/json",
            "Accept-Encoding": "gzip" if self.packed else "identity",
            **(headers or {}),
        }
        body: Any = raw
        if raw is not None:
            sent["Content-Type"] = content_type
        elif value is not None:
            body = self._encoded(value, sent)
        with self._translated():
            answer = self._session().request(
                method,
                f"{self.url}/sync/{path}",
                data=body,
                headers=sent,
                timeout=(CONNECT, read or self._timeout),
                stream=True,
                allow_redirects=False,
            )
            self._count(len(body) if body is not None else 0, 0)
            try:
                self._check(answer, nonce)
                yield answer
            finally:
                self._count(0, answer.raw.tell() if answer.raw is not None else 0)
                answer.close()

    def _encoded(self, value: Any, headers: dict[str, str]) -> bytes:
        body = orjson.dumps(value)
        headers["Content-Type"] = "application/json"
        if self.packed and len(body) > PACK:
            headers["Content-Encoding"] = "gzip"
            return gzip.compress(body, 4, mtime=0)
        return body

    def _pieces(self, answer: requests.Response) -> Iterator[bytes]:
        """The body; Unreachable when it breaks off or never ends."""
        total = 0
        for piece in answer.iter_content(CHUNK):
            total += len(piece)
            if total > LARGEST and "json" in answer.headers.get("Content-Type", ""):
                raise Unreachable(_not_ours(self.url))
            yield piece

    def _session(self) -> requests.Session:
        found: requests.Session | None = getattr(self._local, "session", None)
        if found is None:
            found = self._local.session = requests.Session()
            found.auth = _keep  # else a .netrc of this machine would sign in as somebody else
            adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1)
            found.mount("http://", adapter)
            found.mount("https://", adapter)
        return found

    def _drop(self) -> None:
        found: requests.Session | None = getattr(self._local, "session", None)
        if found is not None:
            found.close()
            self._local.session = None

    # -- what the answer means

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Failures of the network as sentences; the connection is not used again."""
        try:
            yield
        except requests.exceptions.SSLError as problem:
            self._drop()
            raise Distrusted(
                Message("The certificate of %(hub)s cannot be trusted: %(why)s.", hub=self.url, why=_short(problem))
            ) from problem
        except requests.exceptions.Timeout as problem:
            self._drop()
            raise Unreachable(Message("The hub %(hub)s does not answer in time.", hub=self.url)) from problem
        except requests.exceptions.ConnectionError as problem:
            self._drop()
            raise Unreachable(Message("The hub %(hub)s cannot be reached.", hub=self.url)) from problem
        except requests.exceptions.RequestException as problem:
            self._drop()
            raise Unreachable(Message("The connection to the hub %(hub)s broke off.", hub=self.url)) from problem
        except HubError as problem:
            if problem.again:
                self._drop()
            raise

    def _check(self, answer: requests.Response, nonce: str) -> None:
        echoed = answer.headers.get("Davenport-Nonce")
        if echoed is not None and echoed != nonce:  # a proxy gave us the answer to another request
            raise Unreachable(_not_ours(self.url))
        code = answer.status_code
        if code in (200, 201, 202, 206):
            if "Davenport-Protocol" not in answer.headers:
                raise Unreachable(_not_ours(self.url))
            return
        told = self._told(answer)
        reason = str(told.get("reason") or told.get("error") or "")
        if code == 401 and told.get("error") == "device_revoked":
            if self.credentials.proved(nonce, told.get("proof")):
                raise Revoked(Message("This device was revoked by an administrator; its data is removed."))
            raise Refused("Somebody who is not the hub says that this device was revoked.", code=code)
        if code == 401:
            raise Refused(self._unknown(), code=code, name="unauthorized")
        if code == 410 and told.get("error") == "recompare":
            raise Recompare(reason)
        if code == 426:
            raise Outdated(reason or "The hub and this program are too far apart in age.")
        if code in (502, 503, 504) or "error" not in told:
            raise Unreachable(
                Message("The hub %(hub)s is not ready (%(code)s %(why)s).", hub=self.url, code=code, why=reason)
            )
        raise Refused(reason, code=code, name=str(told["error"]))

    def _unknown(self) -> str:
        if self.credentials.device:
            return "The hub does not know this device any more. Join again."
        return "The name or the password is wrong."

    def _told(self, answer: requests.Response) -> dict[str, Any]:
        try:
            found = orjson.loads(b"".join(self._pieces(answer))[:100_000])
        except orjson.JSONDecodeError:
            return {"reason": answer.reason or ""}
        return found if isinstance(found, dict) else {}


def _keep(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _part(text: str) -> str:
    return quote(text, safe="")


def _not_ours(url: str) -> Message:
    return Message("What answers at %(hub)s is not a Davenport hub, or something on the way spoils it.", hub=url)


def _short(problem: BaseException) -> str:
    """The innermost reason, without addresses of objects."""
    reason: Any = problem
    while getattr(reason, "args", None) and isinstance(reason.args[0], BaseException):
        reason = reason.args[0]
    reason = getattr(reason, "reason", reason)
    text = str(getattr(reason, "verify_message", "") or reason)
    return text.split("(_ssl.c")[0].strip().rstrip(".")[:200]


__all__ = ["Body", "Credentials", "Hub"]
