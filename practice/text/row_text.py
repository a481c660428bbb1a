"""Rows of a table as text and back: prompts with seeds in context, and a strict reader.

A prompt is the serialisation that tabular prompts use: a sentence that names the group, the header,
and seeds of that group as comma-separated lines; a model continues with further lines. The reader
takes nothing on trust: a line must have the header's number of cells, every number must be written
as a plain decimal within the range of the real rows (widened by half its width on each side), every
category must have been seen, and group columns must say the group that was asked for. Whatever else
a model writes is rejected, with the reason counted.
"""

from __future__ import annotations

import csv
import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from synthetic_oversampling.practice.rows.cells import column_kinds
from synthetic_oversampling.simulate.tables.reading import Line, TableError, is_number
from synthetic_oversampling.theory.wording import counted

__all__ = ["Column", "Parsed", "Schema", "parse_rows", "prompt_for", "schema_of", "write_row"]

_SLACK = 0.5  # of a column's range, allowed on each side of it
_MOST_KINDS = 1000


@dataclasses.dataclass(frozen=True)
class Column:
    """What a column's cells may be.

    Attributes:
        name: in the header.
        low, high: least and largest number; None for a category.
        whole: only whole numbers occur.
        kinds: the categories; empty for a number.
    """

    name: str
    low: float | None = None
    high: float | None = None
    whole: bool = False
    kinds: frozenset[str] = frozenset()


class Schema(NamedTuple):
    """The columns, and which of them name the group (label, and attribute if any)."""

    columns: tuple[Column, ...]
    group: tuple[str, ...]

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)


class Parsed(NamedTuple):
    """Rows that were accepted, as cells by column, and why the others were not.

    Attributes:
        rows: cells by column; rejected: how often each reason was given.
    """

    rows: list[dict[str, str]]
    rejected: Counter


def schema_of(
    header: Sequence[str],
    lines: Sequence[Line],
    group: Sequence[str],
    categorical: Collection[str] = (),
    *,
    path: object = "the table",
) -> Schema:
    """Learn what cells may be from the real rows; see `practice.rows.cells` for what is a number.

    Args:
        header, lines: from `simulate.tables.reading.read_lines`.
        group: columns that name the group.
        categorical: further columns that are categories though their cells are numbers.
        path: of the file, for messages.

    Raises:
        TableError: an empty cell, a cell with a line break, a column of numbers in which some cell
            is none, or a text column with too many kinds.

    Example:
        >>> lines = [Line(2, {"x": "1.5", "y": "a"}), Line(3, {"x": "2", "y": "b"})]
        >>> schema_of(("x", "y"), lines, ("y",)).columns[0]
        Column(name='x', low=1.25, high=2.25, whole=False, kinds=frozenset())
    """
    for line in lines:
        for name, cell in line.cells.items():
            if "\n" in cell or "\r" in cell:
                raise TableError(
                    f"{path}, line {line.number}, column {name!r}: the cell has a line break. "
                    "Replace it; a row is one line of text."
                )
    columns = []
    for name, numeric in column_kinds(header, lines, group, categorical, path=path).items():
        cells = [line.cells[name] for line in lines]
        if numeric:
            values = [float(cell) for cell in cells]
            slack = _SLACK * (max(values) - min(values))
            whole = all(value == int(value) for value in values)
            columns.append(Column(name, min(values) - slack, max(values) + slack, whole))
            continue
        kinds = frozenset(cells)
        if len(kinds) > _MOST_KINDS:
            raise TableError(
                f"{path}: column {name!r} has {counted(len(kinds), 'different text')}, expected "
                "categories or numbers. Drop free text and identifiers."
            )
        columns.append(Column(name, kinds=kinds))
    return Schema(tuple(columns), tuple(group))


def write_row(schema: Schema, cells: Mapping[str, str]) -> str:
    """A row as one comma-separated line, quoted where it must be.

    Args:
        schema: of the table.
        cells: by column.
    """
    return ",".join(_quoted(cells[name]) for name in schema.header)


def _quoted(cell: str) -> str:
    if any(mark in cell for mark in ',"'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def prompt_for(schema: Schema, group: Mapping[str, str], seeds: Sequence[Mapping[str, str]]) -> str:
    """The text that a model continues: group, header, seeds, and an open line.

    Args:
        schema: of the table.
        group: label and attribute that are wanted.
        seeds: rows to show.

    Example:
        >>> lines = [Line(2, {"x": "1.5", "y": "a"}), Line(3, {"x": "2", "y": "b"})]
        >>> schema = schema_of(("x", "y"), lines, ("y",))
        >>> print(prompt_for(schema, {"y": "a"}, [lines[0].cells]), end="")
        A table in CSV. Every row has y = a, and no two rows are equal.
        x,y
        1.5,a
    """
    named = " and ".join(f"{name} = {group[name]}" for name in schema.group)
    lines = [
        f"A table in CSV. Every row has {named}, and no two rows are equal.",
        ",".join(_quoted(name) for name in schema.header),
        *(write_row(schema, row) for row in seeds),
    ]
    return "\n".join(lines) + "\n"


def parse_rows(schema: Schema, group: Mapping[str, str], text: str) -> Parsed:
    """Read a completion; its last line counts only if it ends with a line break.

    Args:
        schema: of the real rows.
        group: what was asked for.
        text: what the model wrote after the prompt.

    Example:
        >>> lines = [Line(2, {"x": "1.5", "y": "a"}), Line(3, {"x": "2", "y": "b"})]
        >>> schema = schema_of(("x", "y"), lines, ("y",))
        >>> parse_rows(schema, {"y": "a"}, "1.7,a\\n9,a\\n1.6,b\\nhello\\n1.8,")
        Parsed(rows=[{'x': '1.7', 'y': 'a'}], rejected=Counter({'out of range': 1, 'wrong group': \
1, 'wrong number of cells': 1, 'unfinished line': 1}))
    """
    rows: list[dict[str, str]] = []
    rejected: Counter[str] = Counter()
    lines = text.replace("\r\n", "\n").split("\n")
    unfinished = lines.pop()
    for line in lines:
        if not line.strip():
            continue
        cells, reason = _read(schema, group, line)
        if cells is None:
            rejected[reason] += 1
        else:
            rows.append(cells)
    if unfinished.strip():
        rejected["unfinished line"] += 1
    return Parsed(rows, rejected)


def _read(schema: Schema, group: Mapping[str, str], line: str):
    try:
        (values,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        return None, "not CSV"
    if len(values) != len(schema.columns):
        return None, "wrong number of cells"
    cells = {}
    for column, value in zip(schema.columns, values, strict=True):
        value = value.strip()
        if column.kinds:
            if value not in column.kinds:
                return None, "unknown category"
            if column.name in schema.group and value != group[column.name]:
                return None, "wrong group"
        else:
            if not is_number(value):
                return None, "not a number"
            number = float(value)
            assert column.low is not None and column.high is not None  # a column of numbers
            if not column.low <= number <= column.high:
                return None, "out of range"
            if column.whole and number != int(number):
                return None, "not a whole number"
        cells[column.name] = value
    return cells, ""
