"""Pages and REST over HTTP on a real `davenport serve`: a view's first and middle page, a document, start, memory.

Persons `bench-100`, `bench-10`, `bench-1` and `bench-001` see that share of generated documents. The client asks one
request at a time on a kept connection; times include the client's own work.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from app.demo.generator import admit
from app.node import Node
from bench import Row, percentile

DOCUMENTS = 100_000
PERSONS = ("bench-100", "bench-10", "bench-1", "bench-001")
PASSWORD = "demo"
ROUNDS = 40
DAVENPORT = [str(Path(sys.executable).with_name("davenport"))]
QUIET = subprocess.DEVNULL
VIEWS = {
    "sorted": "customers?sort=name",
    "categorised": "customers_by_region",
    "filtered": "customers?filter=class%3Dpartner",
}


def run(scale: float) -> list[Row]:
    """Measure on a share of the full amount."""
    folder = Path(tempfile.mkdtemp(prefix="davenport-bench-"))
    many = max(2_000, int(DOCUMENTS * scale))
    try:
        rows = fill(folder / "hub", many)
        with served(folder / "hub") as (address, process, first):
            rows.append(Row("start to first page", first, "s", "< 2"))
            rows += asked(address)
            rows.append(Row(f"memory of the hub with {many:,} documents", memory(process.pid), "MB", "< 250"))
        return rows
    finally:
        shutil.rmtree(folder)


def fill(data: Path, many: int) -> list[Row]:
    """A node with generated documents, as `davenport init` and `generate` make it."""
    Node.create(data, admin="admin", password=PASSWORD).close()
    begun = time.perf_counter()
    subprocess.run([*DAVENPORT, "generate", str(data), "--documents", str(many)], check=True, stdout=QUIET)
    took = time.perf_counter() - begun
    with Node.open(data) as node:
        admit(node.secrets, PASSWORD)
    size = sum(file.stat().st_size for file in data.iterdir() if file.is_file())
    return [
        Row(f"generate {many:,} documents with their view index", took, "s", "< 20 s to catch up at 100,000"),
        Row("size on disk with view index", size / many, "bytes/document"),
    ]


@contextmanager
def served(data: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], float]]:
    """A real server process; also how long it took to its first page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    begun = time.perf_counter()
    process = subprocess.Popen([*DAVENPORT, "serve", str(data), "--port", str(port)], stdout=QUIET)
    try:
        while True:
            try:
                requests.get(f"{address}/sign-in", timeout=5).raise_for_status()
                break
            except requests.ConnectionError:
                if time.perf_counter() - begun > 30 or process.poll() is not None:
                    raise
                time.sleep(0.02)
        yield address, process, time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait(10)


def asked(address: str) -> list[Row]:
    """p95 of view pages and REST for each person."""
    rows = []
    for person in PERSONS:
        browser = signed_in(address, person)
        for name, view in VIEWS.items():
            page = f"{address}/db/customers/view/{view}"
            rows.append(Row(f"page, {name}, {person}", timed(browser, page), "ms p95", "< 50"))
            rest = f"{address}/api/v1/databases/customers/views/{view}"
            rows.append(Row(f"REST, {name}, {person}", timed(browser, rest), "ms p95", "< 50"))
            middle = _middle(browser, rest)
            if middle:
                rows.append(Row(f"REST, {name}, middle, {person}", timed(browser, middle), "ms p95", "< 50"))
    return rows


def signed_in(address: str, person: str) -> requests.Session:
    """A browser with a session."""
    browser = requests.Session()
    form = browser.get(f"{address}/sign-in", timeout=30).text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
    sent = {"name": person, "password": PASSWORD, "csrf_token": found.group(1) if found else ""}
    answer = browser.post(f"{address}/sign-in", data=sent, timeout=30, headers={"Origin": address})
    answer.raise_for_status()
    if "/sign-in" in answer.url:
        raise RuntimeError(f"{person} could not sign in")
    return browser


def timed(browser: requests.Session, address: str) -> float:
    """p95 in ms of some requests, after two that warm up."""
    times = []
    for n in range(ROUNDS + 2):
        begun = time.perf_counter()
        browser.get(address, timeout=30).raise_for_status()
        if n >= 2:
            times.append((time.perf_counter() - begun) * 1000)
    return percentile(times, 0.95)


def _middle(browser: requests.Session, address: str) -> str | None:
    """The address of the page twenty pages on."""
    mark = "&" if "?" in address else "?"
    after = None
    for _ in range(20):
        answer = browser.get(f"{address}{mark}limit=100" + (f"&after={after}" if after else ""), timeout=30).json()
        if not answer["more"]:
            break
        after = answer["next"]
    return f"{address}{mark}after={after}" if after else None


def memory(process: int) -> float:
    """Resident memory of a process in MB; 0 where the system does not say."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
