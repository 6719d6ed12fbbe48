"""The few calls that differ between systems, in one place. Nothing else asks for `os.name` or imports a module that
exists on one system alone; a test says so.

Windows refuses to replace or remove a file that somebody has open for a moment (a virus scanner, an indexer), has
no handle for a folder and knows none of the owner's permission bits; macOS keeps written data in the disk's
cache at `fsync`. Everything here has one meaning everywhere.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import time
from pathlib import Path

PATIENCE = 2.0  # seconds to wait for a foreign hand to let go of a file, on Windows
PAUSE = 0.02


def is_windows() -> bool:
    """Whether files in use cannot be replaced here."""
    return os.name == "nt"


def replace(source: Path, target: Path) -> None:
    """Put a file in the place of another, at once. On Windows it waits a little while somebody has the target open."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if not is_windows() or time.monotonic() > until:
                raise
            time.sleep(PAUSE)


def remove(path: Path) -> bool:
    """Remove a file if it is there; False when somebody has it open on Windows, so that it goes another time."""
    try:
        path.unlink(missing_ok=True)
        return True
    except PermissionError:
        if not is_windows():
            raise
        return False


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder durable; not every system lets a folder be synced."""
    flags = getattr(os, "O_DIRECTORY", None)
    if flags is None:
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | flags)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def end_process() -> None:
    """Ask this process to end, as SIGTERM does; from any thread. Windows' `os.kill` would end it in the middle."""
    _thread.interrupt_main(signal.SIGTERM)


def create_private(path: Path, content: bytes) -> bool:
    """Write a new file that only its owner may read; False when it is there already.

    Windows has no such bits: there the folder of the person's profile keeps others out.
    """
    part = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    with contextlib.ExitStack() as undo:
        undo.callback(part.unlink, missing_ok=True)
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb"
        ) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            return False
        try:
            os.link(part, path)  # unlike a rename it fails where somebody was quicker
        except FileExistsError:
            return False
        except (OSError, AttributeError):  # a file system without links
            os.replace(part, path)
    return True
