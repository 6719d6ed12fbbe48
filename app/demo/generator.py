"""`generate`: made-up documents by the million into a node, with some 7,000 reader sets; same seed, same data.

    bulk.documents ─ batches of 1,000 ─► customers and contacts → `database`, deals → `deals`

Readers and authors come ready made (crowd.py), equal to what the forms would compute, so the documents go into the
store without being composed one by one; view rows follow by themselves. The people come along: salespeople in group
`sales`, and four observers who see all, 10 %, 1 % and 0.01 % of the documents: `bench-100`, `bench-10`, `bench-1`,
`bench-001`. They get no passwords unless the caller gives one, so that nobody can sign in as them on a real node.
"""

from __future__ import annotations

from collections.abc import Callable

from app import clock
from app.access import SYSTEM, Databases, Directory, Secrets
from app.access.principals import UNIT
from app.demo import bulk, crowd
from app.store import Context, Edit, RawDatabase

BATCH = 1_000
GROUPS = ("sales", "leaders", "support-team", "editors", "admins")


def generate(
    databases: Databases,
    directory: Directory,
    *,
    documents: int,
    seed: int = 1,
    database: str = "customers",
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Make `documents` documents; how many are new (a second run with the same seed makes only the rest).

    `progress` is told (done, all). Deals go into the database `deals` where there is one, else beside the customers.
    """
    recruit(databases, directory, seed)
    homes = {"customer": database, "contact": database, "deal": database}
    if database == "customers" and "deals" in databases.store.names():
        homes["deal"] = "deals"
    waiting: dict[str, list[Edit]] = {home: [] for home in homes.values()}
    made = 0
    for done, document in enumerate(bulk.documents(seed, documents), 1):
        home = homes[document.kind]
        waiting[home].append(Edit(document.id, None, document.body))
        if len(waiting[home]) == BATCH:
            made += _write(databases.store.database(home), waiting[home])
            waiting[home].clear()
            if progress:
                progress(done, documents)
    made += sum(_write(databases.store.database(home), edits) for home, edits in waiting.items() if edits)
    if progress:
        progress(documents, documents)
    return made


def _write(raw: RawDatabase, edits: list[Edit]) -> int:
    answers = raw.put_many(edits, Context(SYSTEM.key, clock.now()), defer=True)
    return sum(isinstance(answer, str) for answer in answers)


def recruit(databases: Databases, directory: Directory, seed: int = 1) -> None:
    """The people of the generated data, where they are not there yet: units, salespeople, observers, groups."""
    known = directory.snapshot()
    if crowd.ALL_SEEING in known.persons:
        return
    people = crowd.sellers(seed)
    with databases.store.transaction():
        for group in GROUPS:
            if group not in known.groups:
                directory.create_group(SYSTEM, group)
        for unit in dict.fromkeys(person.unit for person in people):
            directory.create_unit(SYSTEM, unit, name=f"销售{int(unit[-2:])}部 {unit.removeprefix(UNIT)}")
        for person in people:
            directory.create_person(SYSTEM, key=person.key, name=person.name, unit=person.unit, title="销售代表")
        for person in people:
            if person.leads:
                directory.change_unit(SYSTEM, person.unit, leader=person.key)
        for observer in (crowd.ALL_SEEING, *crowd.OBSERVERS):
            directory.create_person(SYSTEM, key=observer, name=observer, title="Sees a share of the generated data")
        directory.change_group(SYSTEM, "sales", add=[*(person.key for person in people), *crowd.OBSERVERS])
        directory.change_group(SYSTEM, "leaders", add=[crowd.ALL_SEEING])


def admit(secrets: Secrets, password: str) -> None:
    """Let the observers sign in with a password, for measurements over HTTP."""
    for observer in (crowd.ALL_SEEING, *crowd.OBSERVERS):
        secrets.set_password(observer, password, check=False, by=SYSTEM.key)
