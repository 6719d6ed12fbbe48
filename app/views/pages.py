"""Rows of a page: from positions in an order to what a person sees.

    positions (plans.py) ─→ bodies ─→ checked once more ─→ tested ─→ Row … until the page is full
                                        access · deleted · still at this place, if the index lags

Only the rows shown are turned into columns. Placeholders stand for ancestors the person cannot read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from app.access.model import Reading
from app.views.batch import State
from app.views.entries import unpack
from app.views.keys import LEVELS, SEGMENT
from app.views.marks import Seen
from app.views.orders import column_value
from app.views.plans import BATCH_MOST, Position, Range, Source, read
from app.views.query import Question
from app.views.shapes import Row, path_of

SEARCH = 0.2  # seconds of looking for rows that fit
FEW = 1_500  # candidates that are sorted rather than searched for
LOOK_AT = 500  # candidates looked at before that; places are cheap to read, contents only as far as needed
AT_A_TIME = 100  # bodies read together while rows are tested
PER_QUERY = 900


class Found(NamedTuple):
    """A document as it lies in the store, readable now."""

    doc: int
    id: str
    rev: str
    form: str | None
    seq: int
    body: dict[str, Any]


class Result(NamedTuple):
    """Rows with their positions, whether more follow, whether time ran out, where the search is."""

    rows: list[tuple[Position, Found]]
    more: bool
    partial: bool
    last: Position | None


def fetch(reading: Reading, docs: Sequence[int]) -> dict[int, Found]:
    """Those of the documents that the person may read at this moment."""
    found: dict[int, Found] = {}
    sets = reading.visible.sets
    for start in range(0, len(docs), PER_QUERY):
        wanted = orjson.dumps(docs[start : start + PER_QUERY]).decode()
        for doc, id, rev, form, seq, access, body in reading.connection.execute(
            "SELECT d.doc, d.id, d.rev, d.form, d.seq, d.access, d.body FROM json_each(?) AS w"
            " CROSS JOIN documents AS d ON d.doc = w.value WHERE d.deleted = 0 AND d.db = ?",
            (wanted, reading.number),
        ):
            if access in sets:
                found[doc] = Found(doc, id, rev, form, seq, orjson.loads(body))
    return found


class Search:
    """One page of one question."""

    def __init__(self, reading: Reading, state: State, question: Question, seen: Seen, unread_only: bool) -> None:
        self.reading, self.state, self.question = reading, state, question
        self.seen, self.unread_only = seen, unread_only

    def first(self, after: Position | None, limit: int) -> Result:
        """Up to `limit` rows behind `after`, by whichever way is likely to be quick."""
        if self.question.narrow is None:
            return self.run(after, limit)
        result = self.run(after, limit, look_at=LOOK_AT)
        if not result.partial:
            return result
        among = self.narrowed()
        if among is not None:
            return self.run(after, limit, among)
        rest = self.run(result.last, limit - len(result.rows))  # too many to sort: on from there
        return rest._replace(rows=result.rows + rest.rows)

    def run(
        self,
        after: Position | None,
        limit: int,
        among: Sequence[int] | None = None,
        look_at: int | None = None,
    ) -> Result:
        """Up to `limit` rows behind `after`; `among`: only these documents; `look_at`: candidates at most."""
        question = self.question
        plain = question.plain and not self.unread_only
        timed = not plain or limit > BATCH_MOST  # counting everything takes as long as searching
        want = min(limit + 1 if plain else max(limit * 3, LOOK_AT), BATCH_MOST)
        batches = read(self._source(), question.ranges, after, want) if among is None else self._sorted(among, after)
        deadline = time.monotonic() + SEARCH
        rows: list[tuple[Position, Found]] = []
        last, looked = after, 0
        for batch in batches:
            for position, document in self._accepted(batch):
                if len(rows) == limit:
                    return Result(rows, True, False, rows[-1][0] if rows else after)
                rows.append((position, document))
            last = batch[-1]
            looked += len(batch)
            if timed and (time.monotonic() > deadline or (look_at is not None and looked >= look_at)):
                return Result(rows, True, True, last)
        return Result(rows, False, False, last)

    def narrowed(self) -> list[int] | None:
        """The documents a filter on another column leaves, when they are few."""
        if self.question.narrow is None:
            return None
        number, ranges = self.question.narrow
        source = self._source()._replace(number=number, descending=False, first_only=False)
        docs: dict[int, None] = {}
        for batch in read(source, ranges, None, FEW + 1):
            docs.update(dict.fromkeys(position.doc for position in batch))
            if len(docs) > FEW:
                return None
        return list(docs)

    def _source(self) -> Source:
        reading, question = self.reading, self.question
        return Source(
            reading.connection,
            question.number,
            reading.visible,
            reading.table,
            question.descending,
            question.first_only,
        )

    def _sorted(self, docs: Sequence[int], after: Position | None) -> Iterator[list[Position]]:
        """The places these documents have in the order, as one sorted list."""
        question, places = self.question, []
        for start in range(0, len(docs), PER_QUERY):
            wanted = orjson.dumps(docs[start : start + PER_QUERY]).decode()
            for doc, blob in self.reading.connection.execute(
                "SELECT e.doc, e.entries FROM json_each(?) AS w CROSS JOIN doc_entries AS e ON e.doc = w.value",
                (wanted,),
            ):
                keys = unpack(blob).keys.get(question.number)
                for entry in keys.entries if keys else ():
                    if _inside(entry.key, question.ranges) and not (question.first_only and entry.n >= LEVELS):
                        places.append(Position(entry.key, doc, entry.n))
        places.sort(reverse=question.descending)
        if after is not None:
            places = [p for p in places if (p < after if question.descending else p > after)]
        for start in range(0, len(places), 500):
            yield places[start : start + 500]

    def _accepted(self, batch: list[Position]) -> Iterator[tuple[Position, Found]]:
        for start in range(0, len(batch), AT_A_TIME):
            yield from self._accepted_of(batch[start : start + AT_A_TIME])

    def _accepted_of(self, batch: list[Position]) -> Iterator[tuple[Position, Found]]:
        documents = fetch(self.reading, list(dict.fromkeys(position.doc for position in batch)))
        lagging = self._lagging(documents)
        if self.unread_only:
            self.seen.look(each.id for each in documents.values())
        for position in batch:
            document = documents.get(position.doc)
            if document is None or (position.doc in lagging and not self._still(position, document)):
                continue
            if self.unread_only and not self._unread(document):
                continue
            if self.question.fits(document.body, position.key):
                yield position, document

    def _unread(self, document: Found) -> bool:
        return self.seen.unread(document.id, document.seq, document.rev, document.body)

    def _lagging(self, documents: Mapping[int, Found]) -> frozenset[int]:
        rows = self.reading.connection.execute(
            "SELECT doc FROM pending WHERE doc IN (SELECT value FROM json_each(?))",
            (orjson.dumps(list(documents)).decode(),),
        )
        return frozenset(doc for (doc,) in rows)

    def _still(self, position: Position, document: Found) -> bool:
        """Does a document whose keys are to be made again still belong where the index has it?"""
        if position.n % LEVELS:
            return document.form in self.question.view.forms
        keys = self.state.maker.make(document.body, document.doc, None).get(self.question.number)
        return keys is not None and any(e.key == position.key and e.n == position.n for e in keys.entries)

    # -- rows

    def rows(self, result: Result, after: Position | None, context: Mapping[str, Any]) -> list[Row]:
        """The rows as a person sees them, placeholders included."""
        self.seen.look(document.id for _, document in result.rows)
        if not self.question.order.tree:
            return [self._row(position, document, context, 0) for position, document in result.rows]
        return self._tree_rows(result, after, context)

    def _row(
        self,
        position: Position,
        document: Found,
        context: Mapping[str, Any],
        level: int,
        hidden: bool = False,
    ) -> Row:
        order = self.question.order
        category = path_of(order.category(position.key)) if order.categories and not hidden else None
        columns = {each.name: column_value(each, document.body, context) for each in self.question.view.columns}
        doc = {"_id": document.id, "_rev": document.rev, **document.body}
        unread = self._unread(document)
        return Row(document.id, document.rev, document.form, level, category, columns, unread, False, doc)

    def _tree_rows(self, result: Result, after: Position | None, context: Mapping[str, Any]) -> list[Row]:
        chains = [ancestors(position) for position, _ in result.rows]
        on_page = {document.doc for _, document in result.rows}
        elsewhere = {doc for chain in chains for doc, _ in chain} - on_page
        readable = on_page | set(fetch(self.reading, sorted(elsewhere)))
        shown: set[bytes] = set()
        rows: list[Row] = []
        filtered = bool(self.question.tests) or self.unread_only
        for (position, document), chain in zip(result.rows, chains, strict=True):
            root_hidden = bool(chain) and chain[0][0] not in readable
            if root_hidden and self.question.within_category:
                continue
            for level, (doc, prefix) in enumerate(chain):
                if doc in readable or prefix in shown or filtered:
                    continue
                shown.add(prefix)
                if after is None or not after.key.startswith(prefix):
                    rows.append(self._placeholder(position, level, chain[0][0] in readable))
            level = 0 if filtered else len(chain)
            rows.append(self._row(position, document, context, level, root_hidden))
        return rows

    def _placeholder(self, position: Position, level: int, category_known: bool) -> Row:
        order = self.question.order
        category = path_of(order.category(position.key)) if order.categories and category_known else None
        return Row("", "", None, level, category, {}, False, True, {})


def _inside(key: bytes, ranges: Sequence[Range]) -> bool:
    return any(low <= key < high for low, high in ranges)


def ancestors(position: Position) -> list[tuple[int, bytes]]:
    """Number and key of each ancestor of a response, the main document first; read off the end of the key."""
    level, key = position.n % LEVELS, position.key
    found: list[tuple[int, bytes]] = []
    for up in range(level, 0, -1):
        prefix = key[: len(key) - SEGMENT * up]
        found.append((int.from_bytes(prefix[-8:], "big"), prefix))
    return found
