"""What SQLite leaves of deleted content although `secure_delete` is on: copies in the unused middle of its pages.

    page    │ header │ places of cells →   unused   ← cells │

When rows move because a page is split or joined, `secure_delete` clears freed cells and freed pages, but not the bytes
between the places and the cells of a page that was put together anew. `clear` sets these to zero in the file itself.
That is safe only while the log is empty and nobody writes, and what other connections remember of the pages must be
forgotten: so it runs inside a write transaction that changes something, on a connection that has just been opened.

An encrypted file is written anew by VACUUM instead: a sealed page cannot be changed in part.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from app.store import portable

MOST = 256  # pages read at once
CELLS = {2: 12, 5: 12, 10: 8, 13: 8}  # kinds of b-tree pages (other pages begin with 0) and the length of the header
_OPEN: dict[tuple[int, int], int] = {}


def clear(path: Path) -> int:
    """Set the unused middle of every page to zero, durably; how many pages had something there."""
    file = _opened(path)
    try:
        return _clear(file)
    finally:
        os.fsync(file)
        if portable.is_windows():
            os.close(file)


def _opened(path: Path) -> int:
    """A descriptor of the file. POSIX drops SQLite's locks when any descriptor is closed, so it is kept for good."""
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0)
    if portable.is_windows():
        return os.open(path, flags)
    found = path.stat()
    key = (found.st_dev, found.st_ino)
    if key not in _OPEN:
        _OPEN[key] = os.open(path, flags)
    return _OPEN[key]


def _clear(file: int) -> int:
    header = _read(file, 0, 100)
    size = struct.unpack_from(">H", header, 16)[0]
    size = 65_536 if size == 1 else size
    usable = size - header[20]
    cleared, begin = 0, 0
    while block := _read(file, begin, MOST * size):
        for at in range(0, len(block) - size + 1, size):
            low, high = _unused(block[at : at + size], usable, 100 if begin + at == 0 else 0)
            if high - low != block.count(0, at + low, at + high):
                _write(file, begin + at + low, bytes(high - low))
                cleared += 1
        begin += len(block)
    return cleared


def _unused(page: bytes, usable: int, start: int) -> tuple[int, int]:
    """Where the unused middle of a page begins and ends; nowhere when it is no b-tree page."""
    length = CELLS.get(page[start])
    if length is None:
        return 0, 0
    cells, content = struct.unpack_from(">HH", page, start + 3)
    low, high = start + length + 2 * cells, content or 65_536
    return (low, high) if low <= high <= usable else (0, 0)


def _read(file: int, begin: int, length: int) -> bytes:
    os.lseek(file, begin, os.SEEK_SET)
    return os.read(file, length)


def _write(file: int, begin: int, content: bytes) -> None:
    os.lseek(file, begin, os.SEEK_SET)
    done = 0
    while done < len(content):
        done += os.write(file, content[done:])
