"""Labelled tables from CSV files: read once, checked cell by cell, for every command.

A table has a header, one line a row, a label's column and possibly an attribute's column; every
other column is a feature, and a number unless it is declared to hold categories. Groups are the
labels that occur, or the pairs of label and attribute. Whatever is wrong with a file is reported
with its line and column.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from synthetic_oversampling.simulate.artifacts import save_text
from synthetic_oversampling.simulate.tables.encoding import Encoding, encoding_of
from synthetic_oversampling.simulate.tables.names import PLAIN, check_header, check_names, meant
from synthetic_oversampling.theory.wording import counted, shortened

__all__ = [
    "Line",
    "Table",
    "TableError",
    "is_number",
    "numbers_in",
    "places",
    "read_lines",
    "read_table",
    "told",
    "write_table",
]


class TableError(ValueError):
    """A table cannot be used; the message says where and why."""


class Line(NamedTuple):
    """One data line of a CSV file: its number in the file and its cells by column."""

    number: int
    cells: dict[str, str]


class Table(NamedTuple):
    """A labelled table.

    Attributes:
        features: ``[n, d]``; numbers, then the indicators of categories.
        labels: ``n`` strings.
        attributes: ``n`` strings, or None without an attribute's column.
        names: of the columns that are features, as in the file.
        label_name, attribute_name: of these columns.
        cells: these columns' texts, as in the file ``[n, columns]``.
        encoding: of the categories; None without any.
    """

    features: np.ndarray
    labels: np.ndarray
    attributes: np.ndarray | None
    names: tuple[str, ...]
    label_name: str
    attribute_name: str | None
    cells: np.ndarray
    encoding: Encoding | None = None


def read_lines(path: str | os.PathLike, label: str) -> tuple[tuple[str, ...], list[Line]]:
    """Header and lines of a CSV file that has a label's column.

    Args:
        path: the file, UTF-8 text with commas and a header line.
        label: name of the label's column; no label may be empty.

    Returns:
        The columns' names and the lines; line numbers count from 1.

    Raises:
        TableError: if the file is missing, unreadable, empty, ragged, or without the label, or if
            a label means a missing value or is a number written in two ways.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.csv"
        >>> _ = path.write_text("height,kind\\n1.5,a\\n2.0,b\\n")
        >>> read_lines(path, "kind")[1][1]
        Line(number=3, cells={'height': '2.0', 'kind': 'b'})
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise TableError(f"{path}: no such file. Pass the path of a CSV file.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(
            f"{path}: cannot be read as CSV ({error}). Expected UTF-8 text with commas and a "
            "header line."
        ) from error
    if not rows or not any(rows[0][1]):
        raise TableError(f"{path}: is empty. Expected a header line and one line a row.")
    header = tuple(name.strip() for name in rows[0][1])
    try:
        check_header(header)
    except ValueError as error:
        raise TableError(f"{path}: {error}") from None
    if label not in header:
        raise TableError(
            f"{path}: no column {label!r}; {meant(label, header)} Pass the label's column with "
            "--label."
        )
    lines = []
    for line, row in rows[1:]:
        if not row:
            continue
        if len(row) != len(header):
            raise TableError(
                f"{path}, line {line}: got {counted(len(row), 'column')}, expected {len(header)} "
                "as in the header. Check for missing or unquoted commas."
            )
        cells = dict(zip(header, map(str.strip, row), strict=True))
        if not cells[label]:
            raise TableError(f"{path}, line {line}: the label is empty. Fill it or drop the line.")
        lines.append(Line(line, cells))
    if not lines:
        raise TableError(f"{path}: has a header but no rows (no seeds). Expected one line a row.")
    _check_names(path, label, lines)
    return header, lines


def _check_names(path: os.PathLike | str, column: str, lines: Sequence[Line]) -> None:
    """Raise unless a column's cells can name groups."""
    try:
        check_names([line.cells[column] for line in lines])
    except ValueError as error:
        raise TableError(f"{path}, column {column!r}: {error}") from None


def is_number(text: str) -> bool:
    """Whether a cell is a finite number in plain decimal notation.

    Args:
        text: of the cell.

    Example:
        >>> [is_number(text) for text in ("-1.5e3", "1,5", "1_000", "nan", "1e999", "")]
        [True, False, False, False, False, False]
    """
    return PLAIN.fullmatch(text) is not None and math.isfinite(float(text))


_DECIMAL = re.compile(r"[0-9+\-.eE\n]*")  # of what `float` reads, these are plain decimals
_EXPONENT = re.compile(r"[eE][+-]?[0-9]{4}")  # but for these


def numbers_in(texts: Sequence[str]) -> np.ndarray | None:
    """The cells' numbers, if each of them is one by `is_number`; else None.

    Args:
        texts: of the cells.

    Example:
        >>> print(numbers_in(["1.5", "-25e-1"]), numbers_in(["1.5", "2,5"]))
        [ 1.5 -2.5] None
    """
    text = "\n".join(texts)
    if text.count("\n") >= len(texts) or not _DECIMAL.fullmatch(text) or _EXPONENT.search(text):
        return np.array(list(map(float, texts))) if all(map(is_number, texts)) else None
    try:
        found = np.fromiter(map(float, texts), float, len(texts))
    except ValueError:
        return None
    return found if np.isfinite(found).all() else None


_TOGETHER = 1 << 20  # cells converted at once
_NAMED = 3  # places that a message names


def _numbers(
    path: os.PathLike | str, names: Sequence[str], cells: np.ndarray, lines: Sequence[Line]
) -> np.ndarray:
    """Columns of numbers ``[n, columns]`` from their cells.

    Raises:
        TableError: for the first column with a cell that is no number, saying how many are.
    """
    out = np.empty(cells.shape)
    if not names:
        return out
    rows = max(1, _TOGETHER // max(len(names), 1))
    for first in range(0, len(cells), rows):
        found = numbers_in(cells[first : first + rows].ravel().tolist())
        if found is None:
            break
        out[first : first + rows] = found.reshape(-1, len(names))
    else:
        return out
    fine = np.frompyfunc(is_number, 1, 1)(cells).astype(bool)
    column = int(np.argmin(fine.all(axis=0)))
    odd = np.flatnonzero(~fine[:, column]).tolist()
    where = told(cells[:, column].tolist(), odd, lambda place: f"line {lines[place].number}")
    raise TableError(
        f"{path}: column {names[column]!r}: {where}. Correct, fill or drop them; drop a "
        "column that is not of finite numbers, or declare it where the command has --categorical."
    )


def told(cells: Sequence[str], odd: Sequence[int], where: Callable[[int], str]) -> str:
    """How many cells are numbers, and which are not, for messages.

    Args:
        cells: of a column; odd: places of those that are none; where: a place, in words.

    Example:
        >>> told(["1", "2", "1.2x"], [2], lambda place: f"line {place + 2}")
        "2 of 3 cells (67 %) are numbers, but not line 4: '1.2x'"
    """
    numbers = len(cells) - len(odd)
    share = 100 * numbers / len(cells)
    percent = f"{share:.0f} %" if share < 99.5 else f"{share:.2f} %"
    return (
        f"{numbers} of {counted(len(cells), 'cell')} ({percent}) are numbers, but not "
        f"{places(cells, odd, where)}"
    )


def places(cells: Sequence[str], odd: Sequence[int], where: Callable[[int], str]) -> str:
    """The first of some cells with their places, for messages.

    Args:
        cells, odd, where: as for `told`.
    """
    named = [f"{where(place)}: {shortened(cells[place])!r}" for place in odd[:_NAMED]]
    rest = len(odd) - len(named)
    return ", ".join(named) + (f", and {rest} more" if rest else "")


def read_table(
    path: str | os.PathLike,
    label: str,
    attribute: str | None = None,
    *,
    names: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    encoding: Encoding | None = None,
) -> Table:
    """Read a labelled table; every column but label and attribute is a feature.

    Args:
        path: the file.
        label: name of the label's column; labels are kept as text.
        attribute: name of the spurious attribute's column, if groups are label x attribute.
        names: features expected, in this order, when the table must match another one.
        categorical: features that hold categories; all others hold numbers.
        encoding: of the categories of the table that this one must match.

    Returns:
        The table.

    Raises:
        TableError: for everything `read_lines` refuses, a cell that is not a finite number or an
            empty category, a missing column, no feature, or a category that `encoding` lacks.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.csv"
        >>> _ = path.write_text("height,kind\\n1.5,a\\n2.0,b\\n")
        >>> read_table(path, "kind").features.tolist()
        [[1.5], [2.0]]
    """
    header, lines = read_lines(path, label)
    if attribute is not None and attribute not in header:
        raise TableError(
            f"{path}: no column {attribute!r}; {meant(attribute, header)} Pass the attribute's "
            "column with --group."
        )
    if attribute == label:
        raise TableError(f"{path}: column {label!r} is both label and attribute; name two columns.")
    kept = tuple(name for name in header if name not in (label, attribute))
    if not kept:
        raise TableError(f"{path}: has no feature columns, only the label {label!r}.")
    if names is not None and set(kept) != set(names):
        missing, extra = sorted(set(names) - set(kept)), sorted(set(kept) - set(names))
        raise TableError(
            f"{path}: expected the features {', '.join(names)}; missing: "
            f"{', '.join(missing) or 'none'}, unknown: {', '.join(extra) or 'none'}. Give both "
            "tables the same columns."
        )
    order = kept if names is None else tuple(names)
    _check_categories(path, order, categorical, lines)
    place = {name: at for at, name in enumerate(header)}
    cells = np.array([list(line.cells.values()) for line in lines], object)
    cells = cells[:, [place[name] for name in order]]
    numeric = [at for at, name in enumerate(order) if name not in categorical]
    features = _numbers(path, [order[at] for at in numeric], cells[:, numeric], lines)
    if categorical:
        others = [at for at, name in enumerate(order) if name in categorical]
        kinds = [cells[:, at].tolist() for at in others]
        if encoding is None:
            encoding = encoding_of([order[at] for at in others], kinds)
        try:
            features = np.hstack([features, encoding.indicators(kinds, str(path))])
        except ValueError as error:
            raise TableError(str(error)) from None
    attributes = None
    if attribute is not None:
        for line in lines:
            if not line.cells[attribute]:
                raise TableError(
                    f"{path}, line {line.number}: the attribute is empty. Fill it or drop the line."
                )
        _check_names(path, attribute, lines)
        attributes = np.array([line.cells[attribute] for line in lines])
    labels = np.array([line.cells[label] for line in lines])
    return Table(
        features=features,
        labels=labels,
        attributes=attributes,
        names=order,
        label_name=label,
        attribute_name=attribute,
        cells=cells,
        encoding=encoding,
    )


def _check_categories(path, order: Sequence[str], categorical: Sequence[str], lines) -> None:
    """Raise unless columns of categories are features, without an empty cell."""
    known = frozenset(order)
    for name in categorical:
        if name not in known:
            raise TableError(
                f"{path}: no feature {name!r} that could hold categories; the features are "
                f"{', '.join(order)}. Name columns of the file, without label and attribute."
            )
        for line in lines:
            if not line.cells[name]:
                raise TableError(
                    f"{path}, line {line.number}, column {name!r}: the category is empty. Fill it "
                    "or drop the line."
                )


def write_table(path: str | os.PathLike, header: Sequence[str], rows: Sequence[Sequence]) -> Path:
    """Write a CSV file whole or not at all; numbers in the shortest form that reads back equal.

    Args:
        path: of the file.
        header: names of the columns.
        rows: cells by row.

    Raises:
        ArtifactError: if the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(
        [[repr(float(c)) if isinstance(c, float | np.floating) else c for c in row] for row in rows]
    )
    return save_text(path, text.getvalue())
