"""What forms make documents do.

    Catalog ── designs of databases, kept current          fields/ ── what an item may hold
       │                                                   keywords ── lists kept by people
    FormRules ── compose: one save ── Plan (a form, compiled)
       ├─ Numbering   running numbers from leased blocks
       └─ Uniques     duplicates among readable documents
    install, elements ── shipped designs into databases, elements edited in the browser

`open_forms` puts the parts together and hangs them into the store and the door.
"""

from __future__ import annotations

from typing import NamedTuple

from app import clock
from app.access import Databases, Directory
from app.forms.catalog import Catalog
from app.forms.elements import Element, listed, save_element
from app.forms.fields import Around, Field, FieldProblem, Message, field_of
from app.forms.install import Installed, install, take_newer
from app.forms.keywords import KeywordLists
from app.forms.numbering import Numbering
from app.forms.rules import FormRules
from app.forms.uniques import Match, Uniques
from app.store import Store


class Forms(NamedTuple):
    """The parts, put together."""

    catalog: Catalog
    rules: FormRules
    numbering: Numbering
    uniques: Uniques


def open_forms(
    store: Store,
    databases: Databases,
    directory: Directory,
    *,
    zone: str = clock.DEFAULT_ZONE,
    source: bool = True,
) -> Forms:
    """The form layer of a node, hung into its store and door. `source`: this node owns the number series."""
    catalog = Catalog(store)
    numbering = Numbering(store, source=source, zone=zone)
    uniques = Uniques(store, catalog.design)
    rules = FormRules(catalog, directory, numbering, uniques)
    rules.databases = databases
    databases.rules = rules
    databases.form_rights = rules
    databases.designs = catalog.design
    store.indexers.insert(0, catalog)
    store.indexers.insert(1, uniques)
    return Forms(catalog, rules, numbering, uniques)


__all__ = [
    "Around",
    "Catalog",
    "Element",
    "Field",
    "FieldProblem",
    "FormRules",
    "Forms",
    "Installed",
    "KeywordLists",
    "Match",
    "Message",
    "Numbering",
    "Uniques",
    "field_of",
    "install",
    "listed",
    "open_forms",
    "save_element",
    "take_newer",
]
