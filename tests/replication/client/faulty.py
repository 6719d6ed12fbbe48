"""A proxy between a laptop and its hub that spoils what passes, as networks and bad proxies do.

Faulty(target, fault)   fault(number, method, path) -> None | Fault, asked for every request

cut(n)       the answer breaks off after n bytes of its body          short(n)   the head says n bytes too few
twice()      the request reaches the hub twice, the answer comes twice  long(n)  the head says n bytes too many
slow(s)      the answer dribbles, s seconds between two pieces          bad(code) somebody else answers
lost()       the request reaches the hub, its answer nobody             deaf()    the request is swallowed
"""

from __future__ import annotations

import http.client
import socketserver
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Fault(NamedTuple):
    """What happens to one request."""

    kind: str
    number: float = 0


def cut(after: int) -> Fault:
    return Fault("cut", after)


def slow(seconds: float) -> Fault:
    return Fault("slow", seconds)


def twice() -> Fault:
    return Fault("twice")


def bad(code: int) -> Fault:
    return Fault("bad", code)


def short(by: int) -> Fault:
    return Fault("short", by)


def long(by: int) -> Fault:
    return Fault("long", by)


def lost() -> Fault:
    return Fault("lost")


def deaf() -> Fault:
    return Fault("deaf")


Choose = Callable[[int, str, str], Fault | None]


class Faulty:
    """The proxy: `url` to join, `fault` to be set anew at any time, `seen` (method, path, fault) of each request."""

    def __init__(self, target: str, fault: Choose = lambda number, method, path: None) -> None:
        self.fault = fault
        self.seen: list[tuple[str, str, Fault | None]] = []
        self.target = urlsplit(target)
        self._lock = threading.Lock()
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while proxy.one(self.rfile, self.wfile):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Faulty:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def one(self, reader: Any, writer: Any) -> bool:
        """One request; whether another may follow on this connection."""
        try:
            line = reader.readline().decode("latin-1").split()
            if len(line) < 3:
                return False
            method, path = line[0], line[1]
            headers = http.client.parse_headers(reader)
            body = reader.read(int(headers.get("Content-Length") or 0))
            with self._lock:
                fault = self.fault(len(self.seen), method, path)
                self.seen.append((method, path, fault))
            return self._answer(writer, method, path, dict(headers.items()), body, fault)
        except (OSError, http.client.HTTPException):
            return False

    def _answer(
        self, writer: Any, method: str, path: str, headers: dict[str, str], body: bytes, fault: Fault | None
    ) -> bool:
        kind = fault.kind if fault else ""
        if kind == "deaf":
            return False
        if kind == "bad" and fault is not None:
            page = b"<html>Bad Gateway</html>"
            writer.write(f"HTTP/1.1 {int(fault.number)} Bad\r\nContent-Length: {len(page)}\r\n\r\n".encode() + page)
            return True
        for _ in range(2 if kind == "twice" else 1):
            status, reason, sent, content = self._forward(method, path, headers, body)
        if kind == "lost":
            return False
        length = len(content) + {"short": -1, "long": 1}.get(kind, 0) * int(fault.number if fault else 0)
        head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(
            f"{name}: {value}\r\n"
            for name, value in sent
            if name.lower() not in ("content-length", "transfer-encoding", "connection")
        )
        whole = head.encode("latin-1") + f"Content-Length: {max(length, 0)}\r\n\r\n".encode()
        if kind == "cut" and fault is not None:
            writer.write(whole + content[: int(fault.number)])
            return False
        if kind == "slow" and fault is not None:
            writer.write(whole)
            for start in range(0, len(content), 2_000):
                writer.write(content[start : start + 2_000])
                writer.flush()
                time.sleep(fault.number)
            return True
        writer.write(whole + content)
        if kind == "twice":
            writer.write(whole + content)
        writer.flush()
        return kind not in ("short", "long")

    def _forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, str, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.target.hostname or "", self.target.port, timeout=60)
        try:
            connection.request(method, path, body or None, headers | {"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.reason, answer.getheaders(), answer.read()
        finally:
            connection.close()
