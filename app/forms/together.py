"""Many rows composed one after the other: what they share is asked of the files once, not row by row.

    with rules.together(database, rows):     one look at the table of duplicates for all values that were sent
        compose(row) …                       one draw of numbers, one note of codes that came along

Answers are those of row by row, and more: two rows of one call that have the same value find each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.design import Form
from app.forms.numbering import Taken
from app.forms.uniques import Compared, values

if TYPE_CHECKING:
    from app.access.database import Database
    from app.design import Design
    from app.forms.rules import FormRules

Value = tuple[str, str]  # key and normalised value in the table of duplicates


class Together:
    """The rows of one call, for `Composing`. `close` when all have been composed."""

    def __init__(
        self, rules: FormRules, database: Database, design: Design | None, rows: Sequence[Mapping[str, Any]]
    ) -> None:
        self.database = database
        self._rules = rules
        self._left = len(rows)  # rows still to come: so many numbers are drawn at once
        self._seen: dict[Value, dict[str, Any]] = {}
        self._taken: dict[str, Taken] = {}
        self._codes: dict[str, list[str]] = {}
        self._notes: dict[tuple[str, int], int] = {}
        self.absent = self._absent(design, rows)

    def _absent(self, design: Design | None, rows: Sequence[Mapping[str, Any]]) -> frozenset[Value]:
        """Values as sent that no document has, readable or not. A value that changes while it is composed is
        not among them, and asked for by itself."""
        sent: set[Value] = set()
        for row in rows:
            form = design.forms.get(str(row.get("form"))) if design is not None else None
            if form is not None:
                sent.update((entry.key, value) for entry, value in values(form, row))
        return frozenset(sent - self._rules.uniques.present(self.database.number, sent))

    def same(self, wanted: Sequence[tuple[Compared, str]]) -> list[tuple[dict[str, Any], list[str]]]:
        """Earlier rows of the call with one of these values, and the items that have it."""
        found: dict[int, tuple[dict[str, Any], list[str]]] = {}
        for entry, value in wanted:
            earlier = self._seen.get((entry.key, value))
            if earlier is not None:
                found.setdefault(id(earlier), (earlier, []))[1].append(entry.item)
        return list(found.values())

    def composed(self, form: Form, items: dict[str, Any]) -> None:
        """A row is ready: later ones may have the same values."""
        for entry, value in values(form, items):
            self._seen.setdefault((entry.key, value), items)

    def began(self) -> None:
        """One row more is being composed."""
        self._left -= 1

    # -- numbers

    def draw(self, form: Form, item: str, series: str, pattern: str, items: Mapping[str, Any]) -> str | None:
        """The next code; None when this node has no number left."""
        numbering, uniques, name = self._rules.numbering, self._rules.uniques, self.database.name
        key = numbering.key(name, series, pattern, items)
        while True:
            codes = self._codes.get(key)
            if codes:
                code = codes.pop()
                if (uniques.key_of(form, item), uniques.normal_code(form, item, code)) not in self._seen:
                    return code
                continue
            taken = numbering.take(key, max(1, self._left + 1))
            if taken is None:
                return None
            made = [numbering.code(pattern, number, items) for number in range(taken.first, taken.last + 1)]
            self._taken[key] = taken
            used = uniques.taken(name, form, item, made)
            self._codes[key] = [code for code in reversed(made) if code not in used]

    def note(self, series: str, pattern: str, items: Mapping[str, Any], code: str) -> None:
        """A code came along: numbers go on behind it."""
        noted = self._rules.numbering.noted(self.database.name, series, pattern, items, code)
        if noted is not None:
            key, year, number = noted
            self._notes[key, year] = max(number, self._notes.get((key, year), 0))

    def close(self) -> None:
        """Numbers nobody needed go back, codes that came along are noted."""
        numbering = self._rules.numbering
        back = [taken.rest(len(self._codes[key])) for key, taken in self._taken.items() if self._codes[key]]
        if back or self._notes:
            numbering.settle(back, [(key, year, number) for (key, year), number in self._notes.items()])
