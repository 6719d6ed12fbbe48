"""kill −9 in the middle of any write: every acknowledged write is there after it, and the check is clean."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from app.store import RawDatabase, Store

KILLS = 32
SECONDS = 15.0  # the test ends earlier on a slow machine, after at least ten kills
ROOT = Path(__file__).parents[2]


def kill_a_writer(data: Path, seed: int, delay: float, passphrase: str) -> list[tuple[str, str, int]]:
    """Let a process write for `delay` seconds, kill it, and say which writes it had acknowledged."""
    command = [sys.executable, str(Path(__file__).with_name("crashing.py")), str(data), str(seed), passphrase]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"\n"  # it has opened the store
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    output, _ = child.communicate(timeout=10)
    assert child.returncode == -signal.SIGKILL
    lines = output.split(b"\n")[:-1]  # the last one may be cut off
    return [(document, rev, n) for line in lines for document, rev, n in orjson.loads(line)]


def holds(database: RawDatabase, document: str, rev: str, n: int) -> bool:
    """Whether a revision is in the tree and its value in its body or in the history."""
    if rev not in database.tree(document):
        return False
    found = database.revision_body(document, rev)
    if found and found.get("n") == n:
        return True
    return any(n in entry.items.get("n", ()) for entry in database.history(document))


@pytest.mark.parametrize("encrypted", [False, True], ids=["sqlite", "encrypted"])
def test_acknowledged_writes_survive_kill_9(tmp_path: Path, passphrase: str, encrypted: bool) -> None:
    Store.open(tmp_path, create=True, passphrase=passphrase, encrypted=encrypted).create("customers")
    chance, began, kills, acknowledged = random.Random(7), time.monotonic(), 0, 0
    while kills < KILLS and (kills < 10 or time.monotonic() - began < SECONDS):
        said = kill_a_writer(tmp_path, kills, chance.uniform(0.002, 0.25), passphrase)
        store = Store.open(tmp_path, passphrase=passphrase)
        lost = [one for one in said if not holds(store.database("customers"), *one)]
        assert lost == []
        if kills % 4 == 0:
            assert store.check() == []
        store.close()
        acknowledged += len(said)
        kills += 1
    store = Store.open(tmp_path, passphrase=passphrase)
    assert store.check() == []
    assert acknowledged > 100
    store.close()
