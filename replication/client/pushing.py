"""Push: every unsent revision, oldest first, under the name it has; the hub judges each alone.

    mirror.unsent() ─► small attachments inline, in batches (`_bulk_docs`, new_edits: false)  ─► refusals ─► settle
                    └► with large ones: one document as a stream (multipart/related)

What an acknowledged ancestor brought goes as a stub; where the hub lacks the content after all, it is sent in full.
A batch that did not get through is sent again: the hub knows what it has.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain
from typing import IO, Any

import orjson

from app.access.mirror import Mirror, Refusal, Unsent
from app.store import Stub
from replication import multipart
from replication.client.faults import Refused
from replication.client.hub import Hub
from replication.client.sizes import Sizes
from replication.client.states import Progress
from replication.client.trying import Patience
from replication.shapes import generation, revisions_of

INLINE = 256_000  # bytes of attachments that go inside the JSON of a document
ROWS = 500
MISSING = "missing_stub"

Open = Callable[[str], IO[bytes]]


class Pusher:
    """Pushes one database."""

    def __init__(self, hub: Hub, database: str, patience: Patience, progress: Progress) -> None:
        self._hub = hub
        self._database = database
        self._patience = patience
        self._progress = progress
        self._sizes = Sizes()

    def run(self, mirror: Mirror) -> int:
        """Everything unsent; how many revisions the hub has judged. HubError."""
        done = 0
        while True:
            waiting = mirror.unsent(min(self._sizes.rows, ROWS), self._sizes.bytes)
            if not waiting:
                return done
            for part in parts(waiting):
                mirror.settle(self._sent(part, mirror.content))
                done += len(part)
                self._progress.moved(done, done + mirror.count_unsent())

    def _sent(self, part: Sequence[Unsent], open: Open) -> list[tuple[int, Refusal | None]]:
        refusals = self._attempt(part, open, full=False)
        if any(refusal.error == MISSING for refusal in refusals.values()):
            again = [unsent for unsent in part if _error(refusals, unsent) == MISSING]
            for unsent in again:
                refusals.pop((unsent.id, unsent.path[0]))
                refusals |= self._attempt([unsent], open, full=True)
        return [(unsent.n, refusals.get((unsent.id, unsent.path[0]))) for unsent in part]

    def _attempt(self, part: Sequence[Unsent], open: Open, *, full: bool) -> dict[tuple[str, str], Refusal]:
        def attempt() -> dict[tuple[str, str], Refusal]:
            if len(part) == 1 and weight(part[0], full=full) > INLINE:
                return self._streamed(part[0], open, full=full)
            answers = self._hub.push(self._database, [inline(unsent, open, full=full) for unsent in part])
            return {
                (str(each.get("id")), str(each.get("rev"))): Refusal(
                    str(each.get("error") or "forbidden"), str(each.get("reason") or "")
                )
                for each in answers
                if "error" in each
            }

        return self._patience.call(attempt, failed=self._sizes.failed)

    def _streamed(self, unsent: Unsent, open: Open, *, full: bool) -> dict[tuple[str, str], Refusal]:
        line = multipart.boundary()
        body = Streamed(unsent, open, line, full=full)
        try:
            self._hub.put(self._database, unsent.id, body, f'multipart/related; boundary="{line}"')
        except Refused as problem:
            if problem.code in (401, 404, 429):  # about the device or the database, not about this revision
                raise
            return {(unsent.id, unsent.path[0]): Refusal(problem.name or "forbidden", str(problem.reason))}
        finally:
            body.close()
        return {}


def _error(refusals: dict[tuple[str, str], Refusal], unsent: Unsent) -> str:
    found = refusals.get((unsent.id, unsent.path[0]))
    return found.error if found else ""


def parts(waiting: Sequence[Unsent]) -> Iterator[list[Unsent]]:
    """In order, those with large attachments each alone."""
    part: list[Unsent] = []
    for unsent in waiting:
        if weight(unsent) > INLINE:
            if part:
                yield part
            part = []
            yield [unsent]
        else:
            part.append(unsent)
    if part:
        yield part


def brought(unsent: Unsent, *, full: bool = False) -> dict[str, Stub]:
    """The attachments whose content goes along: those this revision brought, or all."""
    here = generation(unsent.path[0])
    return {name: stub for name, stub in unsent.attachments.items() if full or stub.revpos == here}


def weight(unsent: Unsent, *, full: bool = False) -> int:
    """Bytes of content that go along."""
    return sum(stub.length for stub in brought(unsent, full=full).values())


def inline(unsent: Unsent, open: Open, *, full: bool = False) -> dict[str, Any]:
    """The revision as JSON, contents as base64."""
    content = brought(unsent, full=full)

    def data(stub: Stub) -> dict[str, Any]:
        with open(stub.address) as file:
            return {"data": base64.b64encode(file.read()).decode()}

    return _document(unsent, {name: data(stub) for name, stub in content.items()})


def _document(unsent: Unsent, extra: dict[str, dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {"_id": unsent.id, "_rev": unsent.path[0], **unsent.body}
    told["_revisions"] = revisions_of(unsent.path)
    if unsent.deleted:
        told["_deleted"] = True
    if unsent.attachments:
        told["_attachments"] = {
            name: {
                "content_type": stub.content_type,
                "length": stub.length,
                "digest": stub.digest,
                "revpos": stub.revpos,
                **extra.get(name, {"stub": True}),
            }
            for name, stub in unsent.attachments.items()
        }
    return told


class Streamed:
    """A revision and its contents as `multipart/related`; nothing larger than a piece is in memory."""

    def __init__(self, unsent: Unsent, open: Open, line: str, *, full: bool) -> None:
        self._contents = brought(unsent, full=full)
        document = orjson.dumps(_document(unsent, {name: {"follows": True} for name in self._contents}))
        frame = sum(len(piece) for piece in self._frame(document, line, lambda address: iter(())))
        self._length = frame + sum(stub.length for stub in self._contents.values())
        self._pieces = self._frame(document, line, lambda address: _read(open, address))
        self._ahead = b""

    def _frame(
        self, document: bytes, line: str, content: Callable[[str], Iterator[bytes]]
    ) -> Generator[bytes, None, None]:
        first = multipart.Part(multipart.JSON, iter([document]))
        rest = (multipart.Part(stub.content_type, content(stub.address)) for stub in self._contents.values())
        yield from multipart.write(chain([first], rest), line)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(64 * 1024):
            yield piece

    def close(self) -> None:
        """Close the file that is open."""
        self._pieces.close()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        while size < 0 or len(self._ahead) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._ahead += piece
        found, self._ahead = (self._ahead, b"") if size < 0 else (self._ahead[:size], self._ahead[size:])
        return found


def _read(open: Open, address: str) -> Iterator[bytes]:
    with open(address) as file:
        while piece := file.read(64 * 1024):
            yield piece
