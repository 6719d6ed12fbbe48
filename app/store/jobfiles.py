"""The files of jobs in a backup: the source and the error rows of an import, the targets of a change of many documents.

    jobs/<id>/<file>     as in the data directory, byte for byte

With the rows of node.db they let an import that was stopped go on after a restore, and its source be looked at. What is
still being written (`….part`, `….tmp`, `….lock`, hidden files) stays behind, and so does everything else in the data
directory that the backup does not name.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

FOLDER = "jobs"
_FILE = re.compile(FOLDER + r"/[0-9a-f]{32}/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_UNFINISHED = (".part", ".tmp", ".lock")


def listed(data: Path) -> Iterator[tuple[Path, str]]:
    """The files to keep, with their names in the backup."""
    for path in sorted((data / FOLDER).glob("*/*")):
        name = path.relative_to(data).as_posix()
        if _FILE.fullmatch(name) and path.suffix not in _UNFINISHED and path.is_file():
            yield path, name


def extract(archive: zipfile.ZipFile, folder: Path) -> None:
    """Those of a backup into a folder."""
    (folder / FOLDER).mkdir()
    for name in archive.namelist():
        if _FILE.fullmatch(name):
            archive.extract(name, folder)


def place(folder: Path, data: Path) -> None:
    """From that folder into the data directory."""
    shutil.copytree(folder / FOLDER, data / FOLDER, dirs_exist_ok=True)
