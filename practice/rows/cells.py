"""Numbers or categories: told from a column's cells, and never by accident.

A column whose cells are all numbers is a column of numbers. One whose cells are mostly numbers is a
column of numbers with typing errors, and refused with the places; declaring it makes it categories.
Everything else is categories, as is whatever was declared; integers stay numbers unless declared.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence

from synthetic_oversampling.simulate.tables.names import check_names, meant
from synthetic_oversampling.simulate.tables.reading import (
    Line,
    TableError,
    is_number,
    numbers_in,
    places,
    told,
)
from synthetic_oversampling.theory.wording import counted

__all__ = ["ColumnWarning", "are_numbers", "column_kinds", "conform"]

_OTHER_NUMBERS = re.compile(r"[+-]?[0-9.' ]*[0-9],[0-9]+|[0-9]+%|[$€£] ?[0-9.,]+")
_DATES = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_MISSING = frozenset(
    "#N/A|#NA|-NaN|-nan|<NA>|N/A|NA|NULL|NaN|None|n/a|nan|null".split("|")
)  # what pandas reads as missing
_MANY = 20  # kinds, beyond which a column that hardly repeats itself is worth a word


class ColumnWarning(UserWarning):
    """A column was read in a way that its owner may not have meant."""


def are_numbers(name: object, cells: Sequence[str], where: Callable[[int], str], how: str) -> bool:
    """Whether a column that nobody declared holds numbers; if not, it holds categories.

    Args:
        name: of the column.
        cells: its texts, none of which is empty.
        where: the place of a cell, for messages.
        how: what declares a column to be categories, for messages.

    Raises:
        TableError: half of the cells or more are numbers, but not all; dates; missing values.

    Example:
        >>> are_numbers("x", ["1", "2.5"], str, "--categorical x")
        True
        >>> are_numbers("x", ["1", "2.5", "1.2x"], str, "--categorical x")
        Traceback (most recent call last):
        ...
        synthetic_oversampling.simulate.tables.reading.TableError: column 'x': 2 of 3 cells (67 %) \
are numbers, but not 2: '1.2x'. Correct or drop them, or declare the column as categories with \
--categorical x.
    """
    if numbers_in(cells) is not None:
        return True
    plain = [is_number(cell) for cell in cells]
    declare = f"or declare the column as categories with {how}"
    odd = [place for place, one in enumerate(plain) if not one]
    numbers = len(cells) - len(odd)
    meant = numbers + sum(_OTHER_NUMBERS.fullmatch(cells[place]) is not None for place in odd)
    if 2 * meant >= len(cells):
        raise TableError(
            f"column {name!r}: {told(cells, odd, where)}. Correct or drop them, {declare}."
        )
    dates = [place for place in odd if _DATES.fullmatch(cells[place])]
    if 2 * len(dates) >= len(cells):
        raise TableError(
            f"column {name!r}: holds dates ({places(cells, dates, where)}), expected numbers or "
            f"categories. Turn them into numbers, such as days since a date, {declare}."
        )
    missing = [place for place in odd if cells[place] in _MISSING]
    if missing:
        raise TableError(
            f"column {name!r}: a missing value is meant in {len(missing)} of "
            f"{counted(len(cells), 'cell')} ({places(cells, missing, where)}). Fill or drop them, "
            f"{declare}, in which they are one."
        )
    _warn(name, cells, plain, where)
    return False


def _warn(name, cells, plain, where) -> None:
    """A word about columns that are categories but may not be meant so."""
    numbers = [place for place, one in enumerate(plain) if one]
    if numbers:
        warnings.warn(
            f"column {name!r} is read as categories: numbers in only {len(numbers)} of "
            f"{counted(len(cells), 'cell')} ({places(cells, numbers, where)})",
            ColumnWarning,
            stacklevel=2,
        )
    kinds = len(set(cells))
    if kinds > max(_MANY, len(cells) / 2):
        warnings.warn(
            f"column {name!r} is read as {counted(kinds, 'category')} in "
            f"{counted(len(cells), 'row')}; drop free text and identifiers",
            ColumnWarning,
            stacklevel=2,
        )


def column_kinds(
    header: Sequence[str],
    lines: Sequence[Line],
    texts: Collection[str] = (),
    categorical: Collection[str] = (),
    *,
    path: object = "the table",
) -> dict[str, bool]:
    """Which columns of a CSV file are numbers.

    Args:
        header, lines: from `simulate.tables.reading.read_lines`.
        texts: columns that are names of groups: the label, and an attribute if any.
        categorical: columns that are declared to be categories.
        path: of the file, for messages.

    Returns:
        Column -> whether it is numbers; in the order of the header.

    Raises:
        TableError: an empty cell, a column that is neither (see `are_numbers`), or a declared
            column that is not there.

    Example:
        >>> lines = [Line(2, {"x": "1.5", "y": "a"}), Line(3, {"x": "2", "y": "b"})]
        >>> column_kinds(("x", "y"), lines)
        {'x': True, 'y': False}
    """
    for name in (*texts, *categorical):
        if name not in header:
            raise TableError(f"{path}: no column {name!r}; {meant(name, header)}")
    found = {}
    for name in header:
        cells = [line.cells[name] for line in lines]
        _check_filled(name, cells, lines, path)
        if name in texts:
            try:
                check_names(cells)
            except ValueError as error:
                raise TableError(f"{path}, column {name!r}: {error}") from None
        found[name] = (
            name not in texts and name not in categorical and _numbers_of(name, cells, lines, path)
        )
    return found


def _check_filled(name, cells, lines, path) -> None:
    if all(cells):
        return
    empty = [line.number for line, cell in zip(lines, cells, strict=True) if not cell]
    raise TableError(
        f"{path}, line {empty[0]}, column {name!r}: the cell is empty; empty are {len(empty)} of "
        f"{counted(len(cells), 'cell')}. Fill them, in a column of categories with a category of "
        "their own, or drop the lines."
    )


def _numbers_of(name, cells, lines, path) -> bool:
    try:
        return are_numbers(
            name, cells, lambda place: f"line {lines[place].number}", f"--categorical {name}"
        )
    except TableError as error:
        raise TableError(f"{path}: {error}") from None


def conform(kinds: Mapping[str, bool], lines: Sequence[Line], path: object) -> None:
    """Hold another file to the kinds of the first one: its numbers are numbers, no cell is empty.

    Args:
        kinds: by column, whether it holds numbers.
        lines: of the other file.
        path: of it, for the message.

    Raises:
        TableError: for the first cell that is not.

    Example:
        >>> conform({"x": True}, [Line(2, {"x": "1,5"})], "made.csv")
        Traceback (most recent call last):
        ...
        synthetic_oversampling.simulate.tables.reading.TableError: made.csv: column 'x': 0 of 1 \
cell (0 %) are numbers, but not line 2: '1,5'; in the first file all are. Correct or drop them, or \
declare the column as categories with --categorical x.
    """
    for name, numeric in kinds.items():
        cells = [line.cells[name] for line in lines]
        _check_filled(name, cells, lines, path)
        odd = [place for place, cell in enumerate(cells) if not is_number(cell)]
        if numeric and odd:
            where = told(cells, odd, lambda place: f"line {lines[place].number}")
            raise TableError(
                f"{path}: column {name!r}: {where}; in the first file all are. Correct or drop "
                f"them, or declare the column as categories with --categorical {name}."
            )
