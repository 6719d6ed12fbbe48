"""A small part of CouchDB's Mango selectors, compiled into a test of one document. Pure.

    {"form": "customer", "amount": {"$gte": 1000}, "$or": [{"stage": "won"}, {"owner.name": "north"}]}

Known: implicit `$and` and `$eq`, `$and $or $nor $not`, `$eq $ne $lt $lte $gt $gte $in $nin $exists $all $size
$elemMatch`. Others are refused rather than half done: `$regex` could run for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.errors import BadRequest, Message, NotImplementedHere

Test = Callable[[Any], bool]
ABSENT = object()
_RANKS = {type(None): 0, bool: 1, int: 2, float: 2, str: 3, list: 4, dict: 5}


def compile(selector: object) -> Test:
    """The test a selector stands for. BadRequest, NotImplementedHere."""
    if not isinstance(selector, Mapping):
        raise BadRequest("A selector is a JSON object.")
    tests = [_entry(name, value) for name, value in selector.items()]
    return lambda document: all(test(document) for test in tests)


def _entry(name: str, value: Any) -> Test:
    if name.startswith("$"):
        return _combined(name, value)
    path, test = name.replace("\\.", "\0").split("."), _condition(value)
    steps = [step.replace("\0", ".") for step in path]
    return lambda document: test(_at(document, steps))


def _combined(name: str, value: Any) -> Test:
    if name == "$not":
        inner = compile(value)
        return lambda document: not inner(document)
    if name not in ("$and", "$or", "$nor"):
        raise NotImplementedHere(Message("Selectors here do not know %(name)s.", name=name))
    if not isinstance(value, list):
        raise BadRequest(Message("%(name)s takes a list of selectors.", name=name))
    tests = [compile(each) for each in value]
    if name == "$and":
        return lambda document: all(test(document) for test in tests)
    wanted = name == "$or"
    return lambda document: any(test(document) for test in tests) is wanted


def _at(document: Any, steps: list[str]) -> Any:
    for step in steps:
        if not isinstance(document, Mapping) or step not in document:
            return ABSENT
        document = document[step]
    return document


def _condition(value: Any) -> Test:
    """The test of one value: operators, or a value to be equal to."""
    if not isinstance(value, Mapping) or not any(name.startswith("$") for name in value):
        if isinstance(value, Mapping) and value:
            return compile(value)
        return _operator("$eq", value)
    tests = [_operator(name, argument) for name, argument in value.items()]
    return lambda found: all(test(found) for test in tests)


def _operator(name: str, argument: Any) -> Test:
    if name == "$not":
        inner = _condition(argument)
        return lambda found: not inner(found)
    if name == "$exists":
        return lambda found: (found is not ABSENT) is bool(argument)
    if name == "$elemMatch":
        inner = _condition(argument)
        return lambda found: isinstance(found, list) and any(inner(each) for each in found)
    if name in ("$in", "$nin", "$all") and not isinstance(argument, list):
        raise BadRequest(Message("%(name)s takes a list.", name=name))
    test = _SIMPLE.get(name)
    if test is None:
        raise NotImplementedHere(Message("Selectors here do not know %(name)s.", name=name))
    return lambda found: found is not ABSENT and test(found, argument)


def _order(value: Any) -> tuple[int, Any]:
    """CouchDB's order of kinds; texts by code point, lists and objects within their kind not at all."""
    rank = _RANKS.get(type(value), 6)
    return rank, value if rank in (1, 2, 3) else 0


_SIMPLE: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda found, wanted: bool(found == wanted),
    "$ne": lambda found, wanted: bool(found != wanted),
    "$lt": lambda found, wanted: _order(found) < _order(wanted),
    "$lte": lambda found, wanted: _order(found) <= _order(wanted),
    "$gt": lambda found, wanted: _order(found) > _order(wanted),
    "$gte": lambda found, wanted: _order(found) >= _order(wanted),
    "$in": lambda found, wanted: found in wanted or (isinstance(found, list) and any(each in wanted for each in found)),
    "$nin": lambda found, wanted: not _SIMPLE["$in"](found, wanted),
    "$all": lambda found, wanted: isinstance(found, list) and all(each in found for each in wanted),
    "$size": lambda found, wanted: isinstance(found, list) and len(found) == wanted,
}
