"""Messages speak of numbers of things in the right number: "1 column", "2 columns"."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from synthetic_oversampling.simulate.tables.reading import TableError, read_table
from synthetic_oversampling.theory import Design, GaussianGroup, Oracle, predict
from synthetic_oversampling.theory.wording import counted

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [
    path
    for folder in ("theory", "simulate", "transformer_toy", "figures", "practice")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
WORDS = (
    r" (?:of (?:the |them )?|(?!for )[a-z]+ )?"  # between a number and its noun: "3 synthetic rows"
)


def _plurals(trees) -> set[str]:
    """The nouns that some message counts, in the plural."""
    found = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "counted":
            words = [arg.value for arg in node.args[1:] if isinstance(arg, ast.Constant)]
            found.add(counted(2, *words).removeprefix("2 ").split(" of ")[0].split()[-1])
    return found


def _left_alone(tree, nouns) -> list[str]:
    """Pieces of messages in which a whole number meets a plural that is always one."""
    pattern = re.compile(WORDS + rf"(?:{'|'.join(sorted(nouns))})\b")
    return [
        f"{{{ast.unparse(value.value)}}}{text.value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for value, text in zip(node.values, node.values[1:], strict=False)
        if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant)
        if pattern.match(text.value) and _is_count(value)
    ]


def _is_count(value: ast.FormattedValue) -> bool:
    """Whether it may be a number of things: neither a text nor a number with digits after 0."""
    form = "" if value.format_spec is None else ast.unparse(value.format_spec)
    text = ast.unparse(value.value)
    return (
        value.conversion == -1
        and not re.search(r"[gfe%]['\"]?$", form)
        and not text.endswith(("name", "method", "kind", "rows.shape"))
        and not text.startswith("counted(")
    )


def test_every_message_that_counts_things_says_one_in_the_singular():
    trees = {path.name: ast.parse(path.read_text()) for path in SOURCES}
    nouns = _plurals(trees.values())
    assert {"rows", "columns", "classes", "categories"} <= nouns
    found = {name: _left_alone(tree, nouns) for name, tree in trees.items()}
    assert {name: names for name, names in found.items() if names} == {}
    wrong = ast.parse('f"got {count} rows", f"got {n} synthetic rows", f"{name} has no rows"')
    assert _left_alone(wrong, nouns) == ["{count} rows", "{n} synthetic rows"]


def test_users_read_the_singular(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,y\n1\n")
    with pytest.raises(TableError, match="got 1 column, expected 2"):
        read_table(path, "y")
    groups = [GaussianGroup([y, 0.0], np.eye(2), y) for y in (0, 1)]
    with pytest.raises(ValueError, match="got 1 generator, expected one, .* the 2 groups"):
        predict(groups, Design((9, 5)), [Oracle()])
    with pytest.raises(ValueError, match="got 2 groups for a design with 1 size"):
        predict(groups, Design((9,)), Oracle())
