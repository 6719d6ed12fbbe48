"""Files of a node beside its databases: sources of imports, tables on their way to a person, what a request brings.

`Files.at(path)` is the path itself, or on an encrypted node the same place sealed. Both have `open` as
`Path.open`, so that who reads or writes does not ask which it is.
"""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from app.store import portable, sealing

IN_MEMORY = 500_000  # bytes of a spool before it goes to the disk


def _as_text(binary: IO[bytes], mode: str, encoding: str | None, errors: str | None, newline: str | None) -> Any:
    return binary if "b" in mode else io.TextIOWrapper(binary, encoding or "utf-8", errors, newline)


@dataclass(frozen=True)
class Sealed:
    """A place whose content is sealed. `open` as `Path.open`, but neither appending nor both ways."""

    path: Path
    key: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Of the file."""
        return self.path.name

    def open(
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> Any:
        """The content, unsealed or to be sealed."""
        if "r" in mode:
            binary = cast("IO[bytes]", sealing.reader(self.path.open("rb"), self.key))
        else:
            binary = sealing.writer(self.path.open("wb"), self.key)
        return _as_text(binary, mode, encoding, errors, newline)

    def exists(self) -> bool:
        """Whether something lies there."""
        return self.path.exists()

    def with_suffix(self, suffix: str) -> Sealed:
        """The place beside it."""
        return Sealed(self.path.with_suffix(suffix), self.key)


@dataclass(frozen=True)
class InMemory:
    """Content that came with a request, to be read as if it lay somewhere."""

    content: bytes = field(repr=False)
    name: str = ""

    def open(
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> Any:
        """The content."""
        return _as_text(io.BytesIO(self.content), mode, encoding, errors, newline)


Place = Path | Sealed
Readable = Path | Sealed | InMemory


def length(place: Place) -> int:
    """Bytes of the content there."""
    with place.open("rb") as file:
        return int(file.seek(0, os.SEEK_END))


def move(source: Place, target: Place) -> None:
    """Put a file in the place of another of the same kind."""
    portable.replace(_path(source), _path(target))


def _path(place: Place) -> Path:
    return place if isinstance(place, Path) else place.path


class Files:
    """Where files lie that are not attachments. `key` seals them."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key

    @property
    def sealed(self) -> bool:
        """Whether nothing may reach a disk as it is."""
        return self._key is not None

    def at(self, path: Path) -> Place:
        """The place to read or write."""
        return path if self._key is None else Sealed(path, self._key)

    def spool(self) -> IO[bytes]:
        """A file without a name for what comes and goes: in memory while it is small, then on the disk."""
        file = cast("IO[bytes]", tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 - the caller closes it
        if self._key is None:
            return file
        return cast("IO[bytes]", io.BufferedRandom(sealing.Spool(file, os.urandom(32))))  # a key that nobody keeps
