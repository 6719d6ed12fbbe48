"""Pages and REST over HTTP on a real `davenport serve`: lists, categories, boards, documents, start, memory.

Persons `bench-100`, `bench-10`, `bench-1` and `bench-001` see that share of generated documents. Requests go over a
kept connection, one at a time and then four at once; times include the client's own work. The processor time is the
server's alone, so it can be compared on a machine with other work. `--scale 10` is a million documents.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

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
AT_ONCE = 4
GOAL = "< 50"
API = "/api/v1/databases/customers"
LIST = "/db/customers/view/customers"
FILTER = "filter=class%3Dpartner"


class Taken(NamedTuple):
    """Requests of one kind: ms of each, and ms of the server's processor for one."""

    times: list[float]
    busy: float

    def row(self, name: str) -> Row:
        """p95, with the rest beside the name."""
        middle = f"median {median(self.times):.1f}"
        more = f"{middle}, processor {self.busy:.1f}" if self.busy else f"{AT_ONCE} at once, {middle}"
        return Row(f"{name} ({more})", percentile(self.times, 0.95), "ms p95", GOAL if self.busy else "")


def run(scale: float) -> list[Row]:
    """Measure on a share of the full amount."""
    folder = Path(tempfile.mkdtemp(prefix="davenport-bench-"))
    many = max(2_000, int(DOCUMENTS * scale))
    try:
        rows = fill(folder / "hub", many)
        with served(folder / "hub") as (address, process, first):
            rows.append(Row("start to first page", first, "s", "< 2"))
            rows.append(Row("memory after the first page", memory(process.pid), "MB"))
            rows += asked(address, process.pid)
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


def asked(address: str, process: int) -> list[Row]:
    """Every kind of page for each person."""
    rows = []
    for person in PERSONS:
        browser = signed_in(address, person)
        for name, path in paths(browser, address).items():
            rows.append(timed(browser, address + path, process).row(f"{name}, {person}"))
            if person == PERSONS[0]:
                rows.append(together(address, person, address + path).row(f"{name}, {person}"))
    return rows


def paths(browser: requests.Session, address: str) -> dict[str, str]:
    """What is asked for: {what it is: path}."""
    rest = f"{API}/views/customers"
    first = browser.get(f"{address}{rest}?sort=name&limit=1", timeout=30).json()["rows"]
    after = _middle(browser, f"{address}{rest}?sort=name")
    found = {
        "start": "/",
        "list": f"{LIST}?sort=name",
        "list, filtered": f"{LIST}?f.class=partner",
        "list, categorised": "/db/customers/view/customers_by_region",
        "board": "/db/deals/view/deals_by_stage",
        "REST, list": f"{rest}?sort=name",
        "REST, filtered": f"{rest}?{FILTER}",
        "REST, categorised": f"{API}/views/customers_by_region",
    }
    if after:
        found["list, more rows"] = f"{LIST}?sort=name&part=rows&after={after}"
        found["REST, in the middle"] = f"{rest}?sort=name&after={after}"
    if first:
        found["document"] = f"/db/customers/doc/{first[0]['id']}"
        found["edit"] = f"/db/customers/doc/{first[0]['id']}/edit"
        found["REST, document"] = f"{API}/documents/{first[0]['id']}"
    return found


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


def timed(browser: requests.Session, address: str, process: int) -> Taken:
    """Some requests one after the other, after two that warm up."""
    _once(browser, address)
    _once(browser, address)
    busy = processor(process)
    times = [_once(browser, address) for _ in range(ROUNDS)]
    return Taken(times, (processor(process) - busy) * 1000 / ROUNDS)


def together(address: str, person: str, page: str) -> Taken:
    """The same from several browsers at once."""
    browsers = [signed_in(address, person) for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        times = pool.map(lambda browser: [_once(browser, page) for _ in range(ROUNDS)], browsers)
        return Taken([one for each in times for one in each], 0.0)


def _once(browser: requests.Session, address: str) -> float:
    """ms of one request."""
    begun = time.perf_counter()
    answer = browser.get(address, timeout=30)
    if answer.status_code not in (200, 403):  # some may not edit
        answer.raise_for_status()
    return (time.perf_counter() - begun) * 1000


def _middle(browser: requests.Session, address: str) -> str | None:
    """Where the page twenty pages on begins: its `after`."""
    mark = "&" if "?" in address else "?"
    after = None
    for _ in range(20):
        answer = browser.get(f"{address}{mark}limit=100" + (f"&after={after}" if after else ""), timeout=30).json()
        if not answer["more"]:
            break
        after = str(answer["next"])
    return after


def processor(process: int) -> float:
    """Seconds of processor time a process has used; 0 where the system does not say."""
    status = Path(f"/proc/{process}/stat")
    if not status.exists():
        return 0.0
    user, system = status.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def memory(process: int) -> float:
    """Resident memory of a process in MB; 0 where the system does not say."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
