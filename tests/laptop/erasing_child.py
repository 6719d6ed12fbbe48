"""A laptop that loses a document and dies while it erases it: `erasing_child.py DATA ID STAGE`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from app.access.mirroring import Revoked
from app.node import Node
from app.store import erasing, scrubbing


def die(*_: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def main(data: str, id: str, stage: str) -> None:
    node = Node.open(Path(data))
    if stage == "hook":
        node.store.on_purge.append(die)
    else:
        setattr(scrubbing if stage == "clear" else erasing, stage, die)
    node.databases.mirror("customers").apply([Revoked(id)], "after")
    sys.exit("it should have died")


if __name__ == "__main__":
    main(*sys.argv[1:])
