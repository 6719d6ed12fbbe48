"""Many laptops on one real `davenport serve`: 200 live ones while people edit, and 50 first syncs at once.

The laptops are only their side of the line (`_updates`, `_pull`), in one process of their own: what is measured is the
hub. A view page is asked for all the while. Hub, laptops and pages share the machine's cores.
"""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
import requests

from app.access import SYSTEM
from app.access.acl import make
from app.node import Node
from app.store import Context, Edit
from bench import Row, percentile
from bench.pages import fill, memory, served, signed_in

DATABASE = "notes"
LIVE, PERSONS, EDITS, EVERY = 200, 20, 60, 0.5  # laptops, their persons, edits, seconds between two
FIRST, DOCUMENTS = 50, 20_000  # first syncs at once, of so many documents
LONGEST = 90.0  # seconds for one answer; a call without one has failed
PAGE = "/db/customers/view/customers?sort=name"
PASSWORD = "demo"
TAIL = re.compile(rb'"last_seq":"([^"]+)".*"end":(true|false)')
ACL = {"-Default-": {"level": "editor", "flags": ["create", "delete", "replicate_or_copy"]}}


def run(scale: float) -> list[Row]:
    """Measure with a share of the laptops and documents."""
    folder = Path(tempfile.mkdtemp(prefix="davenport-bench-"))
    live, first = max(10, int(LIVE * scale)), max(5, int(FIRST * scale))
    many = max(1_000, int(DOCUMENTS * scale))
    try:
        fill(folder / "hub", 10_000)
        with Node.open(folder / "hub") as node:
            devices = _prepare(node, live, many)
        rows = []
        with served(folder / "hub") as (address, process, _):
            with Pages(address) as pages:
                delays, late = asyncio.run(_live(address, devices))
            rows += [
                Row(f"{live} laptops live: an edit is there, p50", percentile(delays, 0.5), "s"),
                Row(f"{live} laptops live: an edit is there, p95", percentile(delays, 0.95), "s", "< 1"),
                Row(f"{live} laptops live: edits that never came", late, "", "0"),
                Row("pages meanwhile", pages.p95(), "ms p95", "< 200"),
                Row("memory of the hub", memory(process.pid), "MB", "< 500"),
            ]
            begun = time.perf_counter()
            with Pages(address) as pages:
                failed = asyncio.run(_first(address, devices[:first], many))
            took = time.perf_counter() - begun
            rows += [
                Row(f"{first} first syncs of {many:,} documents at once", took, "s"),
                Row("… together", first * many / took, "documents/s"),
                Row("… that failed", failed, "", "0"),
                Row("pages meanwhile", pages.p95(), "ms p95", "< 500"),
                Row("memory of the hub", memory(process.pid), "MB", "< 500"),
            ]
        return rows
    finally:
        shutil.rmtree(folder)


def _prepare(node: Node, laptops: int, many: int) -> list[tuple[str, str]]:
    """(person, token) of each laptop; the database with its documents."""
    persons = [f"mobile{n}" for n in range(PERSONS)]
    node.databases.create(DATABASE, SYSTEM, make(ACL))
    with node.store.transaction():
        for key in persons:
            node.directory.create_person(SYSTEM, name=key, key=key, sign_in=key)
    node.secrets.set_password(persons[0], PASSWORD, check=False)
    raw = node.store.database(DATABASE)
    context = Context("system", "2026-11-22T08:00:00.000Z")
    for start in range(0, many, 1000):
        edits = [Edit(f"first{n:08}", None, {"form": "note", "text": "x" * 900}) for n in range(start, start + 1000)]
        raw.put_many(edits[: many - start], context)
    found = []
    for n in range(laptops):
        person = persons[n % PERSONS]
        found.append((person, node.secrets.devices.register(person, f"laptop {n}", "bench").token))
    return found


class Line:
    """A kept connection to the hub as one device."""

    def __init__(self, address: str, person: str, secret: str) -> None:
        self._where = urlsplit(address)
        signed = base64.b64encode(f"{person}:{secret}".encode()).decode()
        self._headers = f"Host: {self._where.netloc}\r\nAuthorization: Basic {signed}\r\nDavenport-Protocol: 1\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of a good answer. RuntimeError."""
        if self._streams is None:
            assert self._where.hostname
            assert self._where.port
            self._streams = await asyncio.open_connection(self._where.hostname, self._where.port, limit=1 << 20)
        reader, writer = self._streams
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        writer.write(f"{method} {path} HTTP/1.1\r\n{self._headers}{kind}\r\n".encode() + body)
        await writer.drain()
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LONGEST)).decode("latin-1")
        found = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        answer = await reader.readexactly(int(found[1]) if found else 0)
        if head.split(" ", 2)[1] not in ("200", "201"):
            raise RuntimeError(f"{method} {path}: {head.splitlines()[0]} {answer[:200]!r}")
        return answer

    async def pull(self, since: str, limit: int = 1000) -> tuple[bytes, str, bool]:
        """A batch as it came, the token behind it, and whether it is the last."""
        asked = orjson.dumps({"since": since, "limit": limit})
        answer = await self.call("POST", f"/sync/{DATABASE}/_pull", asked)
        found = TAIL.search(answer, max(len(answer) - 4000, 0))
        if found is None:
            raise RuntimeError("an answer without an end")
        return answer, found[1].decode(), found[2] == b"true"

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()


async def _live(address: str, devices: list[tuple[str, str]]) -> tuple[list[float], int]:
    """Seconds from the acknowledged edit until each laptop has it; how many never came."""
    saved: dict[str, float] = {}
    came: list[tuple[str, float]] = []
    lines = [Line(address, *device) for device in devices]
    places = await asyncio.gather(*(_caught_up(line) for line in lines))
    laptops = [asyncio.create_task(_follow(line, *place, came)) for line, place in zip(lines, places, strict=True)]
    writer = Line(address, "mobile0", PASSWORD)
    for n in range(EDITS):
        began = asyncio.get_running_loop().time()
        await writer.call("POST", f"/sync/{DATABASE}/_bulk_docs", orjson.dumps({"docs": [{"_id": f"edit{n:05}"}]}))
        saved[f"edit{n:05}"] = time.perf_counter()
        await asyncio.sleep(max(0.0, EVERY - (asyncio.get_running_loop().time() - began)))
    await asyncio.sleep(3)
    for task, line in zip(laptops, lines, strict=True):
        task.cancel()
        line.close()
    failures = await asyncio.gather(*laptops, return_exceptions=True)
    for failure in failures:
        if isinstance(failure, Exception) and not isinstance(failure, asyncio.CancelledError):
            raise failure
    delays = [max(0.0, moment - saved[id]) for id, moment in came if id in saved]
    return delays, len(devices) * EDITS - len(delays)


async def _caught_up(line: Line) -> tuple[str, str]:
    """Where a laptop stands that has everything now: tokens of the database and of `_updates`."""
    answer = await line.call("POST", f"/sync/{DATABASE}/_pull", b'{"ids": []}')
    since = orjson.loads(answer)["last_seq"]
    return since, orjson.loads(await line.call("GET", "/sync/_updates?timeout=0"))["last_seq"]


async def _follow(line: Line, since: str, news: str, came: list[tuple[str, float]]) -> None:
    """Live, until it is cancelled."""
    while True:
        path = f"/sync/_updates?timeout=30000&since={quote(news, safe='')}"
        told: dict[str, Any] = orjson.loads(await line.call("GET", path))
        news = told["last_seq"]
        if told["results"]:
            answer, since, _ = await line.pull(since)
            moment = time.perf_counter()
            came += [(id.decode(), moment) for id in set(re.findall(rb'"(edit\d{5})"', answer))]


async def _first(address: str, devices: list[tuple[str, str]], many: int) -> int:
    """How many of the first syncs failed or came short."""

    async def one(device: tuple[str, str]) -> int:
        line, since, end, count = Line(address, *device), "0", False, 0
        while not end:
            answer, since, end = await line.pull(since)
            count += answer.count(b'"first0')
        line.close()
        return count

    found = await asyncio.gather(*(one(device) for device in devices), return_exceptions=True)
    return sum(1 for count in found if not isinstance(count, int) or count < many)


class Pages:
    """Somebody who looks at a page again and again, in a thread."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._browser = signed_in(address, "bench-100")
        self._stop = threading.Event()
        self._times: list[float] = []
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._stop.is_set():
            begun = time.perf_counter()
            try:
                self._browser.get(self._address + PAGE, timeout=60).raise_for_status()
            except requests.RequestException:
                self._times.append(60_000.0)
            self._times.append((time.perf_counter() - begun) * 1000)
            self._stop.wait(0.2)

    def p95(self) -> float:
        """In ms."""
        return percentile(self._times, 0.95) if self._times else 0.0

    def __enter__(self) -> Pages:
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._stop.set()
        self._thread.join(60)
