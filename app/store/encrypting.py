"""From files that lie open to the same files encrypted: what `restore --encrypted` does with an open backup."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from app.store import driver, jobfiles, keys, portable
from app.store.blobs import Blobs
from app.store.files import Files
from app.store.keys import Keys


def encrypt(folder: Path, passphrase: str) -> Keys:
    """Encrypt databases, attachments and files of jobs in an unpacked backup. UserError."""
    made = keys.create(folder, passphrase)
    for name, key in (("documents.db", made.documents), ("node.db", made.node)):
        _database(folder / name, key)
    _attachments(folder / "attachments", made)
    _files(folder / jobfiles.FOLDER, Files(made.contents))
    return made


def _aside(path: Path) -> Path:
    aside = path.with_name(path.name + ".open")
    portable.replace(path, aside)
    return aside


def _database(path: Path, key: str) -> None:
    plain = _aside(path)
    with contextlib.closing(driver.connect(path, key)) as connection:
        connection.execute("ATTACH ? AS open KEY ''", (str(plain),))
        version = connection.execute("PRAGMA open.user_version").fetchone()[0]
        connection.execute("SELECT sqlcipher_export('main', 'open')").fetchone()
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("DETACH open")
    plain.unlink()


def _attachments(folder: Path, made: Keys) -> None:
    plain = Blobs(_aside(folder))
    sealed = Blobs(folder, keys=made)
    folder.mkdir()
    for address in plain.names():
        with plain.open(address) as file:
            sealed.write(file)
    shutil.rmtree(plain.folder)
    shutil.rmtree(folder / "new", ignore_errors=True)


def _files(folder: Path, files: Files) -> None:
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        plain = _aside(path)
        with plain.open("rb") as source, files.at(path).open("wb") as target:
            shutil.copyfileobj(source, target)
        plain.unlink()
