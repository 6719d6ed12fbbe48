"""What happened in the demo company: writes planned with ids and moments, then done in the order of time.

    Story.add("deals", "north", moment, {...})              → the id of a document that north makes then
    Story.change("deals", "north", moment, id, {...})       a later change of it
    Story.tell(databases)                                   does all of it through the door, clock set back

Ids come from the seed, so that the same day gives the same demo; everything is written as the person concerned.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app import clock
from app.access import Databases, Directory, Identity

BATCH = 100  # writes in one transaction
MINUTE = timedelta(minutes=1)
LOCAL = ZoneInfo(clock.DEFAULT_ZONE)


class Event(NamedTuple):
    """One write. `new` tells a creation from a change."""

    moment: datetime
    number: int
    database: str
    person: str
    id: str
    items: Mapping[str, Any]
    new: bool


class Story:
    """The writes of the demo, and the random numbers they are made from."""

    def __init__(self, seed: int = 1) -> None:
        self.now = clock.utcnow()
        self.today: date = self.now.astimezone(LOCAL).date()
        self.rng = Random(f"demo-{seed}")  # noqa: S311 - made-up data, nothing secret
        self.met: Counter[str] = Counter()  # contacts so far, by country
        self._events: list[Event] = []
        self._last: dict[str, datetime] = {}  # id → when it was last written
        self._made: dict[str, datetime] = {}

    # -- time

    def at(self, days_ago: int, hour: int | None = None) -> datetime:
        """A moment in working hours so many days ago (negative: to come); weekends fall back to Friday."""
        day = self.today - timedelta(days=days_ago)
        day -= timedelta(days=max(0, day.isoweekday() - 5))
        clock_time = time(self.rng.randint(9, 17) if hour is None else hour, self.rng.randint(0, 59))
        moment = datetime.combine(day, clock_time, LOCAL).astimezone(UTC)
        return min(moment, self.now - timedelta(minutes=self.rng.randint(5, 90))) if days_ago >= 0 else moment

    def later(self, moment: datetime, minutes: int) -> datetime:
        """So many minutes later; after 19:00, the next morning."""
        found = (moment + timedelta(minutes=minutes)).astimezone(LOCAL)
        if found.hour >= 19 or found.hour < 8:
            found += timedelta(days=found.hour >= 19)
            found = found.replace(hour=8, minute=self.rng.randint(30, 59))
        return found.astimezone(UTC)

    def day(self, days_ago: int) -> str:
        """A date so many days ago."""
        return (self.today - timedelta(days=days_ago)).isoformat()

    # -- choosing

    def pick(self, values: Any) -> Any:
        """One of the values."""
        return values[int(self.rng.random() * len(values))]

    def chance(self, share: float) -> bool:
        """True in so many of all cases."""
        return self.rng.random() < share

    def new_id(self) -> str:
        """An id from the seed."""
        return f"{self.rng.getrandbits(128):032x}"

    # -- planning

    def add(self, database: str, person: str, moment: datetime, items: Mapping[str, Any], id: str | None = None) -> str:
        """Plan a new document; its id. Empty items are left out."""
        id = id or self.new_id()
        kept = {name: value for name, value in items.items() if value not in (None, "", [])}
        self._made[id] = self._plan(self._after_named(moment, kept), database, person, id, kept, new=True)
        return id

    def _after_named(self, moment: datetime, items: Mapping[str, Any]) -> datetime:
        """Not before the documents that the new one links to."""
        values = [entry for value in items.values() for entry in (value if isinstance(value, list) else [value])]
        made = [self._made[value] for value in values if isinstance(value, str) and value in self._made]
        if "parent" in items and items["form"] == "complaint_handling":
            made.append(self._last[items["parent"]])  # whoever handles it has been named by then
        return max([moment, *(when + MINUTE for when in made)])

    def change(self, database: str, person: str, moment: datetime, id: str, items: Mapping[str, Any]) -> None:
        """Plan a change of a document: after everything planned for it so far."""
        self._plan(max(moment, self._last[id] + MINUTE), database, person, id, items, new=False)

    def _plan(
        self, moment: datetime, database: str, person: str, id: str, items: Mapping[str, Any], *, new: bool
    ) -> datetime:
        moment = self._last[id] = min(moment, self.now)
        self._events.append(Event(moment, len(self._events), database, person, id, items, new))
        return moment

    # -- telling

    def tell(
        self,
        databases: Databases,
        directory: Directory,
        progress: Callable[[int, int], None] | None = None,
        visits: Mapping[str, datetime] | None = None,
        look: Callable[[str], None] = lambda name: None,
    ) -> int:
        """Do everything planned, oldest first; how many writes. The clock stands at each moment meanwhile. `look` is
        called for each database of `visits` before the first write after its moment.
        """
        waiting = dict(visits or {})
        events = sorted(self._events, key=lambda event: (event.moment, event.number))
        before = clock.Clock.frozen
        try:
            for start in range(0, len(events), BATCH):
                with databases.store.transaction():
                    for event in events[start : start + BATCH]:
                        for name in [name for name, moment in waiting.items() if event.moment > moment]:
                            del waiting[name]
                            look(name)
                        _write(databases, directory, event)
                if progress:
                    progress(min(start + BATCH, len(events)), len(events))
        finally:
            clock.Clock.frozen = before
        return len(events)


def _write(databases: Databases, directory: Directory, event: Event) -> None:
    clock.Clock.frozen = event.moment
    database = databases.open(event.database, Identity(directory.snapshot().persons[event.person]))
    if event.new:
        database.create(event.items, id=event.id)
    else:
        database.change(event.id, event.items)


def attached(files: Mapping[str, bytes], *, item: str = "files") -> dict[str, Any]:
    """Items of a new document that carry files: `{"files": [names], "_attachments": {…}}`."""
    kinds = {"pdf": "application/pdf", "txt": "text/plain; charset=utf-8"}
    return {
        item: list(files),
        "_attachments": {
            name: {
                "content_type": kinds.get(name.rpartition(".")[2], "application/octet-stream"),
                "data": base64.b64encode(content).decode(),
            }
            for name, content in files.items()
        },
    }


def pdf(title: str, lines: list[str]) -> bytes:
    """A one-page PDF of plain Latin text, for sample files."""
    text = "".join(f"({_escaped(line)}) Tj T*\n" for line in lines)
    content = f"BT /F1 16 Tf 56 780 Td ({_escaped(title)}) Tj /F1 11 Tf 0 -28 Td 16 TL\n{text}ET".encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    made = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return made + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def _escaped(text: str) -> str:
    plain = text.encode("latin-1", "replace").decode("latin-1")
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
