"""A table made for the person who asks, sent as a download."""

from __future__ import annotations

import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Response

from app.store.files import Place, length
from app.web import context

TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
BLOCK = 1 << 16


def send_table(name: str, kind: str, write: Callable[[Place], Any]) -> Response:
    """Let `write` fill a file, then send it in blocks; the file is gone when the answer is."""
    folder = tempfile.TemporaryDirectory(prefix="davenport-")
    path = context.node().store.files.at(Path(folder.name) / f"table.{kind}")
    try:
        write(path)
    except BaseException:
        folder.cleanup()
        raise

    def blocks() -> Any:
        with folder, path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block

    answer = Response(blocks(), content_type=TYPES[kind])
    answer.content_length = length(path)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().strip(" .") or f"table.{kind}"
    plain = plain.replace('"', "").replace("\\", "")
    answer.headers["Content-Disposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
