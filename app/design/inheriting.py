"""Whose readers and authors follow another document: read from the designs. Pure.

    contact   access "[owner] + team", both pulled from the customer      ─►  contact.customer   watches  owner, team
    activity  access "… + lookup('deals', parent, 'readers')"             ─►  activity.parent    watches  readers
    reply     access "audience", computed "lookup('discussion', parent, …)"   ─►  reply.parent     watches  audience

When a watched item of the document above changes, those below are computed anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from app.design.expressions import Expression
from app.design.model import Design, Form


class Inherits(NamedTuple):
    """Documents of a form take from the one that `link` names (in `above`) what `watched` says there."""

    form: str
    link: str
    above: str
    watched: frozenset[str]
    forms: frozenset[str]  # what the document above may be; empty: anything


def inherits(design: Design) -> list[Inherits]:
    """Everything in a design that follows documents above, one entry for each link of a form."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for form in design.forms.values():
        for above, link, watched in _sources(design, form):
            found.setdefault((form.name, link, above), set()).add(watched)
    return [
        Inherits(form, link, above, frozenset(watched), _forms(design.forms[form], link))
        for (form, link, above), watched in found.items()
    ]


def _forms(form: Form, link: str) -> frozenset[str]:
    item = form.items.get(link)
    named = frozenset(item.forms if item is not None else form.response_to)
    return frozenset() if "*" in named else named


def items_of_access(form: Form) -> frozenset[str]:
    """The items that decide who reads or edits a document of the form, with those they are computed from."""
    found = {name for name, item in form.items.items() if item.type in ("readers", "authors")}
    found |= {name for access in _expressions(form) for name in access.names}
    waiting = list(found)
    while waiting:
        item = form.items.get(waiting.pop())
        if item is not None and item.computed is not None:
            new = item.computed.names - found
            found |= new
            waiting += new
    return frozenset(found & form.items.keys())


def _expressions(form: Form) -> list[Expression]:
    return [expression for expression in (form.access.readers, form.access.authors) if expression is not None]


def _sources(design: Design, form: Form) -> Iterator[tuple[str, str, str]]:
    deciding = items_of_access(form)
    expressions = [*_expressions(form), *(item.computed for n in deciding if (item := form.items[n]).computed)]
    for expression in expressions:
        if expression is not None:
            yield from expression.lookups
    for item in form.items.values():
        if item.type == "link" and not item.many:
            for own, source in item.pull.items():
                if own in deciding:
                    yield item.database or design.database, item.name, source
