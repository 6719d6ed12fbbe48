"""Raw documents: revision trees, reader sets, changes, attachments. No rights; app/access is the door above.

    Store ──┬─ RawDatabase  (one per database: get, put, insert, changes, …)
            │     ├─ writing.py   decide what a revision does, then write rows in one transaction
            │     ├─ reading.py   revisions, leaves, ancestors
            │     └─ changes.py   the feed, filtered inside the query
            ├─ Sets         distinct reader sets, and which of them a person sees
            ├─ Blobs        attachment contents, one file per SHA-256
            └─ SqliteFile   documents.db, node.db: one writer, pooled readers, errors as sentences

Rules are pure and know no SQL: `tree.py` (winner, leaves, stemming), `revisions.py` (names of revisions),
`validity.py` (what may be stored at all).
"""

from app.store.blobs import Blob, Blobs
from app.store.database import RawDatabase
from app.store.model import (
    Branch,
    Change,
    Changed,
    Context,
    Deleted,
    Edit,
    HistoryEntry,
    Indexer,
    Info,
    Local,
    Purge,
    Revision,
    Stub,
    Visible,
)
from app.store.sets import EVERY_READER, Sets
from app.store.sqlite import NewerFile, SqliteFile
from app.store.store import Store
from app.store.tree import RevisionTree

__all__ = [
    "EVERY_READER",
    "Blob",
    "Blobs",
    "Branch",
    "Change",
    "Changed",
    "Context",
    "Deleted",
    "Edit",
    "HistoryEntry",
    "Indexer",
    "Info",
    "Local",
    "NewerFile",
    "Purge",
    "RawDatabase",
    "Revision",
    "RevisionTree",
    "Sets",
    "SqliteFile",
    "Store",
    "Stub",
    "Visible",
]
