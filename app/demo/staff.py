"""The people of the demo company: units with leaders, persons, groups, and passwords for the demo sign-ins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.access import SYSTEM, Directory, Secrets
from app.access.principals import UNIT
from app.demo.reading import load

PASSWORD = "demo"  # noqa: S105 - of the demo people, told on the start page
MAIL = "lanchuan.example"


def hire(directory: Directory, secrets: Secrets) -> None:
    """Make units, persons and groups; those that are there already (the first administrator) are completed."""
    data: Mapping[str, Any] = load("people.yaml")
    known = directory.snapshot()
    for unit in data["units"]:
        items = {name: unit[name] for name in ("phone", "address") if name in unit}
        parent = UNIT + unit["parent"] if "parent" in unit else ""
        directory.create_unit(SYSTEM, unit["key"], name=unit["name"], parent=parent, **items)
    for person in data["persons"]:
        _hire(directory, person, new=person["key"] not in known.persons)
        if person.get("password"):
            secrets.set_password(person["key"], PASSWORD, check=False, by="system")
    for unit in data["units"]:
        directory.change_unit(SYSTEM, UNIT + unit["key"], leader=unit["leader"])
    for group in data["groups"]:
        items = {"name": group["name"], "description": group["description"]}
        if group["key"] in known.groups:
            directory.change_group(SYSTEM, group["key"], add=group["members"], **items)
        else:
            directory.create_group(SYSTEM, group["key"], members=group["members"], **items)


def _hire(directory: Directory, person: Mapping[str, Any], *, new: bool) -> None:
    key = person["key"]
    items = {name: value for name, value in person.items() if name not in ("key", "name", "password")}
    items |= {"unit": UNIT + person["unit"], "sign_in": key, "email": f"{key}@{MAIL}", "zone": "Asia/Shanghai"}
    if new:
        directory.create_person(SYSTEM, key=key, name=person["name"], **items)
    else:
        directory.change_person(SYSTEM, key, name=person["name"], **items)
