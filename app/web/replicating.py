"""How replication stands, in the words of interfaces: for REST, the command line, the page and the header.

A node without a hub has nothing unsent or rejected. What a laptop holds is its person's alone, so that the figures of
its databases are theirs; on other nodes `documents` counts what the person reads.
"""

from __future__ import annotations

from typing import Any

from app.node import Node

EMPTY = {"unsent": 0, "rejected": 0, "conflicts": 0, "last_sync": None, "error": None}


def figures_of(node: Node, name: str) -> dict[str, Any]:
    """{name, unsent, rejected, conflicts, last_sync, error} of one database."""
    found = {"name": name, **EMPTY, "conflicts": conflicts_of(node, name)}
    for state in node.replication.databases(name) if node.replication is not None else ():
        found |= {key: state[key] for key in ("unsent", "rejected", "last_sync", "error")}
    return found


def conflicts_of(node: Node, name: str) -> int:
    """Documents whose branches somebody should settle."""
    with node.store.reading() as connection:
        row = connection.execute(
            "SELECT count(*) FROM conflicts JOIN databases USING (db) WHERE name = ?", (name,)
        ).fetchone()
    return int(row[0])


def upstream_of(node: Node) -> dict[str, Any] | None:
    """{url, person, device, state, sentence, as_of, clock_offset} of a laptop; None elsewhere."""
    if node.replication is None or node.laptop is None:
        return None
    standing = node.replication.standing()
    whole, moment = node.replication.complete()
    return {
        "url": node.replication.url,
        "person": node.laptop.person,
        "device": node.laptop.device,
        "state": standing.state,
        "sentence": standing.sentence,
        "complete": whole,
        "as_of": moment,
        "clock_offset": node.replication.clock_offset(),
        "data_limit": node.replication.options.data_limit,
        "traffic_today": node.replication.options.traffic(),
    }
