"""A writer to be killed: `python crashing.py <data> <seed> <passphrase>` writes without end, and says what was done.

One JSON line after each call that returned: [[id, rev, n], …]. Interactive saves, bulk writes, attachments,
deletions, pushes and compaction in random order. With an odd seed a thread copies the log all the while.
"""

from __future__ import annotations

import io
import random
import sys
from pathlib import Path

import orjson

from app.errors import Conflict, NotFound
from app.store import Branch, Context, Edit, RawDatabase, Store, Stub, checkpoints

CONTEXT = Context("north", "2026-11-22T08:00:00.000Z")


def main(data: str, seed: str, passphrase: str) -> None:
    chance = random.Random(seed)
    store = Store.open(Path(data), passphrase=passphrase)
    store.blobs.grace = -1
    if int(seed) % 2:
        checkpoints.LOOK = checkpoints.OFTEN = 0.005
        store.serve()
    database = store.database("customers")
    print(flush=True)
    for n in range(1_000_000):
        number = int(seed) * 1_000_000 + n
        said: list[tuple[str, str, int]] = []
        match chance.randrange(8):
            case 0 | 1 | 2:
                said.append(save(database, chance, number))
            case 3:
                edits = [Edit(f"bulk-{number}-{k}", None, {"n": number, "t": "x" * 300}) for k in range(200)]
                revs = database.put_many(edits, CONTEXT)
                said += [(edit.id, str(rev), number) for edit, rev in zip(edits, revs, strict=True)]
            case 4:
                blob = store.blobs.write(io.BytesIO(chance.randbytes(20_000)))
                stub = Stub("application/octet-stream", blob.length, blob.digest, blob.address)
                rev = database.put(Edit(f"file-{number}", None, {"n": number}, attachments={"a": stub}), CONTEXT)
                said.append((f"file-{number}", rev, number))
            case 5:
                document, rev, _ = save(database, chance, number)
                tombstone = database.delete(document, rev, CONTEXT)
                said.append((document, tombstone, number))
            case 6:
                path = [f"2-{number}", f"1-{number}"]
                database.insert([Branch(f"push-{number}", path, {"n": number, "readers": ["r"]})], CONTEXT)
                said.append((f"push-{number}", path[0], number))
            case _:
                database.compact(0)
                store.collect()
        print(orjson.dumps(said).decode(), flush=True)


def save(database: RawDatabase, chance: random.Random, number: int) -> tuple[str, str, int]:
    """Edit one of a few documents, or make it."""
    document = f"doc-{chance.randrange(20)}"
    body = {"n": number, "readers": [f"r{chance.randrange(50)}"]}
    try:
        rev = database.put(Edit(document, database.get(document).rev, body), CONTEXT)
    except (Conflict, NotFound):
        rev = database.put(Edit(document, None, body), CONTEXT)
    return document, rev, number


if __name__ == "__main__":
    main(*sys.argv[1:])
