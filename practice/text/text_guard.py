"""Copies among the rows of a language model: of rows it was shown, was not shown, and of a test.

The rule of `contamination`, on rows of text: numbers in units of the real rows' spread, a differing
category counts 1, the label is not compared. Rows that were never shown and rows of a test set are
both fresh, so near copies of them beyond chance say that the model knew the table before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.practice.rows.cells import conform
from synthetic_oversampling.practice.rows.contamination import NEAR, Copies, copies_of, encoded
from synthetic_oversampling.practice.text.language_model import Generated
from synthetic_oversampling.practice.text.row_text import Schema
from synthetic_oversampling.simulate.tables.reading import Line, TableError

__all__ = ["TextCopies", "guard", "read_test"]


class TextCopies(NamedTuple):
    """Copies of the rows shown, of those never shown, and of test rows if there are any.

    Attributes:
        shown, unseen, test: in this order; test is None without test rows.
    """

    shown: Copies
    unseen: Copies
    test: Copies | None

    def clean(self, which: str) -> np.ndarray:
        """Rows without copies.

        Args:
            which: of "test" rows, or of "any" real row.
        """
        real = [self.test] if which == "test" else [self.shown, self.unseen, self.test]
        flagged = [copies.flagged for copies in real if copies is not None]
        return ~np.any(flagged, axis=0)


def read_test(
    schema: Schema, header: Sequence[str], lines: Sequence[Line], path: object
) -> list[dict[str, str]]:
    """Rows of a test file, held to the columns of the real rows.

    Args:
        schema: of the table.
        header: of the test file.
        lines: of it.
        path: of it, for the message.

    Raises:
        TableError: columns that differ, an empty cell, or no number where one is expected.
    """
    if set(header) != set(schema.header):
        differing = ", ".join(map(repr, sorted(set(header) ^ set(schema.header))))
        raise TableError(
            f"{path}: its columns differ from those of the seeds in {differing}; give both files "
            "the same columns."
        )
    conform({column.name: not column.kinds for column in schema.columns}, lines, path)
    return [line.cells for line in lines]


def guard(
    made: Generated, test: Sequence[Mapping[str, str]] | None = None, near: float = NEAR
) -> TextCopies:
    """Copies among generated rows.

    Args:
        made: from `language_model.generate_rows`.
        test: further real rows, which the model was not given; see `read_test`.
        near: see `contamination`.

    Raises:
        ValueError: fewer than two rows shown, held back or of the test, or an unusable near.

    Example:
        >>> from synthetic_oversampling.practice.text.row_text import schema_of
        >>> lines = [Line(k + 2, {"x": str(k), "y": "a"}) for k in range(6)]
        >>> rows = [line.cells for line in lines]
        >>> made = Generated(schema_of(("x", "y"), lines, ("y",)), [{"x": "5.0", "y": "a"}], None,
        ...                  shown=rows[:4], unseen=rows[4:])
        >>> found = guard(made)
        >>> found.shown.exact.tolist(), found.unseen.exact.tolist(), found.test
        ([False], [True], None)
    """
    tables = [made.rows, made.shown, made.unseen, *([] if test is None else [test])]
    generated, shown, unseen, *rest = _points(made.schema, tables)
    return TextCopies(
        copies_of(generated, shown, unseen, near=near, name="rows shown"),
        copies_of(generated, unseen, shown, near=near, name="rows held back"),
        copies_of(generated, rest[0], np.concatenate([shown, unseen]), near=near, name="test")
        if rest
        else None,
    )


def _points(schema: Schema, tables) -> list[np.ndarray]:
    """Every table as points, in units of the spread of the real rows (the second and third)."""
    compared = [column for column in schema.columns if column.name != schema.group[0]]
    rows = [row for table in tables for row in table]
    real = slice(len(tables[0]), len(tables[0]) + len(tables[1]) + len(tables[2]))
    columns = [[float(row[c.name]) for row in rows] for c in compared if not c.kinds]
    numbers = np.array(columns).reshape(len(columns), len(rows)).T
    categories, levels = [], []
    for column in (c for c in compared if c.kinds):
        kinds = {kind: code for code, kind in enumerate(sorted({r[column.name] for r in rows}))}
        categories.append([kinds[row[column.name]] for row in rows])
        levels.append(len(kinds))
    codes = np.array(categories, dtype=int).reshape(len(categories), len(rows)).T
    points = encoded(numbers, codes, levels, numbers[real].std(axis=0))
    return np.split(points, np.cumsum([len(table) for table in tables])[:-1])
