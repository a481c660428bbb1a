"""Small random errors: where a source could be wrong by one sign, factor, exponent or argument.

A site is one node of a module's syntax tree with one way to get it wrong. Text, annotations,
decorators, derivations of formulas, and what refuses bad input are no sites: no returned number
depends on them.
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

__all__ = ["Site", "draw", "mutated", "sites"]

_FLIPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
_EDGES = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_REVERSED = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_PAIRS = (
    ("max", "min"),
    ("maximum", "minimum"),
    ("argmax", "argmin"),
    ("sum", "mean"),
    ("any", "all"),
    ("ones", "zeros"),
    ("floor", "ceil"),
    ("Max", "Min"),
    ("cos", "sin"),
)
_RENAMED = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])} | {
    "log1p": "log",
    "expm1": "exp",
}
_DROPPED = ("abs", "fabs", "square", "sqrt", "exp", "log", "transpose")
_REFUSING = ("require", "check", "_check", "_refuse", "_reasons", "_warn", "warn", "_shown")
_SPEAKING = ("_prove", "_print", "_parser", "__repr__", "__str__", "as_dict", "latex", "main")
_UNSEEN = ("annotation", "returns", "decorator_list", "type_params")


class Site(NamedTuple):
    """One way to get one node wrong.

    Attributes:
        file: path of the module.
        line: of the node.
        statement: line of the statement of a function that it is in; 0 outside of functions.
        node: its place among the nodes of the tree, as `ast.walk` meets them.
        operator: what is done to it.
        before, after: the node as it is, and wrong.
    """

    file: str
    line: int
    statement: int
    node: int
    operator: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} [{self.operator}] {self.before} -> {self.after}"


def _called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else node
    return getattr(function, "id", getattr(function, "attr", ""))


def _silent(node: ast.AST) -> bool:
    """Whether nothing in this node can change a returned number, but for what is refused."""
    if isinstance(node, (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom, ast.JoinedStr)):
        return True
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        names = (*_REFUSING, *_SPEAKING) if isinstance(node, ast.FunctionDef) else ("Theorem",)
        return node.name.startswith(names)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return _called(node.value).startswith((*_REFUSING, "print"))
    if isinstance(node, ast.If):  # a test with nothing behind it but an error
        return not node.orelse and all(map(_silent, node.body))
    if isinstance(node, ast.Assign):
        return any(getattr(target, "id", "") == "__all__" for target in node.targets)
    return isinstance(node, ast.keyword) and node.arg in ("level", "maxsize", "stacklevel")


def _open(tree: ast.AST, inside: bool = False, line: int = 0) -> Iterator[tuple[ast.AST, int]]:
    """The nodes that may be wrong, with the line of the statement of a function they are in."""
    inside = inside or isinstance(tree, ast.FunctionDef)
    for field, value in ast.iter_fields(tree):
        if field in _UNSEEN:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _silent(child):
                number = child.lineno if inside and isinstance(child, ast.stmt) else line
                if isinstance(tree, ast.FunctionDef) and field == "args":
                    number = line  # a default, which belongs to where the function is made
                yield child, number
                yield from _open(child, inside, number)


def _text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str)


def _named(node: ast.AST) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute, ast.Starred)) and not _called(node).isupper()


def _renamed(node: ast.Call, name: str) -> ast.Call:
    wrong = copy.deepcopy(node)
    setattr(wrong.func, "id" if isinstance(wrong.func, ast.Name) else "attr", name)
    return wrong


def _constants(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    value = node.value
    if isinstance(value, bool):
        yield "not", ast.Constant(not value)
    elif isinstance(value, (int, float)):
        if value:
            yield "double", ast.Constant(2 * value)
            yield "negate", ast.UnaryOp(ast.USub(), ast.Constant(value))
        if isinstance(value, int):
            yield "one more", ast.Constant(value + 1)
            if value > 0:
                yield "one less", ast.Constant(value - 1)


def _operations(node: ast.BinOp) -> Iterator[tuple[str, ast.AST]]:
    if _text(node.left) or _text(node.right):
        return
    kind = type(node.op)
    if kind in _FLIPPED:
        yield "other operation", ast.BinOp(node.left, _FLIPPED[kind](), node.right)
        yield "without the second", node.left
    if kind in (ast.Add, ast.Mult):
        yield "without the first", node.right
    if kind in (ast.Sub, ast.Div, ast.MatMult):
        yield "swap", ast.BinOp(node.right, node.op, node.left)
    if kind is ast.Pow:
        yield "without the power", node.left


def _comparisons(node: ast.Compare) -> Iterator[tuple[str, ast.AST]]:
    for name, table in (("edge", _EDGES), ("reverse", _REVERSED)):
        if len(node.ops) == 1 and type(node.ops[0]) in table and not _text(node.comparators[0]):
            yield name, ast.Compare(node.left, [table[type(node.ops[0])]()], node.comparators)


def _calls(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    name, plain = _called(node), not node.keywords
    if name in _RENAMED and not (name == "exp" and not node.args):
        yield "other function", _renamed(node, _RENAMED[name])
    if name in _DROPPED and len(node.args) == 1 and plain:
        yield "without the function", node.args[0]
    if name in ("range", "arange") and len(node.args) == 1 and plain:
        for sign, way in ((ast.Add(), "longer"), (ast.Sub(), "shorter")):
            length = ast.BinOp(node.args[0], sign, ast.Constant(1))
            yield way, ast.Call(node.func, [length], [])
    for i in range(len(node.args) - 1):
        left, right = node.args[i : i + 2]
        if _named(left) and _named(right) and name not in ("isinstance", "getattr"):
            rest = [*node.args[:i], right, left, *node.args[i + 2 :]]
            yield f"swap arguments {i + 1} and {i + 2}", ast.Call(node.func, rest, node.keywords)


def _wrong(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in this node's place, each with a name."""
    if isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.BinOp):
        yield from _operations(node)
    elif isinstance(node, ast.Compare):
        yield from _comparisons(node)
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield "without the sign", node.operand
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "other connective", ast.BoolOp(other, node.values)
    elif isinstance(node, ast.IfExp):
        yield "other branch", ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        yield "without the transpose", node.value


def _computed(body: list[ast.stmt]) -> list[ast.stmt]:
    """A module of formulas without the functions that only a derivation calls."""
    kept = [stmt for stmt in body if not isinstance(stmt, ast.FunctionDef)]
    while True:
        called = {
            _called(node) for stmt in kept for node in ast.walk(stmt) if isinstance(node, ast.Call)
        }
        wanted = [stmt for stmt in body if stmt in kept or getattr(stmt, "name", "") in called]
        if wanted == kept:
            return kept
        kept = wanted


def sites(file: str, source: str) -> list[Site]:
    """All sites of a module.

    Args:
        file: its path, for the record.
        source: its text.

    Example:
        >>> for site in sites("a.py", "def f(x):\\n    return abs(x) < 2.5\\n"):
        ...     print(site.operator, "|", site.after)
        edge | abs(x) <= 2.5
        reverse | abs(x) > 2.5
        without the function | x
        double | 5.0
        negate | -2.5
    """
    tree = ast.parse(source)
    places = {id(node): place for place, node in enumerate(ast.walk(tree))}
    if "/theorems/" in file:
        tree.body = _computed(tree.body)
    return [
        Site(
            file=file,
            line=node.lineno,
            statement=line,
            node=places[id(node)],
            operator=name,
            before=ast.unparse(node),
            after=ast.unparse(wrong),
        )
        for node, line in _open(tree)
        for name, wrong in _wrong(node)
    ]


def mutated(source: str, site: Site) -> ast.Module:
    """The tree of a module with the site's error in it, at the lines of the right one.

    Example:
        >>> source = "def f(x):\\n    return 2 * x\\n"
        >>> [ast.unparse(mutated(source, site)).split("return ")[1] for site in sites("", source)]
        ['2 / x', '2', 'x', '4 * x', '-2 * x', '3 * x', '1 * x']
    """
    tree = ast.parse(source)
    node = list(ast.walk(tree))[site.node]
    wrong = dict(_wrong(node))[site.operator]
    if ast.unparse(node) != site.before:
        raise ValueError(f"{site}: got a source that does not have it; list its sites anew.")
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, wrong)
            elif isinstance(value, list) and any(item is node for item in value):
                value[[item is node for item in value].index(True)] = wrong
    for child in ast.walk(wrong):
        if hasattr(child, "lineno") or isinstance(child, (ast.expr, ast.keyword)):
            child.lineno = child.end_lineno = node.lineno
            child.col_offset = child.end_col_offset = node.col_offset
    return ast.fix_missing_locations(tree)


def draw(sources: Mapping[str, str], count: int, seed: int) -> list[Site]:
    """Sites at random, of every file as many as its share of all sites.

    Args:
        sources: texts of modules, by file.
        count: how many.
        seed: of the draw.
    """
    every = {file: sites(file, text) for file, text in sorted(sources.items())}
    total = sum(map(len, every.values()))
    numbers = _shares([len(one) for one in every.values()], min(count, total))
    chance = random.Random(seed)
    drawn = [
        site
        for one, number in zip(every.values(), numbers, strict=True)
        for site in chance.sample(one, number)
    ]
    chance.shuffle(drawn)  # so that a part of the run is a sample as well
    return drawn


def _shares(sizes: Sequence[int], count: int) -> list[int]:
    """Whole numbers that sum to the count, in proportion to the sizes (largest remainders)."""
    exact = [count * size / sum(sizes) for size in sizes]
    numbers = [int(name) for name in exact]
    order = sorted(range(len(sizes)), key=lambda i: numbers[i] - exact[i])
    for i in order[: count - sum(numbers)]:
        numbers[i] += 1
    return numbers
