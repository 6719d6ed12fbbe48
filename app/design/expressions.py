"""Expressions: single Python expressions of a design, parsed once and run by simpleeval within limits.

    Expression("[owner] + team", names={"owner", "team"}).evaluate({"owner": "north"})  →  ["north"]

An empty item is `None` and behaves as people expect: arithmetic with it gives empty, comparing with it is
false, adding it to a list or text leaves that unchanged. Arithmetic is decimal, so 0.1 + 0.2 is 0.3 and
money is exact to the cent. Limits: length of the source, depth, powers, size of texts and lists made in one
run.
"""

from __future__ import annotations

import ast
import difflib
import io
import keyword
import re
import threading
import tokenize
import warnings
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal, DecimalException
from typing import Any, Protocol

import simpleeval

from app.design.compiled import Part, compiled
from app.design.functions import CONTEXT_FUNCTIONS, FUNCTIONS, LONGEST, exact
from app.errors import Message

MAX_SOURCE = 2_000  # characters
MAX_DEPTH = 40  # of the parsed tree
_PARSING = threading.Lock()  # up to Python 3.11.8 `ast.parse` in two threads at once may fail with a SystemError
MAX_MADE = 1_000_000  # characters and entries made in one run
MAX_BASE, MAX_EXPONENT = 10**9, 64
LEVELS: dict[str, int] = {
    "NONE": 0, "DEPOSITOR": 1, "READER": 2, "AUTHOR": 3, "EDITOR": 4, "DESIGNER": 5, "MANAGER": 6,
}  # fmt: skip
CONTEXT_NAMES = frozenset({"form", "person", "principals", "level", "now", "today", "old", "is_new", "value", "row"})
SYSTEM_ITEMS = frozenset(
    {
        "form",
        "parent",
        "created_by",
        "created_at",
        "changed_by",
        "changed_at",
        "readers",
        "authors",
        "remarks",
        "public",
    }
)
_CONSTANT_NAMES = frozenset({*LEVELS, "True", "False", "None"})
_TEXT_METHODS = frozenset({"startswith", "endswith", "upper", "lower", "strip", "isdigit", "count", "find", "title"})
_FORMAT = re.compile(r"[<>^]?[0-9]{0,2},?(\.[0-9]{1,2})?[a-z%]?")
_WORDS = frozenset(keyword.kwlist) - {
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "for",
    "True",
    "False",
    "None",
}
_PYTHON_WORD = re.compile(rf"\b({'|'.join(sorted(_WORDS))})\b")
_MASK = "item__"
_REFUSED = (
    ast.Lambda,
    ast.Await,
    ast.Yield,
    ast.YieldFrom,
    ast.NamedExpr,
    ast.DictComp,
    ast.SetComp,
    ast.Starred,
)


class ExpressionError(ValueError):
    """An expression that cannot be parsed or failed while it ran; the text says why, for the designer."""


class Surroundings(Protocol):
    """What `lookup`, `leader_of` and their like ask: rights and people as the person running the expression
    has them."""

    def lookup(self, database: str, id: str, item: str) -> Any: ...
    def leader_of(self, unit: str) -> str | None: ...
    def unit_of(self, person: str) -> str | None: ...
    def members_of(self, group: str) -> list[str]: ...
    def label_of(self, name: str) -> str: ...


class Expression:
    """One expression, parsed. `names` are the items and context names it uses.

    With `known` the names are checked (ExpressionError names the near one); without, any name may be used
    and what is not given is empty.
    """

    __slots__ = ("_compiled", "_constant", "_plain", "_tree", "names", "source")

    def __init__(self, source: str, known: Collection[str] | None = None) -> None:
        self.source = source
        tree = _parse(source)
        self.names = _check(tree, known)
        self._tree = tree
        self._compiled = compiled(tree, LEVELS)
        self._constant = tree if isinstance(tree, ast.Constant) else None
        self._plain = tree.id if isinstance(tree, ast.Name) and tree.id not in _CONSTANT_NAMES else None

    def evaluate(self, names: Mapping[str, Any], surroundings: Surroundings | None = None) -> Any:
        """The value, as JSON holds it (decimals become numbers). ExpressionError when it fails."""
        return plain(self.run(names, surroundings))

    def run(self, names: Mapping[str, Any], surroundings: Surroundings | None = None) -> Any:
        """As evaluate, but decimals stay exact: for computed items, whose field rounds them."""
        if self._plain is not None:
            return names.get(self._plain)
        if self._constant is not None:
            return exact(self._constant.value)
        return _evaluator().run(self._tree, self._compiled, names, surroundings)

    def holds(self, names: Mapping[str, Any], surroundings: Surroundings | None = None) -> bool:
        """Is the value true?"""
        return bool(self.run(names, surroundings))

    @property
    def lookups(self) -> frozenset[tuple[str, str, str]]:
        """The `lookup(database, item, other item)` in it whose document an item names."""
        found = set()
        for call in ast.walk(self._tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "lookup":
                match call.args:
                    case [ast.Constant(value=str(database)), ast.Name(id=link), ast.Constant(value=str(item))]:
                        found.add((database, link, item))
        return frozenset(found)

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)


def plain(value: Any) -> Any:
    """Decimals as JSON numbers: whole ones as integers, others as the nearest float."""
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > 30:
            raise ExpressionError("the number is too large")
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list | tuple | set):
        return [plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return value


def _parse(source: str) -> ast.expr:
    if len(source) > MAX_SOURCE:
        raise ExpressionError(f"longer than {MAX_SOURCE} characters")
    if not source.strip():
        raise ExpressionError("it is empty")
    text = source.strip().replace("\n", " ")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _PARSING:
                return _unmasked(ast.parse(_masked(text), mode="eval").body)
    except (SyntaxError, ValueError, MemoryError, RecursionError, tokenize.TokenError) as problem:
        reason = problem.msg if isinstance(problem, SyntaxError) else str(problem)
        raise ExpressionError(f"not an expression: {reason}") from None


def _masked(text: str) -> str:
    """Items may be called like words of Python (`class`, `from`): such names get a mask while Python parses."""
    if not _PYTHON_WORD.search(text):
        return text
    tokens = [
        (
            token.type,
            _MASK + token.string if token.type == tokenize.NAME and token.string in _WORDS else token.string,
        )
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
    ]
    return tokenize.untokenize(tokens).strip()


def _unmasked(tree: ast.expr) -> ast.expr:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = node.id.removeprefix(_MASK)
        elif isinstance(node, ast.Attribute):
            node.attr = node.attr.removeprefix(_MASK)
    return tree


def _check(tree: ast.expr, known: Collection[str] | None) -> frozenset[str]:
    """Limits, functions and names, before anything runs. Answers with the names used."""
    used: set[str] = set()
    bound: set[str] = set()
    functions: set[int] = set()
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        below: list[ast.AST] = []
        for node in level:
            if isinstance(node, _REFUSED) or (isinstance(node, ast.Attribute) and node.attr.startswith("_")):
                raise ExpressionError(f"{type(node).__name__} is not allowed")
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Name):
                    functions.add(id(node.func))
                    _known_function(node.func.id)
                elif not (isinstance(node.func, ast.Attribute) and node.func.attr in _TEXT_METHODS):
                    raise ExpressionError("only the documented functions can be called")
            elif isinstance(node, ast.comprehension):
                bound.update(n.id for n in ast.walk(node.target) if isinstance(n, ast.Name))
            elif isinstance(node, ast.Name) and id(node) not in functions:
                used.add(node.id)
            below.extend(ast.iter_child_nodes(node))
        if not below:
            break
        level = below
    else:
        raise ExpressionError(f"nested deeper than {MAX_DEPTH} levels")
    used -= bound | _CONSTANT_NAMES
    if known is not None:
        for name in sorted(used.difference(known)):
            raise ExpressionError(f"unknown name {name!r}{near(name, known)}")
    return frozenset(used)


def _known_function(name: str) -> None:
    if name not in FUNCTIONS and name not in CONTEXT_FUNCTIONS:
        raise ExpressionError(f"unknown function {name}(){near(name, [*FUNCTIONS, *CONTEXT_FUNCTIONS])}")


def near(name: str, names: Collection[str]) -> str:
    """A hint for a misspelt name: `; did you mean "colour"?`, or nothing."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return Message('; did you mean "%(value)s"?', value=found[0]) if found else ""


# -- running -----------------------------------------------------------------------------------------------


class _Evaluator(simpleeval.EvalWithCompoundTypes):  # type: ignore[misc]
    """simpleeval with our operators and limits. One per thread: simpleeval keeps its scope in itself."""

    def __init__(self) -> None:
        self.made = 0
        self.names: Any = {}
        self._max_count = 0
        self.surroundings: Surroundings | None = None
        super().__init__(operators=self._operators(), functions=self._functions(), names={})
        self.functions = self._functions()  # without simpleeval's list(), dict() …

    def run(
        self,
        tree: ast.expr,
        part: Part | None,
        names: Mapping[str, Any],
        surroundings: Surroundings | None,
    ) -> Any:
        """Evaluates the compiled `part`, else the tree, restoring what an outer run had (an expression may
        look up a document that runs another)."""
        before = (self.names, self.made, self.surroundings, self._max_count)
        self.made, self.surroundings, self._max_count = 0, surroundings, 0
        try:
            if part is not None:
                return part(names, self)
            self.names = _Scope(names)
            return self._eval(tree)
        except ExpressionError:
            raise
        except (simpleeval.InvalidExpression, DecimalException, ArithmeticError, ValueError) as problem:
            raise ExpressionError(_reason(problem)) from problem
        except (TypeError, KeyError, IndexError, AttributeError, RecursionError) as problem:
            raise ExpressionError(_reason(problem)) from problem
        finally:
            self.names, self.made, self.surroundings, self._max_count = before

    def _functions(self) -> dict[str, Callable[..., Any]]:
        return {**FUNCTIONS, **{name: self._asking(name) for name in CONTEXT_FUNCTIONS}}

    def _asking(self, name: str) -> Callable[..., Any]:
        def ask(*arguments: Any) -> Any:
            if self.surroundings is None:
                raise ExpressionError(f"{name}() cannot be used here")
            if any(argument is None for argument in arguments):
                return None
            return getattr(self.surroundings, name)(*arguments)

        return ask

    def _operators(self) -> dict[type[ast.AST], Callable[..., Any]]:
        return {
            ast.Add: self._add, ast.Mult: self._multiply, ast.Sub: _arithmetic(lambda a, b: a - b),
            ast.Div: _arithmetic(_divide), ast.FloorDiv: _arithmetic(lambda a, b: a // b),
            ast.Mod: _arithmetic(_modulo), ast.Pow: _arithmetic(_power),
            ast.USub: lambda a: None if a is None else -exact(a), ast.UAdd: exact, ast.Not: lambda a: not a,
            ast.Eq: lambda a, b: exact(a) == exact(b), ast.NotEq: lambda a, b: exact(a) != exact(b),
            ast.Lt: _comparing(lambda a, b: a < b), ast.LtE: _comparing(lambda a, b: a <= b),
            ast.Gt: _comparing(lambda a, b: a > b),
            ast.GtE: _comparing(lambda a, b: a >= b), ast.In: _within,
            ast.NotIn: lambda a, b: not _within(a, b), ast.Is: lambda a, b: a is b,
            ast.IsNot: lambda a, b: a is not b,
        }  # fmt: skip

    def _make(self, size: int) -> None:
        self.made += size
        if size > LONGEST or self.made > MAX_MADE:
            raise ExpressionError("it makes something too long")

    def _add(self, a: Any, b: Any) -> Any:
        if a is None or b is None:
            other = b if a is None else a
            return other if isinstance(other, str | list) else None
        if isinstance(a, str | list) or isinstance(b, str | list):
            if type(a) is not type(b):
                raise ExpressionError(f"cannot add {_kind(a)} and {_kind(b)}")
            self._make(len(a) + len(b))
            return a + b
        return exact(a) + exact(b)

    def _multiply(self, a: Any, b: Any) -> Any:
        if a is None or b is None:
            return None
        for sized, times in ((a, b), (b, a)):
            if isinstance(sized, str | list | tuple):
                if not isinstance(times, int):
                    raise ExpressionError(f"cannot multiply {_kind(a)} and {_kind(b)}")
                self._make(len(sized) * max(times, 0))
                return sized * times
        return exact(a) * exact(b)

    def _eval_attribute(self, node: ast.Attribute) -> Any:
        value = self._eval(node.value)
        if value is None:
            return None
        if isinstance(value, Mapping):
            return value.get(node.attr)
        if isinstance(value, str) and node.attr in _TEXT_METHODS:
            return getattr(value, node.attr)
        raise ExpressionError(f"{_kind(value)} has no {node.attr}")

    def _eval_subscript(self, node: ast.Subscript) -> Any:
        value = self._eval(node.value)
        key = self._eval(node.slice)
        if value is None:
            return None
        if isinstance(value, Mapping):
            return value.get(key)
        return value[key]

    def _eval_formattedvalue(self, node: ast.FormattedValue) -> str:
        value = self._eval(node.value)
        if node.format_spec is None:
            return str(FUNCTIONS["text"](value))
        shape = self._eval(node.format_spec)
        if not _FORMAT.fullmatch(shape):
            raise ExpressionError(f"the format {shape!r} is not allowed")
        return "" if value is None else format(exact(value), shape)


class _Scope(dict[str, Any]):
    """The names of one run: given ones, then constants; anything else is an empty item."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        super().__init__()
        self.given = names

    def __getitem__(self, name: str) -> Any:
        if name in LEVELS:
            return LEVELS[name]
        return self.given.get(name)


_local = threading.local()


def _evaluator() -> _Evaluator:
    found = getattr(_local, "evaluator", None)
    if found is None:
        found = _local.evaluator = _Evaluator()
    return found


def _arithmetic(act: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def run(a: Any, b: Any) -> Any:
        if a is None or b is None:
            return None
        if isinstance(a, str) or isinstance(b, str):
            raise ExpressionError(f"cannot calculate with {_kind(a)} and {_kind(b)}")
        return act(exact(a), exact(b))

    return run


def _comparing(act: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def run(a: Any, b: Any) -> bool:
        return a is not None and b is not None and act(exact(a), exact(b))

    return run


def _within(a: Any, b: Any) -> bool:
    return b is not None and a in b if not isinstance(b, str) else isinstance(a, str) and a in b


def _divide(a: Any, b: Any) -> Any:
    if b == 0:
        raise ExpressionError("division by zero")
    return Decimal(a) / Decimal(b)


def _modulo(a: Any, b: Any) -> Any:
    if b == 0:
        raise ExpressionError("division by zero")
    return a % b


def _power(a: Any, b: Any) -> Any:
    if abs(a) > MAX_BASE or abs(b) > MAX_EXPONENT:
        raise ExpressionError("the power is too large")
    return Decimal(a) ** Decimal(b)


def _kind(value: Any) -> str:
    for kinds, word in ((str, "a text"), (bool, "true/false"), (list, "a list"), (dict, "a row")):
        if isinstance(value, kinds):
            return word
    return "a number" if isinstance(value, int | float | Decimal) else type(value).__name__


def _reason(problem: BaseException) -> str:
    if isinstance(problem, KeyError | IndexError):
        return "there is no such entry"
    if isinstance(problem, RecursionError):
        return "it is nested too deep"
    return str(problem) or type(problem).__name__
