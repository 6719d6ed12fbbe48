"""What each revision changed: immutable entries, written in the transaction of the revision itself.

An entry holds the old and the new value of every item that differs. So the value of any acknowledged revision
is found even when its body is gone: in the newest body, or as `old` of the first later entry that touched the
item.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson

from app import jsonio
from app.store import revisions
from app.store.model import HistoryEntry
from app.store.rows import Content, loads, stubs

ATTACHMENTS = "_attachments"  # in `items`: {file name: digest} before and after, when they differ


def differences(before: Content, after: Content) -> dict[str, list[Any]]:
    """{name: [old, new]} of the items that differ; null where absent."""
    old, new = loads(before.body), loads(after.body)
    changed = {
        name: [old.get(name), new.get(name)]
        for name in sorted(old.keys() | new.keys())
        if name not in old or name not in new or jsonio.canonical(old[name]) != jsonio.canonical(new[name])
    }
    if before.attachments != after.attachments:
        files = [{name: stub.digest for name, stub in stubs(of.attachments).items()} for of in (before, after)]
        if files[0] != files[1]:
            changed[ATTACHMENTS] = list(files)
    return changed


def dump_items(items: dict[str, list[Any]]) -> bytes:
    """Items of an entry as stored."""
    return orjson.dumps(items)


def read(connection: sqlite3.Connection, db: int, document: str) -> list[HistoryEntry]:
    """The entries of a document, newest first."""
    found = connection.execute(
        "SELECT rev, at, by, device, action, comment, items FROM history WHERE db = ? AND id = ?",
        (db, document),
    )
    entries = [
        HistoryEntry(rev, at, by, device, action, comment, orjson.loads(items))
        for rev, at, by, device, action, comment, items in found
    ]
    entries.sort(key=lambda entry: (revisions.generation(entry.rev), entry.at, entry.rev), reverse=True)
    return entries
