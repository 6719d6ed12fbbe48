"""A revoked device holds nothing: the files of the data directory are removed, also when that is interrupted.

mark(data)    DATA/revoked is there: from now on the directory opens no more
wipe(data)    everything goes, the mark last
"""

from __future__ import annotations

import shutil
from pathlib import Path

from app.errors import UserError
from app.store import keys

MARK = "revoked"
SENTENCE = "This device was revoked by an administrator; its data has been removed."


def mark(data: Path) -> None:
    """Before anything else: the decision is durable."""
    (data / MARK).touch()


def marked(data: Path) -> bool:
    """Whether this directory is to be removed."""
    return (data / MARK).exists()


def wipe(data: Path) -> None:
    """Remove the content of the directory; call it when the node is closed. OSError while a file is in use."""
    for path in sorted(data.iterdir(), key=lambda path: (path.name != keys.FILE, path.name)):  # what unlocks goes first
        if path.name == MARK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (data / MARK).unlink(missing_ok=True)


def refuse(data: Path) -> None:
    """Finish an interrupted removal, and open nothing. UserError."""
    if marked(data):
        wipe(data)
        raise UserError(SENTENCE)
