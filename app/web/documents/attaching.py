"""Attachments as pages show them, and how they are sent so that nothing in them can act as a page of ours.

    picture, pdf, text   shown: inline, in a sandbox of their own (`Content-Security-Policy: sandbox`)
    everything else      downloaded

The type that counts is decided here from the name and the stored type together; what could run (HTML, SVG,
XML) never is shown, whatever it says it is.
"""

from __future__ import annotations

import mimetypes
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from flask import Response, request, url_for
from werkzeug.exceptions import RequestedRangeNotSatisfiable

PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif"}
TEXTS = {"text/plain", "text/csv", "text/markdown", "application/json", "text/x-log"}
PDF = "application/pdf"
DOWNLOAD = "application/octet-stream"
ICONS = {
    "pdf": "file-earmark-pdf", "xlsx": "file-earmark-spreadsheet", "xls": "file-earmark-spreadsheet",
    "csv": "file-earmark-spreadsheet", "docx": "file-earmark-word", "doc": "file-earmark-word",
    "pptx": "file-earmark-slides", "zip": "file-earmark-zip", "txt": "file-earmark-text", "md": "file-earmark-text",
}  # fmt: skip


class File(NamedTuple):
    """An attachment on a page. `shown`: picture | pdf | text | None (download)."""

    name: str
    type: str
    length: int
    digest: str
    url: str
    icon: str
    shown: str | None


def safe_type(name: str, stored: str) -> str:
    """The media type an attachment is sent with: one that is harmless to show, or a plain download."""
    kind = stored.partition(";")[0].strip().lower()
    if kind in ("", DOWNLOAD):
        kind = mimetypes.guess_type(name)[0] or DOWNLOAD
    return kind if kind in PICTURES or kind in TEXTS or kind == PDF else DOWNLOAD


def shown_as(kind: str) -> str | None:
    """How a safe type is shown."""
    return "picture" if kind in PICTURES else "pdf" if kind == PDF else "text" if kind in TEXTS else None


def files(database: str, document: Mapping[str, Any] | None) -> list[File]:
    """The attachments of a document, by name."""
    stubs: Mapping[str, Any] = (document or {}).get("_attachments") or {}
    found = []
    for name, stub in sorted(stubs.items()):
        kind = safe_type(name, str(stub.get("content_type", "")))
        shown = shown_as(kind)
        icon = ICONS.get(
            name.rpartition(".")[2].lower(), "file-earmark-image" if shown == "picture" else "file-earmark"
        )
        url = url_for("attachments.file", database=database, id=str((document or {})["_id"]), file=name)
        found.append(File(name, kind, int(stub.get("length", 0)), str(stub.get("digest", "")), url, icon, shown))
    return found


def headers(name: str, kind: str, digest: str, *, download: bool) -> dict[str, str]:
    """The headers an attachment leaves with: a sandbox, no guessing of types, a name any browser can read."""
    inline = shown_as(kind) is not None and not download
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or "file"
    plain = "".join(letter for letter in plain if letter.isprintable() and letter not in '"\\/')
    text = kind + ("; charset=utf-8" if kind in TEXTS else "")
    sandbox = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'"
    if kind == PDF:  # the browser's own viewer will not start inside a sandbox
        sandbox = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; script-src 'none'"
    how = "inline" if inline else "attachment"
    return {
        "Content-Type": text,
        "Content-Disposition": f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}",
        "Content-Security-Policy": sandbox,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
        "ETag": f'"{digest}"',
    }


def in_parts(answer: Response, length: int) -> Response:
    """The answer with its length; only the part the browser asked for, or 304 where it has the whole."""
    answer.content_length = length
    try:
        answer.make_conditional(request, accept_ranges=True, complete_length=length)
    except RequestedRangeNotSatisfiable:
        answer.close()
        raise
    return answer


def clean_name(name: str) -> str:
    """A file's name without folders and control characters."""
    bare = name.replace("\\", "/").rpartition("/")[2]
    bare = "".join(letter for letter in unicodedata.normalize("NFC", bare) if letter.isprintable()).strip().lstrip("_")
    return bare[-200:] or "file"


def free_name(name: str, taken: Iterable[str]) -> str:
    """A name that no other attachment has: `report.pdf`, `report (2).pdf` …"""
    used = set(taken)
    stem, dot, end = name.rpartition(".")
    if not dot:
        stem, end = name, ""
    found, number = name, 1
    while found in used:
        number += 1
        found = f"{stem} ({number}){dot}{end}"
    return found
